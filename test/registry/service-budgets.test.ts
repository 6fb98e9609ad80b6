/** Whoever asks spends a budget of his own: strangers leave that of an instance's holder as it is. */
import { describe, expect, it } from 'vitest';
import { ask, start, TOKENS, web } from '../support/service.js';

/** A service with tokens, the lease of `a`, and its heartbeats: the statuses of so many at once. */
async function withLease(options: object = {}) {
  const service = await start({ tokens: TOKENS, ...options });
  const { json: lease } = await ask(service, '/register', { body: web('a'), token: TOKENS.node });
  const { generation, secret } = lease;
  let sequence = 0;
  const beat = async (count: number) => {
    const statuses: number[] = [];
    for (let i = 0; i < count; i++) {
      const body = { generation, secret, sequence: ++sequence };
      statuses.push((await ask(service, '/heartbeat/a', { body, token: TOKENS.node })).status);
    }
    return statuses;
  };
  return { service, generation, secret, beat };
}

describe('the budget of wrong tokens', () => {
  it.each([
    ['GET', '/instances'],
    ['GET', '/nothing'],
    ['POST', '/heartbeat/a'],
    ['POST', '/register'],
    ['DELETE', '/instances/a'],
  ])(
    'is spent by %s %s as by signing in, and no right token is refused for it',
    async (method, path) => {
      const { service, beat } = await withLease();
      const body = method === 'POST' ? {} : undefined;
      const statuses: number[] = [];
      for (let i = 0; i < 15; i++) {
        const token = `wrong-token-0123456789-${i}`;
        statuses.push((await ask(service, path, { method, body, token })).status);
      }
      expect(new Set(statuses.slice(0, 10)).has(429)).toBe(false);
      expect(statuses.slice(10)).toEqual([429, 429, 429, 429, 429]);
      const signIn = { body: { token: 'another-wrong-token-0123' } };
      expect((await ask(service, '/session', signIn)).status).toBe(429);
      expect((await ask(service, '/instances', { token: TOKENS.reader })).status).toBe(200);
      expect(await beat(3)).toEqual([200, 200, 200]);
    },
  );

  it('is not spent by probes, which are answered as without a token', async () => {
    const { service } = await withLease();
    for (let i = 0; i < 30; i++) {
      const token = `wrong-token-0123456789-${i}`;
      expect((await ask(service, '/livez', { token })).status).toBe(200);
    }
    expect((await ask(service, '/instances', { token: 'wrong-token-0123456789' })).status).toBe(
      401,
    );
  });
});

const all = (status: number, count: number) => Array(count).fill(status);

describe('the budget of heartbeats', () => {
  it('is not spent by failures that readers report', async () => {
    const { service, beat } = await withLease();
    const codes = new Set<number>();
    for (let i = 0; i < 100; i++) {
      const report = { body: {}, token: TOKENS.reader };
      codes.add((await ask(service, '/instances/a/failure', report)).status);
    }
    expect(codes).toEqual(new Set([200, 429]));
    expect(await beat(20)).toEqual(all(200, 20));
  });

  it('is not spent by a wrong secret, by none, or by that of another instance', async () => {
    const { service, generation, beat } = await withLease();
    const body = web('b');
    const { json: other } = await ask(service, '/register', { body, token: TOKENS.node });
    const codes = new Set<number>();
    for (let i = 0; i < 40; i++) {
      for (const secret of ['x'.repeat(43), undefined, other.secret]) {
        const forged = { body: { generation, secret }, token: TOKENS.node };
        codes.add((await ask(service, '/heartbeat/a', forged)).status);
      }
    }
    expect(codes).toEqual(new Set([403, 429]));
    expect(await beat(20)).toEqual(all(200, 20));
  });

  it('is not spent by an earlier life, which has its own secret still', async () => {
    const { service, generation, secret } = await withLease();
    const again = { body: web('a', { secret }), token: TOKENS.node };
    const { json: next } = await ask(service, '/register', again);
    expect(next.generation).toBe(generation + 1);
    for (let i = 0; i < 60; i++) {
      const old = { body: { generation, secret }, token: TOKENS.node };
      expect([409, 429]).toContain((await ask(service, '/heartbeat/a', old)).status);
    }
    for (let sequence = 1; sequence <= 20; sequence++) {
      const body = { generation: next.generation, secret: next.secret, sequence };
      expect((await ask(service, '/heartbeat/a', { body, token: TOKENS.node })).status).toBe(200);
    }
  });

  it('is not spent by those who would register its id, drain it, or end it', async () => {
    const { service, generation, beat } = await withLease();
    const wrong = { generation, secret: 'x'.repeat(43) };
    for (let i = 0; i < 30; i++) {
      for (const [path, body, method] of [
        ['/register', web('a'), 'POST'],
        ['/instances/a/drain', wrong, 'POST'],
        ['/instances/a', wrong, 'DELETE'],
      ] as const) {
        const { status } = await ask(service, path, { body, method, token: TOKENS.node });
        expect([403, 409, 429]).toContain(status);
      }
    }
    expect(await beat(20)).toEqual(all(200, 20));
    expect(service.registry.get('a')).toMatchObject({ generation, draining: false });
  });

  it('is not spent by an operator, nor where nobody needs a token by beats without a secret', async () => {
    const { service, generation, beat } = await withLease();
    for (let i = 0; i < 60; i++) {
      await ask(service, '/heartbeat/a', { body: { generation }, token: TOKENS.operator });
    }
    expect(await beat(20)).toEqual(all(200, 20));
    const open = await withLease({ tokens: undefined });
    for (let i = 0; i < 60; i++) {
      await ask(open.service, '/heartbeat/a', { body: { generation: open.generation } });
    }
    expect(await open.beat(20)).toEqual(all(200, 20));
  });

  it('has an end for its holder, which nobody else feels', async () => {
    const { service, beat } = await withLease();
    expect(new Set(await beat(60))).toEqual(new Set([200, 429]));
    const report = { body: {}, token: TOKENS.reader };
    expect((await ask(service, '/instances/a/failure', report)).status).toBe(200);
    const { json } = await ask(service, '/register', { body: web('b'), token: TOKENS.node });
    const body = { generation: json.generation, secret: json.secret };
    expect((await ask(service, '/heartbeat/b', { body, token: TOKENS.node })).status).toBe(200);
  });
});

describe('reports of failures', () => {
  it('have a budget for each reporter', async () => {
    const readers = ['first-reader-0123456789', 'second-reader-0123456789'] as const;
    const { service } = await withLease({ tokens: { ...TOKENS, reader: readers } });
    const report = async (token: string) =>
      (await ask(service, '/instances/a/failure', { body: {}, token })).status;
    const first = [];
    for (let i = 0; i < 40; i++) first.push(await report(readers[0]));
    expect(first).toContain(429);
    expect(await report(readers[1])).toBe(200);
  });
});

describe('wrong tokens', () => {
  it('of others, however many, do not keep the right one out', async () => {
    const service = await start({ tokens: TOKENS });
    const signIn = async (token: string) =>
      (await ask(service, '/session', { body: { token } })).status;
    const guesses = [];
    for (let i = 0; i < 15; i++) guesses.push(await signIn('not-the-right-token'));
    expect(guesses).toEqual([...all(401, 10), ...all(429, 5)]);
    expect(await signIn(TOKENS.operator)).toBe(200);
    expect(await signIn('not-the-right-token')).toBe(429);
  });
});
