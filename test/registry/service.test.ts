import { describe, expect, it, vi } from 'vitest';
import { type Asking, ask, request as requestOf, start, TOKENS, web } from '../support/service.js';

describe('leases over HTTP', () => {
  it('register, beat, are routed to, drain and leave', async () => {
    const service = await start();
    const { status, json } = await ask(service, '/register', { body: web('a') });
    expect(status).toBe(201);
    expect(json).toEqual({
      id: 'a',
      generation: 1,
      secret: expect.stringMatching(/^[\w-]{43}$/),
      heartbeatInterval: 1000,
      ttl: 30_000,
      epoch: service.epoch,
      udpPort: null,
    });
    const { generation, secret } = json;
    const beat = await ask(service, '/heartbeat/a', { body: { generation, secret, sequence: 1 } });
    expect(beat).toMatchObject({ status: 200, json: { status: 'accepted', ttl: 30_000 } });
    const again = await ask(service, '/heartbeat/a', { body: { generation, secret, sequence: 1 } });
    expect(again).toMatchObject({ status: 200, json: { status: 'duplicate' } });
    const route = await ask(service, '/services/web/route');
    expect(route.json).toMatchObject({ mode: 'normal', targets: [{ id: 'a' }] });
    expect((await ask(service, '/instances/a/drain', { method: 'POST' })).status).toBe(200);
    expect((await ask(service, '/instances?service=web')).json.instances[0].draining).toBe(true);
    expect((await ask(service, '/instances/a/undrain', { method: 'POST' })).status).toBe(200);
    expect((await ask(service, '/instances/a', { method: 'DELETE' })).status).toBe(200);
    expect((await ask(service, '/instances/a')).status).toBe(404);
    expect((await ask(service, '/register', { body: web('a') })).json.generation).toBe(2);
  });

  it('says what became of a heartbeat by its status', async () => {
    const service = await start();
    const beat = (id: string, body: object) => ask(service, `/heartbeat/${id}`, { body });
    const code = async (id: string, body: object) => {
      const { status, json } = await beat(id, body);
      return [status, json.error.code];
    };
    expect(await code('a', { generation: 1 })).toEqual([404, 'unknown']);
    await ask(service, '/register', { body: web('a') });
    const old = await ask(service, '/register', { body: web('a') });
    expect(await code('a', {})).toEqual([400, 'no-generation']);
    expect(await code('a', { generation: 0 })).toEqual([400, 'no-generation']);
    expect(await code('a', { generation: 1 })).toEqual([409, 'stale-generation']);
    expect(await code('a', { generation: 3 })).toEqual([404, 'unknown']);
    expect(await code('a', { generation: 2, secret: 'x' })).toEqual([403, 'wrong-secret']);
    expect(await code('a', { generation: '2' })).toEqual([400, 'invalid']);
    expect(await code('a', { generation: 2, sequense: 1 })).toEqual([400, 'invalid']);
    const { secret } = old.json;
    expect((await beat('a', { generation: 2, secret })).status).toBe(200);
    expect(service.registry.dropped).toMatchObject({ unknown: 2, 'stale-generation': 1 });
  });

  it('takes a body that is empty for one that is not there, whatever its type', async () => {
    const service = await start();
    await ask(service, '/register', { body: web('a') });
    const headers = { 'content-type': 'application/json' };
    const say = (path: string, method: string) => ask(service, path, { method, headers });
    const beat = await say('/heartbeat/a', 'POST');
    expect([beat.status, beat.json.error.code]).toEqual([400, 'no-generation']);
    expect((await say('/register', 'POST')).status).toBe(400);
    for (const act of ['failure', 'drain', 'undrain']) {
      expect((await say(`/instances/a/${act}`, 'POST')).status).toBe(200);
    }
    expect((await say('/instances/a', 'DELETE')).status).toBe(200);
  });

  it('can be had, and asked for, by any id that is granted', async () => {
    const service = await start();
    const odd = ['x'.repeat(255), 'é'.repeat(127), '__proto__', 'a/b', 'a%2Fb', 'a?b#c', ' ', '😀'];
    for (const id of odd) {
      const path = encodeURIComponent(id);
      const { status, json } = await ask(service, '/register', {
        body: { ...web(id), service: id },
      });
      expect(status).toBe(201);
      const { generation } = json;
      expect((await ask(service, `/heartbeat/${path}`, { body: { generation } })).status).toBe(200);
      expect((await ask(service, `/instances/${path}`)).json.instance.id).toBe(id);
      const route = await ask(service, `/services/${path}/route`);
      expect(route.json.targets).toMatchObject([{ id }]);
    }
    for (const id of ['.', '..', 'a\u2028b', 'a\u202eb']) {
      expect((await ask(service, '/register', { body: web(id) })).status).toBe(400);
      const named = { ...web('a'), service: id };
      expect((await ask(service, '/register', { body: named })).status).toBe(400);
    }
  });

  it('gives explanation, intervals and thresholds of an instance', async () => {
    const service = await start();
    await ask(service, '/register', { body: web('a') });
    await ask(service, '/heartbeat/a', { body: { generation: 1 } });
    const { json } = await ask(service, '/instances/a');
    expect(json).toMatchObject({
      instance: { id: 'a', status: 'available' },
      intervals: { mean: 1000, model: 'normal', threshold: 8, samples: expect.any(Array) },
      thresholds: { late: 1, critical: 3, suspect: 8 },
    });
  });

  it('refuses what does not fit, with the name of it', async () => {
    const service = await start();
    const message = async (body: unknown) => {
      const { status, json } = await ask(service, '/register', { body });
      return `${status} ${json.error.message}`;
    };
    expect(await message({ ...web('a'), ttl: -1 })).toMatch(/^400 ttl: /);
    expect(await message({ ...web('é'.repeat(128)) })).toBe(
      '400 id: expected 1 to 255 bytes of UTF-8',
    );
    expect(await message({ ...web('a\n') })).toBe(
      '400 id: expected text without control characters',
    );
    expect(await message(web('a', { address: 'h:1\u202e' }))).toBe(
      '400 address: expected text without control characters',
    );
    expect(await message({ ...web('a'), colour: 'red' })).toMatch(/^400 .*colour/);
    const meta = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, '']));
    expect(await message(web('a', { meta }))).toBe('400 meta: expected at most 32 keys');
    expect(await message('{"id":')).toBe('400 the body is no JSON');
    expect(await message(7)).toMatch(/^400 /);
    expect(service.registry.size).toBe(0);
  });

  it('tells nothing of what is thrown here, even if that is no error', async () => {
    const notices: unknown[] = [];
    const fails = (): boolean => {
      throw 'a text';
    };
    const demo = { kill: fails, freeze: fails, resume: fails, start: fails };
    const onNotice = ({ message }: { message: string }) => notices.push(message);
    const service = await start({ demo, onNotice });
    const answer = await fetch(`${service.url}/demo/a/kill`, { method: 'POST' });
    expect([answer.status, (await answer.json()).error.code]).toEqual([500, 'internal']);
    expect(notices).toEqual(['a text']);
  });

  it('refuses an address that its prober could never poll, and counts that', async () => {
    const probe = { kind: 'tcp' as const };
    const service = await start({ probe });
    const register = (address: string, path = service) =>
      ask(path, '/register', { body: { id: 'a', service: 's', address } });
    for (const address of [
      '127.0.0.1:99999',
      'host',
      '0.0.0.0:80',
      '[::]:80',
      '169.254.169.254:1',
    ]) {
      const { status, json } = await register(address);
      expect(status, address).toBe(400);
      expect(json).toMatchObject({
        error: { code: 'invalid', message: expect.stringMatching(/^address: .*never could/) },
      });
    }
    expect(service.registry.size).toBe(0);
    expect(service.probes).toMatchObject({ targets: 0, registrationsRefused: 5 });
    expect((await register('127.0.0.1:1')).status).toBe(201);
    // A registry that polls nobody looks into no address.
    const other = await start();
    expect((await register('0.0.0.0:80', other)).status).toBe(201);
    expect(other.probes).toBe(null);
  });

  it('is full at maxInstances, and takes an instance anew all the same', async () => {
    const service = await start({ registry: { maxInstances: 1 } });
    expect((await ask(service, '/register', { body: web('a') })).status).toBe(201);
    const full = await ask(service, '/register', { body: web('b') });
    expect(full).toMatchObject({ status: 503, json: { error: { code: 'full' } } });
    expect((await ask(service, '/register', { body: web('a') })).status).toBe(201);
  });

  it('lets one instance ask so often and no oftener', async () => {
    const service = await start();
    await ask(service, '/register', { body: web('a') });
    await ask(service, '/register', { body: web('b') });
    const beats = await Promise.all(
      Array.from({ length: 50 }, () => ask(service, '/heartbeat/a', { body: { generation: 1 } })),
    );
    const limited = beats.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThan(0);
    expect(beats.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(20);
    expect(limited[0].headers.get('retry-after')).toBe('1');
    expect((await ask(service, '/heartbeat/b', { body: { generation: 1 } })).status).toBe(200);
  });

  it('takes a failure that a client reports', async () => {
    const service = await start();
    for (const id of ['a', 'b', 'c']) {
      await ask(service, '/register', { body: web(id) });
      await ask(service, `/heartbeat/${id}`, { body: { generation: 1 } });
    }
    const body = { generation: 1, reason: 'ECONNREFUSED' };
    expect((await ask(service, '/instances/a/failure', { body })).status).toBe(200);
    const { json } = await ask(service, '/services/web/route');
    expect(json.targets.map(({ id }: { id: string }) => id)).not.toContain('a');
    expect((await ask(service, '/instances/x/failure', { body })).status).toBe(404);
  });
});

