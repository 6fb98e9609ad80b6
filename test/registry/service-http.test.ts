/** Requests as bytes over a real socket: what no client of ours would send is answered in JSON too. */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ask, start, web } from '../support/service.js';

/** All that is answered to `text` until the connection ends, which each request asks for. */
function over(url: string, ...parts: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
      for (const part of parts) socket.write(part);
    });
    let said = '';
    socket.setEncoding('utf8').on('data', (more: string) => {
      said += more;
    });
    socket.on('error', reject).once('close', () => resolve(said));
  });
}

const parsed = (answer: string) => ({
  status: Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1]),
  type: /^content-type: (\S+)\r$/im.exec(answer)?.[1],
  error: /\{"error":\{"code":"([\w-]+)"/.exec(answer)?.[1],
});

describe('a request', () => {
  const CLOSE = 'connection: close\r\n\r\n';
  it.each([
    ['without a Host', `GET /instances HTTP/1.1\r\n${CLOSE}`, 403, 'host-not-allowed'],
    ['of HTTP/1.0 without a Host', 'GET /instances HTTP/1.0\r\n\r\n', 403, 'host-not-allowed'],
    [
      'whose Host is empty',
      `GET /instances HTTP/1.1\r\nhost:\r\n${CLOSE}`,
      403,
      'host-not-allowed',
    ],
    ['whose Host is none', `GET /instances HTTP/1.1\r\nhost: a/b\r\n${CLOSE}`, 400, 'invalid'],
    ['whose target is none', `OPTIONS * HTTP/1.1\r\nhost: localhost\r\n${CLOSE}`, 400, 'invalid'],
  ])('%s is refused in JSON, and counted', async (_, text, status, error) => {
    const service = await start();
    const answer = parsed(await over(service.url, text));
    expect(answer).toEqual({ status, type: 'application/json', error });
    const { text: metrics } = await ask(service, '/metrics');
    expect(metrics).toContain(`phi_accrual_registry_http_rejections_total{code="${error}"} 1\n`);
  });

  it('for a probe needs no Host: load balancers send none by HTTP/1.0', async () => {
    const { url } = await start();
    expect(parsed(await over(url, 'GET /livez HTTP/1.0\r\n\r\n')).status).toBe(200);
  });

  it.each([
    ['announced', 'content-length: 8000000\r\n', 'x'],
    ['chunked', 'transfer-encoding: chunked\r\n', '7a1200\r\nx'],
  ])('with an oversized body, %s, that ends its connection gets its 413', async (_, how, begin) => {
    const { url } = await start();
    const head = 'POST /register HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n';
    const type = 'content-type: application/json\r\n';
    const rest = Buffer.alloc(8_000_000 - 1, 'x');
    const end = how.startsWith('transfer') ? '\r\n0\r\n\r\n' : '';
    const answer = await over(url, `${head}${type}${how}\r\n${begin}`, rest, end);
    expect(parsed(answer)).toMatchObject({ status: 413, error: 'too-large' });
  });
});

describe('a path', () => {
  it.each([
    ['GET', '/register', 'POST'],
    ['PUT', '/instances/a', 'GET, HEAD, DELETE'],
    ['OPTIONS', '/instances', 'GET, HEAD'],
    ['POST', '/', 'GET, HEAD'],
  ])('asked by %s %s says by which methods it can be', async (method, path, allow) => {
    const service = await start();
    service.registry.register(web('a'));
    const { status, json, headers } = await ask(service, path, { method });
    expect([status, json.error.code]).toEqual([405, 'method-not-allowed']);
    expect(headers.get('allow')).toBe(allow);
  });

  it('that is none is 404 by any method', async () => {
    const service = await start();
    for (const method of ['GET', 'POST', 'PUT', 'OPTIONS'])
      expect((await ask(service, '/instances/a/none', { method })).status).toBe(404);
  });
});
