/** What neither etcd nor kube-apiserver does; the numbers are those of the list it was built by. */
import { expect, it, vi } from 'vitest';
import { aboutOthers, type Check, createHealth, membersCheck } from '../../src/health/index.js';
import { Loop } from '../support/loop.js';
import { deferred, get, run, settle } from './support.js';

const hang: Check = () => new Promise(() => {});

it('1: a reason cannot forge the line of another check', async () => {
  for (const profile of ['etcd', 'kube'] as const) {
    const health = createHealth({ profile, exposeReasons: true });
    health.add('readyz', 'x', () => 'bad\r\n[+]fake ok\u2028[+]other ok\u0000');
    const { body } = await get(health, '/readyz');
    expect(body.split(/[\r\n\u2028]/)).not.toContain('[+]fake ok');
    expect(body).toContain('[-]x failed: bad\\r\\n[+]fake ok\\u2028[+]other ok\\u0000\n');
    const alone = await get(health, '/readyz/x');
    expect(alone.body.trimEnd().split('\n').length).toBe(1);
  }
});

it('2: a check that hangs is a failure within its time, and no request hangs', async () => {
  const clock = new Loop();
  const health = createHealth({ clock });
  let signal: AbortSignal | undefined;
  health.add(
    'readyz',
    'x',
    (given) => {
      signal = given;
      return new Promise(() => {});
    },
    { timeout: 300 },
  );
  health.add('readyz', 'y', () => true);
  const answer = get(health, '/readyz');
  const late = vi.fn();
  void answer.then(late);
  await run(clock, 290, 10);
  expect(late).not.toHaveBeenCalled();
  expect(signal?.aborted).toBe(false);
  await run(clock, 310, 10);
  expect(late).toHaveBeenCalled();
  expect(signal?.aborted).toBe(true);
  expect((await answer).status).toBe(503);
  expect((await answer).body).toBe('[-]x failed: timeout after 300ms\n[+]y ok\n\n');
});

it('2: a process with nothing else to do stays until a check that hangs has its answer', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  try {
    const health = createHealth({ timeout: 20 });
    health.add('readyz', 'hang', hang);
    const answer = get(health, '/readyz');
    await settle();
    const refs = timers.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef());
    expect(refs).toEqual([true]);
    expect((await answer).body).toBe('[-]hang failed: timeout after 20ms\n\n');
  } finally {
    timers.mockRestore();
  }
});

it('2: an answer that waited to be read behind a stall of our own is no time-out', async () => {
  const clock = new Loop();
  const health = createHealth({ clock, timeout: 300 });
  const reply = deferred<boolean>();
  health.add('readyz', 'db', () => reply.promise);
  const answer = get(health, '/readyz');
  await settle();
  clock.arrive(100, () => reply.resolve(true));
  clock.block(5000); // the time-out is due before what has arrived is read
  await run(clock, 6000, 10);
  expect((await answer).status).toBe(200);
});

it('3: concurrent probes share one run, and cacheMs bounds how often a check runs', async () => {
  const clock = new Loop();
  const health = createHealth({ clock, cacheMs: 1000 });
  const replies = [deferred<boolean>(), deferred<boolean>()];
  const check = vi.fn(() => replies[check.mock.calls.length - 1].promise);
  health.add('readyz', 'x', check);
  const probes = Array.from({ length: 100 }, (_, i) =>
    get(health, i % 2 ? '/readyz' : '/readyz/x'),
  );
  await settle();
  expect(check).toHaveBeenCalledTimes(1);
  replies[0].resolve(false);
  expect((await Promise.all(probes)).map(({ status }) => status)).toEqual(Array(100).fill(503));
  await run(clock, 999);
  expect((await get(health, '/readyz')).status).toBe(503);
  expect(check).toHaveBeenCalledTimes(1);
  await run(clock, 1000);
  replies[1].resolve(true);
  expect((await get(health, '/readyz')).status).toBe(200);
  expect(check).toHaveBeenCalledTimes(2);
});