describe('roles', () => {
  type Role = keyof typeof TOKENS;
  const lease = { generation: 1 };
  /** All routes; who may use each beside operators. `body` needs no lease's secret to be refused. */
  const ROUTES: readonly (readonly [string, readonly Role[] | 'anybody', Asking?])[] = [
    ['POST /register', ['node'], { body: web('a') }],
    ['POST /heartbeat/a', ['node'], { body: lease }],
    ['POST /instances/a/drain', ['node'], { body: lease }],
    ['POST /instances/a/undrain', ['node'], { body: lease }],
    ['DELETE /instances/a', ['node'], { body: lease }],
    ['DELETE /instances/a?force=1', [], { body: lease }],
    ['POST /instances/a/failure', ['reader'], { body: {} }],
    ['POST /removal/force', []],
    ['GET /instances', ['reader']],
    ['GET /instances/a', ['reader']],
    ['GET /services', ['reader']],
    ['GET /services/web/route', ['reader']],
    ['GET /services/web/targets', ['reader']],
    ['GET /protection', ['reader']],
    ['GET /events', ['reader']],
    ['GET /metrics', ['reader']],
    ['GET /status', ['reader']],
    ['GET /status.svg', ['reader']],
    ['GET /openapi.json', ['node', 'reader']],
    ['GET /session', ['node', 'reader']],
    ['POST /demo/a/kill', []],
    ['POST /demo/a/freeze', []],
    ['POST /demo/a/resume', []],
    ['POST /demo/a/start', []],
    ['DELETE /session', 'anybody'],
    ['GET /livez', 'anybody'],
    ['GET /readyz', 'anybody'],
    ['GET /', 'anybody'],
    ['GET /app.js', 'anybody'],
    ['GET /no/such/path', 'anybody'],
  ];

  it.each(ROUTES.map(([route, allowed, asking]) => ({ route, allowed, asking })))(
    '$route',
    async ({ route, allowed, asking }) => {
      const service = await start({ tokens: TOKENS });
      await ask(service, '/register', { body: web('a'), token: TOKENS.operator });
      const [method, path] = route.split(' ');
      const by = async (token?: string) => {
        // A stream goes on: its status is enough.
        const request = { ...asking, method, ...(token !== undefined && { token }) };
        if (path !== '/events') return (await ask(service, path, request)).status;
        const response = await service.fetch(requestOf(path, request));
        await response.body?.cancel();
        return response.status;
      };
      const refused = [401, 403];
      if (allowed === 'anybody') {
        for (const token of [undefined, 'wrong', ...Object.values(TOKENS)]) {
          expect(refused).not.toContain(await by(token));
        }
        return;
      }
      expect(await by()).toBe(401);
      expect(await by('wrong-token-0123456789')).toBe(401);
      expect(await by(`${TOKENS.operator}x`)).toBe(401);
      for (const role of ['node', 'reader'] as const) {
        if (!allowed.includes(role)) expect(await by(TOKENS[role])).toBe(403);
        // A node that may, without its secret, is refused for that alone.
        else if (role === 'reader') expect(refused).not.toContain(await by(TOKENS[role]));
        else expect(await by(TOKENS[role])).not.toBe(401);
      }
      expect(refused).not.toContain(await by(TOKENS.operator));
    },
  );

  it('are told for every route of the document, as the table above has them', async () => {
    const service = await start({ tokens: TOKENS });
    const { json } = await ask(service, '/openapi.json', { token: TOKENS.reader });
    const told = Object.entries<Record<string, { 'x-roles'?: string[] }>>(json.paths).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, { 'x-roles': roles }]) => {
          return `${method.toUpperCase()} ${path}: ${roles ? [...roles].sort() : 'anybody'}`;
        }),
    );
    // Of what anybody may ask, the files of the page are nothing to program for.
    const known = ROUTES.filter(
      ([route]) => !/force=1|such|GET \/($|\w+\.js$|livez\/)/.test(route),
    ).map(([route, allowed]) => {
      const path = route
        .replace(/\/demo\/a\/\w+/, '/demo/{id}/{act}')
        .replace(/\/a\b/, '/{id}')
        .replace('/web/', '/{service}/');
      const who = allowed === 'anybody' ? allowed : [...allowed, 'operator'].sort();
      return `${path}: ${who}`;
    });
    expect(told.sort()).toEqual([...new Set([...known, 'POST /session: anybody'])].sort());
    expect(json.components.schemas).toHaveProperty('Registration');
  });

  it('demand the secret of the lease from nodes, and from nobody else', async () => {
    const service = await start({ tokens: TOKENS });
    const { json } = await ask(service, '/register', { body: web('a'), token: TOKENS.node });
    const { generation, secret } = json;
    const other = await ask(service, '/register', { body: web('b'), token: TOKENS.node });
    const status = async (path: string, body: unknown, token: string, method = 'POST') =>
      (await ask(service, path, { method, body, token })).status;
    for (const path of ['/heartbeat/a', '/instances/a/drain', '/instances/a/undrain']) {
      expect(await status(path, { generation }, TOKENS.node)).toBe(403);
      const wrong = { generation, secret: other.json.secret };
      expect(await status(path, wrong, TOKENS.node)).toBe(403);
      expect(await status(path, { generation, secret }, TOKENS.node)).toBe(200);
    }
    expect(await status('/instances/a/drain', {}, TOKENS.node)).toBe(400);
    expect(await status('/instances/a/drain', undefined, TOKENS.operator)).toBe(200);
    const headers = { 'x-lease-generation': `${generation}`, 'x-lease-secret': secret };
    const asking = { method: 'DELETE', token: TOKENS.node, headers };
    expect((await ask(service, '/instances/a', asking)).status).toBe(200);
    expect((await ask(service, '/instances/a', asking)).status).toBe(404);
  });

  it('tell a probe without a token no more than a status', async () => {
    const service = await start({ tokens: TOKENS });
    for (const path of ['/livez', '/readyz?verbose', '/readyz/state', '/livez/no-such-check']) {
      const { status, text } = await ask(service, path);
      expect([status, text]).toEqual([200, '']);
    }
    const { text } = await ask(service, '/readyz?verbose', { token: TOKENS.reader });
    expect(text).toContain('[+]state ok');
  });

  it('have no part in which methods a probe may use: GET and HEAD', async () => {
    const service = await start({ tokens: TOKENS });
    for (const token of [undefined, TOKENS.reader]) {
      const by = (path: string, method: string) =>
        ask(service, path, { method, ...(token !== undefined && { token }) });
      for (const method of ['POST', 'DELETE', 'OPTIONS']) {
        const { status, headers } = await by('/livez', method);
        expect([method, status, headers.get('allow')]).toEqual([method, 405, 'GET, HEAD']);
      }
      for (const path of ['/livez', '/readyz', '/livez/timers', '/readyz?verbose']) {
        const { status, text } = await by(path, 'HEAD');
        expect([path, status, text]).toEqual([path, 200, '']);
      }
    }
    const { text } = await ask(service, '/metrics', { token: TOKENS.reader });
    expect(text).not.toContain('_health_');
  });
});

