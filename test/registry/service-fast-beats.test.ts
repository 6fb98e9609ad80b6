/** Heartbeats by HTTP over a real socket are answered as those without one, which go the general way. */
import { request as plain } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Asking, ask, request, start, TOKENS, web } from '../support/service.js';

/** Of a service with tokens: the lease of `a`, and ways to ask by each way. */
async function both(options: object = {}) {
  const service = await start({ tokens: TOKENS, ...options });
  const { json: lease } = await ask(service, '/register', { body: web('a'), token: TOKENS.node });
  const over = (path: string, asking: Asking) =>
    new Promise<{ status: number | undefined; text: string; headers: object }>(
      (resolve, reject) => {
        const { method, headers } = request(path, asking);
        const body = typeof asking.body === 'string' ? asking.body : JSON.stringify(asking.body);
        const given = { ...Object.fromEntries(headers), 'content-length': Buffer.byteLength(body) };
        const sent = plain(`${service.url}${path}`, { method, headers: given }, (response) => {
          const { statusCode: status, headers: got } = response;
          const { date: _d, connection: _c, 'keep-alive': _k, ...rest } = got;
          let text = '';
          response.setEncoding('utf8').on('data', (part) => {
            text += part;
          });
          response.on('end', () => resolve({ status, text, headers: rest }));
        });
        sent.on('error', reject).end(body);
      },
    );
  return { service, lease, over };
}

describe('a heartbeat over a socket', () => {
  it('counts once, and has the headers of every answer', async () => {
    const { service, lease, over } = await both();
    const { generation, secret } = lease;
    const body = { generation, secret, sequence: 1 };
    const answer = await over('/heartbeat/a', { body, token: TOKENS.node });
    expect(answer.status).toBe(200);
    expect(service.registry.get('a')?.status).toBe('available');
    expect(service.registry.stats.heartbeats).toBe(1);
    const general = await ask(service, '/heartbeat/a', {
      body: { ...body, sequence: 2 },
      token: TOKENS.node,
    });
    expect(JSON.parse(answer.text)).toEqual(general.json);
    expect(answer.headers).toMatchObject(Object.fromEntries(general.headers));
    expect(service.registry.stats.heartbeats).toBe(2);
  });

  it.each<[string, string, Asking & { readonly with?: object }]>([
    ['a wrong secret', 'a', { with: { secret: 'x'.repeat(43) } }],
    ['no secret', 'a', { with: { secret: undefined } }],
    ['no generation', 'a', { with: { generation: undefined } }],
    ['a generation to come', 'a', { with: { generation: 2 } }],
    ['an unknown id', 'b', {}],
    ['an id that is encoded', '%61', {}],
    ['an unknown key', 'a', { with: { more: 1 } }],
    ['no JSON', 'a', { body: '{' }],
    ['a body that is too large', 'a', { body: `"${'x'.repeat(70_000)}"` }],
    ['a wrong token', 'a', { token: 'wrong-token-0123456789' }],
    ['a token of readers', 'a', { token: TOKENS.reader }],
    ['another type', 'a', { headers: { 'content-type': 'text/plain' } }],
    ['another Host', 'a', { headers: { host: 'evil.example' } }],
    ['a page of another origin', 'a', { headers: { origin: 'https://evil.example' } }],
    ['a page without one', 'a', { headers: { 'sec-fetch-site': 'cross-site' } }],
  ])('with %s is answered as on the general way', async (_, id, { with: more, ...asking }) => {
    const { service, lease, over } = await both();
    const { generation, secret } = lease;
    const all = { token: TOKENS.node, body: { generation, secret, ...more }, ...asking };
    const general = await ask(service, `/heartbeat/${id}`, all);
    const direct = await over(`/heartbeat/${id}`, all);
    expect([direct.status, direct.text]).toEqual([general.status, general.text]);
  });

  it('is counted once when it is refused', async () => {
    const { service, lease, over } = await both();
    const body = { generation: lease.generation, secret: 'x'.repeat(43) };
    const before = service.registry.dropped;
    // A window of a second allows twenty.
    const answers = Array.from({ length: 15 }, () =>
      over('/heartbeat/a', { body, token: TOKENS.node }),
    );
    for (const { status } of await Promise.all(answers)) expect(status).toBe(403);
    expect(service.registry.dropped).toEqual(before);
    const { text } = await over('/heartbeat/a', { body, token: TOKENS.node });
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'wrong-secret' } });
  });

  it('too often is 429', async () => {
    const { lease, over } = await both();
    const { generation, secret } = lease;
    const answers = Array.from({ length: 100 }, (_, sequence) => {
      return over('/heartbeat/a', { body: { generation, secret, sequence }, token: TOKENS.node });
    });
    const statuses = new Set((await Promise.all(answers)).map(({ status }) => status));
    expect(statuses).toEqual(new Set([200, 429]));
  });
});