it('3: a check that asks for itself is run once all the same', async () => {
  const clock = new Loop();
  const health = createHealth({ clock, timeout: 100 });
  const check = vi.fn(async () => (await health.probe('readyz'))?.ok ?? false);
  health.add('readyz', 'x', check);
  const answer = get(health, '/readyz');
  await run(clock, 200, 10);
  expect((await answer).body).toBe('[-]x failed: timeout after 100ms\n\n');
  expect(check).toHaveBeenCalledTimes(1);
});

it('4: whatever a check throws or returns is a failure with a reason', async () => {
  const mean = {
    get message(): string {
      throw new Error('no');
    },
  };
  const thrown = [undefined, null, '', 'text', 0, 17, {}, { message: 'told' }, Symbol('s'), mean];
  const errors = [new Error(''), new AggregateError([new Error('one'), new Error('two')], '')];
  const returned = [
    null,
    0,
    1,
    Number.NaN,
    {},
    { ok: 'yes' },
    [],
    () => true,
    new Error('boom'),
    '',
  ];
  const checks: Check[] = [
    ...[...thrown, ...errors].map((each) => () => {
      throw each;
    }),
    ...[...thrown, ...errors].map((each) => () => Promise.reject(each)),
    ...returned.map((each) => () => each as never),
    ...returned.map((each) => async () => each as never),
    () =>
      ({
        // biome-ignore lint/suspicious/noThenProperty: what is tested
        get then(): never {
          throw new Error('getter');
        },
      }) as never,
    // biome-ignore lint/suspicious/noThenProperty: what is tested
    () => ({ then: (_: unknown, no: (e: unknown) => void) => no(undefined) }) as never,
    () =>
      Object.assign(Promise.resolve(true), {
        // biome-ignore lint/suspicious/noThenProperty: what is tested
        then: () => {
          throw new Error('its own then');
        },
      }),
  ];
  const health = createHealth();
  for (const [i, check] of checks.entries()) health.add('readyz', `c${i}`, check);
  const { status, body } = await get(health, '/readyz');
  expect(status).toBe(503);
  const lines = body.trimEnd().split('\n');
  expect(lines.length).toBe(checks.length);
  for (const [i, line] of lines.entries()) {
    expect(line).toMatch(new RegExp(`^\\[-\\]c${i} failed: .{3,}`));
    expect(line).not.toMatch(/: (undefined|null|\[object Object\])$/);
  }
  expect(body).toContain('failed: told\n');
  expect(body).toContain('failed: one; two\n');
  expect(body).toContain('failed: its own then\n');
});

it('5: no query hides a path, and no response keeps anything of another', async () => {
  const health = createHealth();
  let fails = true;
  health.add('livez', 'x', () => (fails ? 'not now' : true));
  for (const query of [
    '',
    '?',
    '?verbose',
    '?verbose=&exclude=y',
    '?a=b%20c',
    '?%zz',
    '?x?y',
    '#f',
  ]) {
    fails = true;
    const bad = await get(health, `/livez${query}`);
    expect([bad.status, bad.body]).toEqual([503, '[-]x failed: not now\n\n']);
    fails = false;
    const good = await get(health, `/livez${query}`);
    expect(good.status).toBe(200);
    expect(good.body).not.toContain('not now');
    expect((await get(health, '/livez')).body).toBe('ok\n'); // verbose is not remembered
  }
  expect(health.handles('http://localhost/livez?verbose')).toBe(true);
  expect(health.handles('//livez')).toBe(false);
  expect(health.handles('/livez%2e')).toBe(false);
  expect(health.handles('/%zz')).toBe(false);
});

it('6: Infinity and NaN are words in JSON, never null', async () => {
  const health = createHealth();
  health.add('readyz', 'x', () => ({
    ok: true,
    figures: { phi: Infinity, least: -Infinity, none: Number.NaN, some: 1.5 },
  }));
  await get(health, '/readyz');
  const { body } = await get(health, '/status');
  expect(JSON.parse(body).groups.readyz.checks[0].last.figures).toEqual({
    phi: 'Infinity',
    least: '-Infinity',
    none: 'NaN',
    some: 1.5,
  });
  expect(body).not.toContain('null');
});

