/** Edges of both profiles that the vectors leave out. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { aboutOthers, createHealth, type HealthOptions } from '../../src/health/index.js';
import { Loop } from '../support/loop.js';
import { get, settle } from './support.js';

const both: readonly HealthOptions['profile'][] = ['etcd', 'kube'];
const fails = () => 'broken';

describe('etcd', () => {
  it('answers nothing but GET, HEAD neither, on all paths of a group', async () => {
    const health = createHealth();
    health.add('readyz', 'x', fails);
    for (const path of ['/livez', '/readyz', '/readyz/x', '/health']) {
      for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
        const { status, body, headers } = await get(health, path, method);
        expect([method, status, headers.get('allow')]).toEqual([method, 405, 'GET']);
        expect(body).toBe(method === 'HEAD' ? '' : 'Method Not Allowed\n');
      }
    }
    expect((await get(health, '/readyz/none', 'POST')).status).toBe(404);
  });

  it('answers HEAD as GET, without a body, where that is asked for', async () => {
    const health = createHealth({ head: true });
    health.add('readyz', 'x', fails);
    for (const path of ['/livez', '/readyz', '/readyz/x', '/health']) {
      const got = await get(health, path);
      const { status, body, headers } = await get(health, path, 'HEAD');
      expect([status, body]).toEqual([got.status, '']);
      expect(headers.get('content-length')).toBe(String(got.body.length));
      const refused = await get(health, path, 'POST');
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
  });

  it('ignores an empty exclude, and says nothing of an unknown one', async () => {
    const health = createHealth();
    health.add('readyz', 'x', () => true);
    const { body } = await get(health, '/readyz?exclude=&exclude=nobody&exclude=X&verbose');
    expect(body).toBe('[+]x ok\nok\n');
  });

  it('neither runs nor counts what is excluded', async () => {
    const health = createHealth();
    health.add('readyz', 'x', fails);
    expect((await get(health, '/readyz?exclude=x')).body).toBe('ok\n');
    expect(health.readings()).toEqual([]);
  });

  it('has no /healthz, and /health as one line: alarm, then leader, then read', async () => {
    const health = createHealth();
    expect(health.handles('/healthz')).toBe(false);
    const said = async (query = '') => {
      const { status, body, headers } = await get(health, `/health${query}`);
      expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
      return [status, body];
    };
    const bad = (reason: string) => [503, `{"health":"false","reason":"${reason}"}\n`];
    const good = [200, '{"health":"true","reason":""}'];
    expect(await said()).toEqual(good);
    const broken = new Set(['leader', 'read']);
    health.add('health', 'read', () => (broken.has('read') ? 'context "deadline"' : true));
    health.add('health', 'leader', () => !broken.has('leader'));
    health.alarms.raise('NOSPACE');
    health.alarms.raise('CORRUPT');
    expect(await said()).toEqual(bad('ALARM NOSPACE'));
    expect(await said('?exclude=NOSPACE')).toEqual(bad('ALARM CORRUPT'));
    expect(await said('?exclude=NOSPACE,CORRUPT')).toEqual(bad('ALARM NOSPACE'));
    expect(health.readings()).toEqual([]); // an alarm comes first: nobody was asked
    expect(await said('?exclude=NOSPACE&exclude=CORRUPT')).toEqual(bad('RAFT NO LEADER'));
    health.alarms.clear('NOSPACE');
    health.alarms.clear('CORRUPT');
    expect(await said()).toEqual(bad('RAFT NO LEADER'));
    expect(await said('?serializable=true')).toEqual(bad('RANGE ERROR:context \\"deadline\\"'));
    expect(await said('?serializable=1')).toEqual(bad('RAFT NO LEADER'));
    broken.delete('leader');
    expect(await said()).toEqual(bad('RANGE ERROR:context \\"deadline\\"'));
    broken.clear();
    expect(await said()).toEqual(good);
    health.alarms.raise('OURS');
    expect(await said()).toEqual(bad('ALARM UNKNOWN'));
    expect(health.status().alarms).toEqual(['OURS']);
  });
});

describe('kube', () => {
  it('answers any method, HEAD without a body', async () => {
    const health = createHealth({ profile: 'kube' });
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD']) {
      const { status, body, headers } = await get(health, '/livez', method);
      expect([status, body]).toEqual([200, method === 'HEAD' ? '' : 'ok']);
      expect(headers.get('content-length')).toBe('2');
    }
    expect(health.handles('/health')).toBe(false);
  });

  it('counts an empty exclude as unknown, and warns when it fails as well', async () => {
    const health = createHealth({ profile: 'kube' });
    health.add('readyz', 'bad', fails);
    health.add('readyz', 'etcd-0', fails, { excludeWith: 'etcd' });
    expect((await get(health, '/readyz?exclude=&exclude=etcd&exclude="')).body).toBe(
      '[-]bad failed: reason withheld\n[+]etcd-0 excluded with etcd: ok\n' +
        'warn: some health checks cannot be excluded: no matches for "","\\""\n' +
        'readyz check failed\n',
    );
    expect((await get(health, '/readyz?exclude=bad&exclude=etcd-0')).body).toBe('ok');
  });

  it('quotes unknown names as Go does, so that none breaks the line', async () => {
    const health = createHealth({ profile: 'kube' });
    const quoted = [
      ['\x01', '\\x01'],
      ['\x07\b\t\n\v\f\r', '\\a\\b\\t\\n\\v\\f\\r'],
      ['"a\\', '\\"a\\\\'],
      ['a b', 'a b'],
      ['\x7f', '\\x7f'],
      ['\u0085', '\\u0085'],
      ['\u00a0', '\\u00a0'],
      ['é', 'é'],
      ['\u2028', '\\u2028'],
      ['\u202e', '\\u202e'],
      ['😀', '😀'],
      ['\u{e0001}', '\\U000e0001'],
    ] as const;
    const query = quoted.map(([name]) => `exclude=${encodeURIComponent(name)}`).reverse();
    expect((await get(health, `/livez?verbose&${query.join('&')}`)).body).toBe(
      '[+]ping ok\nwarn: some health checks cannot be excluded: no matches for ' +
        `${quoted.map(([, each]) => `"${each}"`).join(',')}\nlivez check passed\n`,
    );
  });
});

describe.each(both)('both: %s', (profile) => {
  const ok = profile === 'etcd' ? 'ok\n' : 'ok';

  it('a group without checks answers for ping, as long as it has none', async () => {
    const health = createHealth({ profile });
    expect((await get(health, '/readyz?verbose')).body).toMatch(/^\[\+\]ping ok\n/);
    expect((await get(health, '/readyz/ping')).body).toBe(ok);
    expect((await get(health, '/readyz?exclude=ping')).status).toBe(200);
    health.add('readyz', 'x', () => true); // at any time
    expect((await get(health, '/readyz/ping')).status).toBe(404);
    expect((await get(health, '/readyz?verbose')).body).toMatch(/^\[\+\]x ok\n/);
    expect(health.remove('readyz', 'x')).toBe(true);
    expect(health.remove('readyz', 'x')).toBe(false);
    expect((await get(health, '/readyz/ping')).status).toBe(200);
  });

  it("a group of one's own is there as long as it has checks", async () => {
    const health = createHealth({ profile, name: 'shop' });
    const ok = () => true;
    expect(() => health.add('deep', 'x', ok, { dependsOn: ['x'] })).toThrow(RangeError);
    expect(() => health.add('deep', 'shop', ok, { dependsOn: [] })).toThrow(RangeError);
    expect(health.handles('/deep')).toBe(false);
    health.add('deep', 'x', ok);
    health.add('deep', 'y', ok);
    health.remove('deep', 'x');
    expect((await get(health, '/deep')).status).toBe(200);
    health.remove('deep', 'y');
    expect((await get(health, '/deep')).status).toBe(404);
    health.add('deep/more', 'x', ok); // the path is free
    expect((await get(health, '/deep/more')).status).toBe(200);
  });

  it('the grace of livez ends after its last instant, and readyz has none', async () => {
    const clock = new Loop();
    clock.runUntil(5000);
    const health = createHealth({ profile, clock, startupGrace: 10_000 });
    let runs = 0;
    health.add('livez', 'x', () => {
      runs++;
      return 'broken';
    });
    health.add('readyz', 'x', fails);
    expect((await get(health, '/readyz')).status).toBe(profile === 'etcd' ? 503 : 500);
    clock.runUntil(15_000); // exactly 10 s
    expect((await get(health, '/livez')).body).toBe(ok);
    expect((await get(health, '/livez/x')).body).toBe(ok);
    expect(runs).toBe(0);
    clock.runUntil(15_001);
    expect((await get(health, '/livez')).status).toBe(profile === 'etcd' ? 503 : 500);
    expect(runs).toBe(1);
  });

  it('lines have the order of additions, however long checks take', async () => {
    const health = createHealth({ profile });
    for (const name of ['z', 'a', 'm']) {
      health.add('readyz', name, async () => {
        if (name === 'z') await settle();
      });
    }
    const { body } = await get(health, '/readyz?verbose');
    expect(body.split('\n').slice(0, 3)).toEqual(['[+]z ok', '[+]a ok', '[+]m ok']);
  });

  it('exposeReasons shows or withholds reasons everywhere', async () => {
    for (const exposeReasons of [true, false]) {
      const health = createHealth({ profile, exposeReasons });
      health.add('readyz', 'x', () => 'secret');
      health.add('readyz', 'y', () => ({ ok: true, degraded: true, reason: 'secret' }));
      health.add('health', 'read', () => 'secret');
      for (const path of ['/readyz', '/readyz/x', '/health', '/status']) {
        expect((await get(health, path)).body.includes('secret')).toBe(exposeReasons);
      }
    }
  });

  it('groups are paths, below basePath', async () => {
    const health = createHealth({ profile, basePath: '/internal' });
    health.add('deep/all', 'poststart/crd', () => true);
    expect((await get(health, '/internal/deep/all')).body).toBe(ok);
    expect((await get(health, '/internal/deep/all/poststart/crd')).body).toBe(ok);
    for (const path of ['/internal/deep', '/deep/all', '/livez', '/internallivez', '/internal']) {
      expect(health.handles(path)).toBe(false);
      expect((await get(health, path)).status).toBe(404);
    }
    expect(() => health.add('status', 'x', () => true)).toThrow(RangeError);
  });

  it('a group may lie below another, where no check has its path', async () => {
    const health = createHealth({ profile });
    const failed = profile === 'etcd' ? 503 : 500;
    health.add('readyz', 'db/primary', () => 'down');
    health.add('readyz/shallow', 'own', () => true);
    health.add('deep/all', 'x', () => 'of all');
    health.add('deep', 'y/z', () => 'of deep');
    for (const [path, status] of [
      ['/readyz', failed],
      ['/readyz/db/primary', failed],
      ['/readyz/shallow', 200],
      ['/readyz/shallow/own', 200],
      ['/readyz/shallow/none', 404],
      ['/readyz/db', 404],
      ['/deep/all/x', failed],
      ['/deep/y/z', failed],
      ['/deep/all/y/z', 404],
    ] as const) {
      expect([path, (await get(health, path)).status]).toEqual([path, status]);
    }
    const { body } = await get(health, '/readyz/shallow?verbose');
    expect(body).toBe(profile === 'kube' ? '[+]own ok\nreadyz check passed\n' : '[+]own ok\nok\n');
    const passes = () => true;
    expect(() => health.add('readyz/db/primary', 'x', passes)).toThrow(/^group: .*no check has/);
    expect(() => health.add('readyz/db', 'primary', passes)).toThrow(/^name: .*path is free/);
    expect(() => health.add('deep', 'all', passes)).toThrow(/^name: .*path is free/);
    for (const builtIn of ['readyz/shutdown', 'readyz/maintenance']) {
      expect(() => health.add(builtIn, 'x', passes)).toThrow(/^group: expected none of shutdown/);
    }
    expect(health.handles('/readyz/db')).toBe(true);
    expect((await get(health, '/readyz/db')).status).toBe(404);
    expect(() => health.add('livez/x', 'peers', aboutOthers(passes))).toThrow(/^check: /);
  });

  it('/status and its picture answer GET and HEAD, and can be switched off', async () => {
    const health = createHealth({ profile });
    for (const path of ['/status', '/status.svg']) {
      expect((await get(health, path)).status).toBe(200);
      expect(await get(health, path, 'HEAD')).toMatchObject({ status: 200, body: '' });
      const refused = await get(health, path, 'POST');
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      expect(createHealth({ profile, status: false }).handles(path)).toBe(false);
    }
  });
});

describe('what is wrong is said with its name', () => {
  it.each([
    [{ profile: 'k8s' }, RangeError, /^profile: expected one of etcd, kube, got "k8s"/],
    [{ cacheMs: -1 }, RangeError, /^cacheMs: /],
    [{ timeout: 0 }, RangeError, /^timeout: /],
    [{ timeout: 2 ** 31 }, RangeError, /^timeout: /],
    [{ concurrency: 1.5 }, RangeError, /^concurrency: /],
    [{ startupGrace: '10s' }, TypeError, /^startupGrace: /],
    [{ history: -1 }, RangeError, /^history: /],
    [{ exposeReasons: 'no' }, TypeError, /^exposeReasons: /],
    [{ basePath: 'x' }, RangeError, /^basePath: /],
    [{ basePath: '/x/' }, RangeError, /^basePath: /],
    [{ clock: 5 }, TypeError, /^clock: /],
    [{ signal: 5 }, TypeError, /^signal: /],
    [{ sink: 5 }, TypeError, /^sink: /],
    [{ wall: 5 }, TypeError, /^wall: /],
    [{ name: '' }, TypeError, /^name: /],
    [{ cache: 5 }, TypeError, /^options: unknown option "cache"/],
  ])('%o', (options, type, message) => {
    expect(() => createHealth(options as HealthOptions)).toThrow(type);
    expect(() => createHealth(options as HealthOptions)).toThrow(message);
  });

  it('of checks', () => {
    const health = createHealth();
    const ok = () => true;
    health.add('readyz', 'x', ok);
    expect(() => health.add('readyz', 'x', ok)).toThrow(/^name: .*readyz has not yet, got "x"/);
    expect(() => health.add('readyz', 'shutdown', ok)).toThrow(/not built in/);
    expect(() => health.add('readyz', 'maintenance', ok)).toThrow(/not built in/);
    expect(() => health.add('readyz', 'y', 5 as never)).toThrow(/^check: /);
    expect(() => health.add('readyz', 'y', ok, { timeOut: 5 } as never)).toThrow(/"timeOut"/);
    expect(() => health.add('readyz', 'y', ok, { critical: 1 as never })).toThrow(/^critical: /);
    expect(() => health.add('readyz', 'y', ok, { excludeWith: ' ' })).toThrow(/^excludeWith: /);
    for (const name of [
      '',
      'a b',
      'a\n[+]b ok',
      '/a',
      'a/',
      'a//b',
      '..',
      'a/../b',
      'a?b',
      'é'.repeat(201),
    ]) {
      expect(() => health.add('readyz', name, ok)).toThrow(RangeError);
      expect(() => health.add(name, 'y', ok)).toThrow(RangeError);
    }
    health.add('readyz', 'é/ü', ok);
  });
});

it('the document tells of every option', () => {
  const document = readFileSync(new URL('../../docs/health.md', import.meta.url), 'utf8');
  const told = new Set(document.match(/`\w+`/g)?.map((each) => each.slice(1, -1)));
  const known = (use: () => unknown): string[] => {
    try {
      use();
    } catch (error) {
      return (error as Error).message.replace(/^.*known are/, '').match(/\w+/g) ?? [];
    }
    return [];
  };
  const health = createHealth();
  const options = [
    ...known(() => createHealth({ '?': 1 } as HealthOptions)),
    ...known(() => health.add('readyz', 'x', () => true, { '?': 1 } as never)),
  ];
  expect(options.length).toBe(19);
  expect(options.filter((each) => !told.has(each))).toEqual([]);
});

it('names that are escaped in a URL are found', async () => {
  const health = createHealth();
  health.add('readyz', 'é/ü', () => true);
  expect((await get(health, '/readyz/%C3%A9/%C3%BC')).status).toBe(200);
});
