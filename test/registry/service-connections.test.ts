/** Connections of clients that do not play by the rules end, and nobody has all of them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Rejections } from '../../src/registry/service/errors.js';
import { HttpServer, type ServerOptions } from '../../src/registry/service/server.js';
import { start, web } from '../support/service.js';

const ends: (() => unknown)[] = [];
afterEach(() => Promise.all(ends.splice(0).map((end) => end())));

const LATE = { timeout: 30_000, interval: 20 };

/** A server with short times in front of a service, and connections to it that never end their side. */
async function world(
  more: Partial<ServerOptions> = {},
  fetch?: (request: Request) => Response | Promise<Response>,
) {
  const service = await start();
  const rejections = new Rejections();
  const options: ServerOptions = {
    host: '127.0.0.1',
    port: 0,
    rejections,
    maxConnections: 1000,
    maxConnectionsPerAddress: 1000,
    isExempt: () => false,
    onError: () => {},
    times: {
      ...{ headers: 300, request: 500, handshake: 300, keepAlive: 300 },
      ...{ idle: 1000, linger: 100, look: 50 },
    },
    ...more,
  };
  let open = 0;
  const server = await HttpServer.listen(
    { fetch: fetch ?? service.fetch } as never,
    options,
    (general) => general,
  );
  ends.push(() => server.close());
  const { port } = new URL(server.url);
  const client = (text: string, reads = true) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    socket.once('connect', () => open++);
    socket.write(text);
    if (reads) socket.resume();
    ends.push(() => socket.destroy());
    return socket;
  };
  return { service, server, rejections, port: Number(port), client, opened: () => open };
}

describe('a connection that its client never ends', () => {
  it.each([
    ['without a word', ''],
    ['with half of its headers', 'GET /livez HTTP/1.1\r\nhost: loc'],
    [
      'with half of a body',
      'POST /register HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{"id":',
    ],
    [
      'with half of a chunked body',
      'POST /register HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n50\r\n{"id":',
    ],
    [
      'with half of a heartbeat',
      'POST /heartbeat/a HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{',
    ],
    ['after an answer', 'GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n'],
    [
      'after an answer that was to end it',
      'GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
    ],
    ['with what is no HTTP', 'EHLO registry\r\n\r\n'],
  ])('%s is destroyed', async (_, text) => {
    const { server, client, opened } = await world();
    for (let i = 0; i < 5; i++) client(text);
    await vi.waitUntil(() => opened() === 5, LATE);
    await vi.waitUntil(() => server.connections === 0, LATE);
  });

  it('while it takes nothing of a large answer is destroyed', async () => {
    const { service, server, client, opened } = await world();
    const meta = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`k${i}`, 'x'.repeat(900)]),
    );
    for (let i = 0; i < 600; i++) service.registry.register(web(`i${i}`, { meta }));
    client('GET /instances HTTP/1.1\r\nhost: localhost\r\n\r\n', false);
    await vi.waitUntil(() => opened() === 1, LATE);
    await vi.waitUntil(() => server.connections === 0, LATE);
  });

  it('over TLS is destroyed', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'tls-'));
    ends.push(() => rmSync(folder, { recursive: true }));
    const tls = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    const subject = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost'];
    try {
      execFileSync('openssl', ['req', ...subject, '-keyout', tls.key, '-out', tls.cert], {
        stdio: 'ignore',
      });
    } catch {
      return context.skip('no openssl here');
    }
    const { server, client, port, opened } = await world({ tls });
    for (let i = 0; i < 3; i++) client(''); // these never agree upon TLS
    for (const text of [
      '',
      'GET /livez HTTP/1.1\r\nhost: loc',
      'GET /livez HTTP/1.1\r\nhost: a\r\n\r\n',
    ]) {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      const secure = connectTls({ socket, rejectUnauthorized: false });
      for (const each of [socket, secure]) each.on('error', () => {});
      secure.once('secureConnect', () => secure.write(text)).resume();
      ends.push(() => socket.destroy());
    }
    await vi.waitUntil(() => opened() === 3, LATE);
    await vi.waitUntil(() => server.connections === 0, LATE);
  });
});

describe('the connections of one address', () => {
  it('are no more than its share, and others have theirs', async () => {
    const { server, rejections, client } = await world({ maxConnectionsPerAddress: 3 });
    const sockets = Array.from({ length: 6 }, () => client('GET /livez HTTP/1.1\r\nhost: a\r\n'));
    const ended = () => sockets.filter(({ closed, readableEnded }) => closed || readableEnded);
    await vi.waitUntil(() => ended().length >= 3, LATE);
    expect(rejections.counts['too-many-connections']).toBe(3);
    await vi.waitUntil(() => server.connections === 0, LATE);
    // Places come back when connections end.
    const answer = await fetch(`${server.url}/livez`);
    expect(answer.status).toBe(200);
  });

  it('are not counted for proxies that are trusted, nor on this machine unless it is wished', async () => {
    const open = async (options: object) => {
      const service = await start({ maxConnections: 20, ...options });
      const { port } = new URL(service.url);
      const statuses = [];
      for (let i = 0; i < 4; i++) {
        const answer = fetch(`http://127.0.0.1:${port}/events`).catch(() => ({ status: 0 }));
        statuses.push((await answer).status);
      }
      return statuses;
    };
    expect(await open({})).toEqual([200, 200, 200, 200]);
    expect(await open({ maxConnectionsPerAddress: 2 })).toEqual([200, 200, 0, 0]);
    const behind = { maxConnectionsPerAddress: 2, trustProxy: ['127.0.0.0/8'] };
    expect(await open(behind)).toEqual([200, 200, 200, 200]);
  });
});

describe('requests that are sent before the answer to the one before', () => {
  const list = (n: number) => `GET /list/${n} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
  const times = { idle: 30_000, keepAlive: 30_000, look: 50, linger: 100 };

  it('are taken when that has gone out: who never reads has one answer in memory, not all', async () => {
    const asked: string[] = [];
    const long = 'x'.repeat(16 << 20);
    const { client } = await world({ times }, ({ url }) => {
      asked.push(new URL(url).pathname);
      return new Response(asked.at(-1)?.startsWith('/list') ? long : 'ok');
    });
    const socket = client(Array.from({ length: 20 }, (_, n) => list(n)).join(''), false);
    await vi.waitUntil(() => asked.length > 0, LATE);
    for (let i = 0; i < 5; i++) {
      const other = client('GET /ok HTTP/1.1\r\nhost: localhost\r\n\r\n', false);
      await new Promise((resolve) => other.once('data', resolve));
    }
    expect(asked.filter((path) => path !== '/ok')).toEqual(['/list/0']);
    socket.destroy();
  });

  it('are all answered, in their order, bodies and all', async () => {
    const { client } = await world({ times }, async (request) => {
      const said = await request.text();
      if (said === '3') await new Promise((resolve) => setTimeout(resolve, 20));
      return new Response(`<${said}>`);
    });
    const bodies = Array.from({ length: 12 }, (_, n) => (n === 5 ? 'y'.repeat(200_000) : `${n}`));
    const posts = bodies.map(
      (body) =>
        `POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const socket = client(posts.join(''), false);
    let text = '';
    socket.on('data', (part) => {
      text += part;
    });
    const answers = () => [...text.matchAll(/<(\w*)>/g)].map(([, body]) => body);
    await vi.waitUntil(() => answers().length === bodies.length, LATE);
    expect(answers()).toEqual(bodies);
  });
});