it('7: livez refuses what is about others, and says so', () => {
  const health = createHealth();
  const others = aboutOthers(() => true);
  expect(() => health.add('livez', 'db', others)).toThrow(
    /^check: .db. checks a dependency and can.t be part of livez/,
  );
  const members = membersCheck({ instances: () => [] }, { min: 1 });
  expect(() => health.add('livez', 'members', members)).toThrow(RangeError);
  expect(() => health.add('livez', 'x', () => true, { dependsOn: ['db'] })).toThrow(RangeError);
  expect(health.status().groups.livez.checks).toEqual([]);
  health.add('readyz', 'db', others);
});

it('7: so it does where another copy of this package has marked it', async () => {
  vi.resetModules(); // each CommonJS file of the package is a copy
  const copy = await import('../../src/health/index.js');
  const health = createHealth();
  expect(copy.aboutOthers).not.toBe(aboutOthers);
  expect(() => health.add('livez', 'db', copy.tcpCheck({ port: 1 }))).toThrow(RangeError);
});

it('7: a loop that has stalled fails livez, by its own cadence', async () => {
  for (const cadence of [5, 100, 2000]) {
    const clock = new Loop();
    const health = createHealth({ clock });
    const raft = health.loop('raft');
    let alive = true;
    const turn = () => {
      if (!alive) return;
      raft.beat();
      clock.setTimeout(turn, cadence);
    };
    turn();
    while (clock.now() < 300 * cadence) {
      clock.runUntil(clock.now() + 10 * cadence);
      expect((await get(health, '/livez')).status).toBe(200);
    }
    alive = false;
    const since = clock.now();
    clock.runUntil(since + 990); // acceptablePause, 1000, is never a stall
    expect((await get(health, '/livez')).status).toBe(200);
    clock.runUntil(since + 1100 + 3 * cadence);
    const { status, body } = await get(health, '/livez');
    expect(status).toBe(503);
    expect(body).toMatch(/^\[-\]raft failed: stalled: no beat for \d+ms, .*φ \d+\.\d\n\n$/);
    alive = true;
    turn();
    expect((await get(health, '/livez')).status).toBe(200);
    health.close();
  }
});

it('8: readyz does not fail for a dependency that is not critical: it is degraded, and 200', async () => {
  for (const profile of ['etcd', 'kube'] as const) {
    const health = createHealth({ profile, exposeReasons: true });
    health.add(
      'readyz',
      'db',
      aboutOthers(() => 'connection refused'),
    );
    health.add('readyz', 'slow', () => ({ ok: true, degraded: true, reason: 'overloaded' }));
    const { status, body } = await get(health, '/readyz?verbose');
    expect(status).toBe(200);
    expect(body).toContain('[+]db degraded: connection refused\n[+]slow degraded: overloaded\n');
    expect((await health.probe('readyz'))?.degraded).toBe(true);
    expect(health.status().groups.readyz.status).toBe('degraded');
    expect((await get(health, '/readyz/db')).status).toBe(profile === 'etcd' ? 503 : 500);
    health.add(
      'readyz',
      'queue',
      aboutOthers(() => 'gone'),
      { critical: true },
    );
    expect((await get(health, '/readyz')).status).toBe(profile === 'etcd' ? 503 : 500);
  }
});

it('9: checks run at once up to the cap, and a hanging group takes nothing from another', async () => {
  const clock = new Loop();
  const health = createHealth({ clock, concurrency: 2, timeout: 500 });
  const open: (() => void)[] = [];
  let most = 0;
  for (let i = 0; i < 6; i++) {
    health.add(
      'readyz',
      `c${i}`,
      () =>
        new Promise<void>((done) => {
          open.push(done);
          most = Math.max(most, open.length);
        }),
    );
  }
  for (const name of ['h1', 'h2', 'h3']) health.add('deep', name, hang);
  health.add('livez', 'own', async () => true);
  const deep = get(health, '/deep');
  const ready = get(health, '/readyz');
  expect((await get(health, '/livez')).status).toBe(200);
  for (let i = 0; i < 6; i++) {
    await settle();
    expect(open.length).toBeGreaterThan(0);
    open.shift()?.();
  }
  expect(most).toBe(2);
  expect((await ready).status).toBe(200);
  await run(clock, 510, 10);
  expect((await deep).body).toBe(
    '[-]h1 failed: timeout after 500ms\n[-]h2 failed: timeout after 500ms\n' +
      '[-]h3 failed: not run: the places for checks were taken for 500ms\n\n',
  );
});