describe('HEAD', () => {
  const GETS = [
    ...['/', '/instances', '/instances/a', '/services', '/services/web/route', '/protection'],
    ...['/services/web/targets?format=text', '/metrics', '/status', '/status.svg', '/session'],
    ...['/openapi.json', '/livez', '/readyz', '/readyz/state', '/livez?verbose', '/livez/none'],
    ...['/instances/nobody', '/no/such/path'],
  ];

  it.each(GETS)('of %s is answered as GET, without a body, also over a socket', async (path) => {
    const service = await start();
    service.registry.register(web('a'));
    service.registry.heartbeat('a', { generation: 1 });
    const get = await fetch(service.url + path);
    await get.text();
    const head = await fetch(service.url + path, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([get.status, '']);
    expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
  });

  it('says that a registry that ends is not ready', async () => {
    const service = await start({ drain: 500 });
    const ended = service.close();
    await vi.waitFor(async () => {
      expect((await ask(service, '/readyz', { method: 'HEAD' })).status).toBe(503);
    });
    await ended;
  });
});

describe('sessions', () => {
  it('hold the page in a cookie that no script sees', async () => {
    const service = await start({ tokens: TOKENS });
    const { status, headers, json } = await ask(service, '/session', {
      body: { token: TOKENS.operator },
    });
    expect([status, json]).toEqual([200, { role: 'operator', demo: false, cookie: true }]);
    const set = String(headers.get('set-cookie'));
    expect(set).toMatch(/; HttpOnly/);
    expect(set).toMatch(/; SameSite=Strict/);
    expect(set).not.toMatch(/; Secure/);
    expect(set).not.toContain(TOKENS.operator);
    const cookie = set.split(';')[0];
    const signedIn = { headers: { cookie } };
    expect((await ask(service, '/session', signedIn)).json).toEqual({
      role: 'operator',
      demo: false,
      cookie: true,
    });
    expect((await ask(service, '/instances', signedIn)).status).toBe(200);
    const bad = { headers: { cookie: `${cookie}x` } };
    expect((await ask(service, '/instances', bad)).status).toBe(401);
    await ask(service, '/session', { method: 'DELETE', ...signedIn });
    expect((await ask(service, '/instances', signedIn)).status).toBe(401);
  });

  it('end the streams of events that were opened by them', async () => {
    const service = await start({ tokens: TOKENS });
    const { headers } = await ask(service, '/session', { body: { token: TOKENS.reader } });
    const cookie = String(headers.get('set-cookie')).split(';')[0];
    const stream = await fetch(`${service.url}/events`, { headers: { cookie } });
    const byToken = { headers: { authorization: `Bearer ${TOKENS.reader}` } };
    const other = await fetch(`${service.url}/events`, byToken);
    expect([stream.status, other.status]).toEqual([200, 200]);
    await ask(service, '/session', { method: 'DELETE', headers: { cookie } });
    await expect(stream.text()).rejects.toThrow(); // it is cut off
    await vi.waitFor(async () => {
      const { text } = await ask(service, '/metrics', { token: TOKENS.reader });
      expect(text).toMatch(/event_streams 1$/m);
    });
    await other.body?.cancel();
  });

  it('are not had by guessing', async () => {
    const service = await start({ tokens: TOKENS });
    const body = { token: 'not-the-right-token' };
    const guesses = [];
    for (let i = 0; i < 12; i++) guesses.push((await ask(service, '/session', { body })).status);
    expect(guesses).toEqual([...Array(10).fill(401), 429, 429]);
    const form = { method: 'POST', body: 'token=x', headers: { 'content-type': 'text/plain' } };
    expect((await ask(service, '/session', form)).status).toBe(415);
  });
});

describe('a page of somebody else', () => {
  const cases: readonly [string, Record<string, string>, number][] = [
    ['localhost', { host: 'localhost:7946' }, 200],
    ['an address', { host: '127.0.0.1:7946' }, 200],
    ['an IPv6 address', { host: '[::1]:7946' }, 200],
    ['a name that was turned upon us', { host: 'evil.example' }, 403],
    ['a name that begins like ours', { host: 'localhost.evil.example' }, 403],
    ['no Host at all', { host: '' }, 403],
    ['a name that is allowed', { host: 'registry.example' }, 200],
    ['our own page', { host: 'localhost:7946', origin: 'http://localhost:7946' }, 200],
    [
      'our own page behind TLS',
      { host: 'registry.example', origin: 'https://registry.example' },
      200,
    ],
    ['a page of another port', { host: 'localhost:7946', origin: 'http://localhost:3000' }, 403],
    ['a page of another host', { host: 'localhost', origin: 'https://evil.example' }, 403],
    ['a page without an origin', { host: 'localhost', origin: 'null' }, 403],
    ['an origin that is allowed', { host: 'localhost', origin: 'https://ops.example' }, 200],
    ['a browser without Origin', { host: 'localhost', 'sec-fetch-site': 'cross-site' }, 403],
    ['our page without Origin', { host: 'localhost', 'sec-fetch-site': 'same-origin' }, 200],
  ];

  it.each(cases)('%s', async (_, headers, expected) => {
    const service = await start({
      allowHosts: ['registry.example'],
      allowOrigins: ['https://ops.example'],
    });
    service.registry.register(web('a'));
    const { status } = await ask(service, '/instances/a/drain', { method: 'POST', headers });
    expect(status).toBe(expected);
    expect(service.registry.get('a')?.draining).toBe(expected === 200);
  });

  it('cannot send a form, or read an answer', async () => {
    const service = await start();
    const body = JSON.stringify(web('a'));
    const form = { body, headers: { 'content-type': 'text/plain' } };
    expect((await ask(service, '/register', form)).status).toBe(415);
    const { headers } = await ask(service, '/instances');
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'/,
    );
  });
});

