/** Tokens that are bound to instances, and who may take over an id. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTokens } from '../../src/registry/service/index.js';
import { isLike } from '../../src/registry/service/tokens.js';
import { Loop } from '../support/loop.js';
import { ask, start, TOKENS, web } from '../support/service.js';

describe('a token that is bound', () => {
  const API = 'token-of-the-api-0123';
  const node = [
    { token: API, services: ['api'], ids: ['api-*'] },
    { token: 'token-of-all-web-0123', services: ['web*'] },
    TOKENS.node,
  ];
  const tokens = { ...TOKENS, node };
  const api = (id: string, more: object = {}) => ({ ...web(id), service: 'api', ...more });

  it('registers those that it is bound to, and no others', async () => {
    const service = await start({ tokens });
    const by = async (token: string, body: object) => {
      const { status, json } = await ask(service, '/register', { body, token });
      return status === 201 ? 201 : [status, json.error.code, json.error.message];
    };
    expect(await by(API, api('api-1'))).toBe(201);
    const refused = [403, 'forbidden', 'the token is for services api and ids api-* alone'];
    expect(await by(API, api('web-1'))).toEqual(refused);
    expect(await by(API, web('api-2'))).toEqual(refused);
    expect(await by('token-of-all-web-0123', { ...web('x'), service: 'web-eu' })).toBe(201);
    expect(await by('token-of-all-web-0123', api('api-3'))).toEqual([
      403,
      'forbidden',
      'the token is for services web* alone',
    ]);
    expect(await by(TOKENS.node, web('anything'))).toBe(201);
    expect(await by(TOKENS.operator, api('whatever'))).toBe(201);
  });

  it('neither beats nor drains nor ends others, though it has their secret', async () => {
    const service = await start({ tokens });
    const { json } = await ask(service, '/register', { body: web('a'), token: TOKENS.node });
    const { generation, secret } = json;
    for (const [path, method] of [
      ['/heartbeat/a', 'POST'],
      ['/instances/a/drain', 'POST'],
      ['/instances/a/undrain', 'POST'],
      ['/instances/a', 'DELETE'],
    ] as const) {
      const asking = { body: { generation, secret }, method };
      const { status } = await ask(service, path, { ...asking, token: API });
      expect([path, status]).toEqual([path, 403]);
      expect((await ask(service, path, { ...asking, token: TOKENS.node })).status).toBe(200);
    }
  });

  it('takes no id out of a service that it is not bound to, dead or alive', async () => {
    const clock = new Loop();
    const service = await start({ tokens, registry: { clock } });
    service.registry.register(web('api-1'));
    service.registry.heartbeat('api-1', { generation: 1 });
    clock.runUntil(20_000);
    expect(service.registry.get('api-1')?.status).toBe('dead');
    const { status } = await ask(service, '/register', { body: api('api-1'), token: API });
    expect(status).toBe(403);
    expect(service.registry.get('api-1')?.service).toBe('web');
  });

  it('is read from a file beside plain ones', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tokens-'));
    const file = join(folder, 'tokens');
    writeFileSync(file, JSON.stringify({ ...tokens, node }), { mode: 0o600 });
    const read = readTokens(file, { PHI_ACCRUAL_NODE_TOKEN: 'one-of-the-environment' });
    rmSync(folder, { recursive: true });
    const service = await start({ tokens: read });
    const status = async (token: string, body: object) =>
      (await ask(service, '/register', { body, token })).status;
    expect(await status(API, api('api-1'))).toBe(201);
    expect(await status(API, web('b'))).toBe(403);
    expect(await status('one-of-the-environment', web('b'))).toBe(201);
  });

  it.each([
    [{ node: [{ token: 'short' }] }, 'tokens.node: expected 16 to 512'],
    [{ node: [{ token: API, services: [] }] }, 'tokens.node.services: expected a list of names'],
    [{ node: [{ token: API, ids: 'api-*' }] }, 'tokens.node.ids: expected a list of names'],
    [{ node: [{ token: API, ids: [''] }] }, 'tokens.node.ids: expected a list of names'],
    [{ node: [{ token: API, id: ['a'] }] }, 'tokens.node: unknown option "id"'],
    [{ node: [{ ids: ['a'] }] }, 'tokens.node.token: expected a string'],
    [{ reader: [{ token: API, ids: ['a'] }] }, 'tokens.reader: expected a string, or several'],
    [{ node: [API, { token: API, ids: ['a'] }] }, 'tokens.node: expected one entry for a token'],
  ])('is refused where it is none: %j', async (bad, message) => {
    await expect(start({ tokens: bad as never })).rejects.toThrow(message);
    await expect(start({ tokens: bad as never })).rejects.not.toThrow(API);
  });

  it('is compared as a pattern in which a star stands for anything', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    const texts = fc.string({ unit: fc.constantFrom('a', 'b', '.', '\n'), maxLength: 8 });
    fc.assert(
      fc.property(letters, texts, (pattern, text) => {
        const oracle = new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's');
        expect(isLike(pattern, text)).toBe(oracle.test(text));
      }),
    );
    expect(isLike('api-*', 'api-')).toBe(true);
    expect(isLike('*', '')).toBe(true);
    expect(isLike('a*a', 'a')).toBe(false);
  });
});

describe('an id that is registered', () => {
  async function world(tokens: object = TOKENS) {
    const clock = new Loop();
    const service = await start({ tokens, registry: { clock } });
    const register = async (token: string, more: object = {}) => {
      const { status, json } = await ask(service, '/register', { body: web('a', more), token });
      return { status, code: json.error?.code, ...json };
    };
    return { clock, service, register };
  }

  it('is not taken over by another node while it lives, and it goes on', async () => {
    const { clock, service, register } = await world();
    const { generation, secret } = await register(TOKENS.node);
    for (const more of [
      {},
      { secret: 'x'.repeat(43) },
      { secret: service.registry.secretOf('b', 1) },
    ]) {
      // Before its first heartbeat, too.
      expect(await register(TOKENS.node, more)).toMatchObject({ status: 409, code: 'id-in-use' });
    }
    const body = { generation, secret };
    const beat = () => ask(service, '/heartbeat/a', { body, token: TOKENS.node });
    for (let i = 0; i < 5; i++) {
      expect((await beat()).status).toBe(200);
      clock.runUntil(clock.now() + 1000);
    }
    expect(await register(TOKENS.node)).toMatchObject({ status: 409, code: 'id-in-use' });
    expect((await beat()).json.status).toBe('accepted');
    expect(service.registry.get('a')?.generation).toBe(generation);
  });

  it('is taken over by who has its present secret', async () => {
    const { register } = await world();
    const first = await register(TOKENS.node);
    const second = await register(TOKENS.node, { secret: first.secret });
    expect(second).toMatchObject({ status: 201, generation: 2 });
    // That of an earlier life is no right any more.
    expect(await register(TOKENS.node, { secret: first.secret })).toMatchObject({ status: 409 });
  });

  it('is taken over by an operator', async () => {
    const { register } = await world();
    await register(TOKENS.node);
    expect(await register(TOKENS.operator)).toMatchObject({ status: 201, generation: 2 });
  });

  it('is taken over once it is suspected, or was never heard for a whole lease', async () => {
    const { clock, service, register } = await world();
    const { generation, secret } = await register(TOKENS.node);
    const body = { generation, secret };
    await ask(service, '/heartbeat/a', { body, token: TOKENS.node });
    clock.runUntil(clock.now() + 20_000);
    expect(service.registry.get('a')?.status).toBe('dead');
    expect(await register(TOKENS.node)).toMatchObject({ status: 201, generation: 2 });
    expect(await register(TOKENS.node)).toMatchObject({ status: 409 });
  });

  it('is free once it is gone, whoever had it', async () => {
    const { service, register } = await world();
    await register(TOKENS.node);
    service.registry.deregister('a');
    expect(await register(TOKENS.node)).toMatchObject({ status: 201, generation: 2 });
  });

  it('is taken over by anybody where nobody needs a token, but not by a secret that is wrong', async () => {
    const { register } = await world({});
    await register('');
    expect(await register('', { secret: 'x' })).toMatchObject({ code: 'id-in-use' });
    expect(await register('')).toMatchObject({ status: 201, generation: 2 });
  });
});