it('9: however many wait for a place, they are no matter of the call stack', async () => {
  const clock = new Loop();
  const health = createHealth({ clock, concurrency: 1 });
  const first = deferred<boolean>();
  const last = deferred<boolean>();
  health.add('readyz', 'first', () => first.promise);
  for (let i = 0; i < 20_000; i++) health.add('readyz', `c${i}`, () => true);
  health.add('readyz', 'last', () => last.promise);
  const answer = get(health, '/readyz?verbose');
  first.resolve(true);
  await settle();
  last.resolve(true);
  const { status, body } = await answer;
  expect(status).toBe(200);
  expect(body.split('\n').length).toBe(20_004);
});

it('9: a cycle of dependencies is refused with its path, and changes nothing', () => {
  const health = createHealth({ name: 'shop' });
  const ok = () => true;
  health.add('readyz', 'db', ok, { dependsOn: ['disk'] });
  health.service('disk', [{ name: 'controller', critical: true }]);
  expect(() => health.add('readyz', 'controller', ok, { dependsOn: ['db'] })).toThrow(
    /controller → db → disk → controller/,
  );
  expect(() => health.service('controller', ['shop'])).toThrow(/controller → shop → db → disk → c/);
  expect(() => health.service('db', ['db'])).toThrow(/db → db/);
  expect(() => health.add('readyz', 'new', ok, { dependsOn: ['fresh', 'shop'] })).toThrow(
    /new → shop → new/,
  );
  expect(() => health.service('other', ['fresh', 'other'])).toThrow(RangeError);
  expect(health.status().graph.nodes.map(({ name }) => name)).toEqual([
    'controller',
    'disk',
    'db',
    'shop',
  ]);
  expect(health.remove('readyz', 'controller')).toBe(false);
});

it("9: a dependency's failure is the dependency's: root causes are named, there is no domino", async () => {
  const health = createHealth({ name: 'shop' });
  const down = new Set(['network', 'db']);
  const check = (name: string) => aboutOthers(() => (down.has(name) ? 'gone' : true));
  health.add('readyz', 'db', check('db'), { dependsOn: [{ name: 'network', critical: true }] });
  health.add('readyz', 'cache', check('cache'), {
    dependsOn: [{ name: 'network', critical: true }],
  });
  health.add('deep', 'network', check('network'));
  health.add('livez', 'self', () => true);
  for (const group of ['livez', 'readyz', 'deep']) await get(health, `/${group}`);
  const { graph } = health.status();
  const states = Object.fromEntries(graph.nodes.map((node) => [node.name, node]));
  expect(graph.rootCauses).toEqual(['network']);
  expect(states.db).toMatchObject({ own: 'failed', status: 'failed', causes: ['network'] });
  expect(states.cache).toMatchObject({ own: 'ok', status: 'blocked', causes: ['network'] });
  expect(states.shop).toMatchObject({ own: 'ok', status: 'degraded', causes: ['network'] });
  expect((await get(health, '/readyz')).status).toBe(200);
});

it('11: while it shuts down, livez passes and readyz fails, until the last moment', async () => {
  for (const profile of ['etcd', 'kube'] as const) {
    const clock = new Loop();
    const health = createHealth({ profile, clock });
    const loop = health.loop('work', { heartbeatInterval: 100 });
    loop.beat();
    expect((await get(health, '/readyz?verbose')).body).not.toContain('shutdown');
    health.shutdown();
    health.shutdown();
    clock.runUntil(60_000); // the loop has ended as well
    expect((await get(health, '/livez')).status).toBe(200);
    const { status, body } = await get(health, '/readyz');
    expect(status).toBe(profile === 'etcd' ? 503 : 500);
    expect(body).toContain('[-]shutdown failed: ');
    expect((await get(health, '/readyz/shutdown')).body).toContain('process is shutting down');
    health.close();
    expect((await get(health, '/readyz')).status).toBe(status);
  }
});