describe('what happens inside', () => {
  it('is not told to clients', async () => {
    const errors: (Error | undefined)[] = [];
    const service = await start({ onNotice: ({ error }) => errors.push(error) });
    service.registry.register(web('a'));
    service.registry.explain = () => {
      throw new Error('a secret detail');
    };
    const { status, text } = await ask(service, '/instances/a');
    expect(status).toBe(500);
    expect(text).not.toMatch(/secret detail|\bat /);
    expect(errors.map((error) => error?.message)).toEqual(['a secret detail']);
  });

  it('is counted in the metrics', async () => {
    const service = await start();
    service.registry.register(web('a'));
    await ask(service, '/nothing');
    await ask(service, '/heartbeat/x', { body: { generation: 1 } });
    const { text, headers } = await ask(service, '/metrics');
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0.0.4/);
    for (const line of [
      'phi_accrual_registry_instances{service="web",status="starting"} 1',
      'phi_accrual_registry_http_rejections_total{code="not-found"} 1',
      'phi_accrual_registry_http_rejections_total{code="unknown"} 1',
      'phi_accrual_registry_dropped_total{reason="unknown"} 1',
      'phi_accrual_peers{detector="service"} 0',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });

  it('says whether the page is there', async () => {
    const service = await start({ dashboard: '/no/such/folder' });
    const { status, json } = await ask(service, '/');
    expect([status, json.error.message]).toEqual([404, 'the page is not installed']);
  });
});

describe('options', () => {
  it.each([
    [{ host: '0.0.0.0' }, 'host: expected a loopback address, or tokens as well, got "0.0.0.0"'],
    [{ tokens: { node: 'short' } }, 'tokens.node: expected 16 to 512 visible ASCII characters'],
    [{ tokens: { admin: 'x'.repeat(20) } }, 'tokens: unknown option "admin"'],
    [{ prot: 1 }, 'options: unknown option "prot"'],
    [{ port: 70_000 }, 'port: expected an integer from 0 to 65535'],
    [{ allowOrigins: ['example.com'] }, 'allowOrigins: expected origins as https://example.com'],
    [{ tls: { cert: 'x' } }, 'tls.key: expected a string'],
  ])('%j', async (options, message) => {
    await expect(start(options as never)).rejects.toThrow(message);
  });
});
