/** Where health is mounted: real servers on free ports, and what breaks others there. */
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import {
  connect as connectSecond,
  constants,
  createServer as createSecondServer,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import connect from 'connect';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, describe, expect, it } from 'vitest';
import { createHealth, type Health } from '../../src/health/index.js';
import { deferred } from './support.js';

/** Ends whatever a mount has started. */
type Stop = () => Promise<unknown>;

const stops: Stop[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const closed = (server: Pick<Server, 'close'>) =>
  new Promise<void>((done) => {
    server.close(() => done());
    (server as Partial<Server>).closeAllConnections?.();
  });

async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  stops.push(() => closed(server));
  return (server.address() as AddressInfo).port;
}

/** Each answers `/other` by itself, with `other`. */
const mounts: Record<string, (health: Health) => Promise<number>> = {
  'node:http': (health) =>
    listen(createServer((req, res) => health.handler(req, res, () => res.end('other')))),
  Express: (health) => {
    const app = express();
    app.use(health.handler);
    app.get('/other', (_, res) => void res.send('other'));
    return listen(createServer(app));
  },
  Connect: (health) => {
    const app = connect();
    app.use(health.handler);
    app.use('/other', (_, res) => res.end('other'));
    return listen(createServer(app));
  },
  async Fastify(health) {
    const app = fastify();
    app.addHook('onRequest', (req, reply, done) => health.handler(req.raw, reply.raw, done));
    app.get('/other', async () => 'other');
    await app.listen({ port: 0, host: '127.0.0.1' });
    stops.push(() => app.close());
    return (app.server.address() as AddressInfo).port;
  },
  async Hono(health) {
    const app = new Hono();
    app.use((c, next) =>
      health.handles(c.req.url) ? health.fetch(c.req.raw) : (next() as Promise<never>),
    );
    app.get('/other', (c) => c.text('other'));
    return new Promise((resolve) => {
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
        resolve(port),
      );
      stops.push(() => closed(server as Server));
    });
  },
};

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  readonly headers: Record<string, string | string[] | undefined>;
}

/** The path goes out as it stands here. */
const ask = (port: number, path: string, method = 'GET', sent?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = sent === undefined ? {} : { 'content-length': String(sent.length) };
    const req = request({ port, host: '127.0.0.1', path, method, headers }, (res) => {
      let body = '';
      res.setEncoding('utf8');
      res.on('data', (part) => {
        body += part;
      });
      res.on('end', () => resolve({ status: res.statusCode, body, headers: res.headers }));
    });
    req.on('error', reject);
    req.end(sent);
  });

describe.each(Object.entries(mounts))('mounted in %s', (_, mount) => {
  it('it answers its own paths exactly, and leaves all others', async () => {
    const health = createHealth();
    health.add('readyz', 'db', () => 'connection refused');
    health.add('readyz', 'own', () => true);
    const port = await mount(health);
    const bad = await ask(port, '/readyz?verbose&exclude=own');
    expect([bad.status, bad.body]).toEqual([503, '[-]db failed: connection refused\n\n']);
    expect(bad.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'content-length': String(bad.body.length),
    });
    expect((await ask(port, '/readyz/own')).body).toBe('ok\n');
    expect((await ask(port, '/readyz/none')).status).toBe(404);
    expect((await ask(port, '/readyz/')).status).toBe(404);
    expect(await ask(port, '/livez?verbose')).toMatchObject({
      status: 200,
      body: '[+]ping ok\nok\n',
    });
    const posted = await ask(port, '/livez', 'POST', 'a body that nobody reads');
    expect([posted.status, posted.headers.allow]).toEqual([405, 'GET']);
    expect((await ask(port, '/livez', 'HEAD')).status).toBe(405);
    expect((await ask(port, '/health')).body).toBe('{"health":"true","reason":""}');
    expect(JSON.parse((await ask(port, '/status')).body).groups.readyz.status).toBe('failed');
    expect((await ask(port, '/status.svg')).headers['content-type']).toContain('image/svg+xml');
    expect((await ask(port, '/other')).body).toBe('other');
    expect((await ask(port, '/none')).status).not.toBe(503);
  });

  it('kube: HEAD has headers and no body', async () => {
    const health = createHealth({ profile: 'kube' });
    const port = await mount(health);
    const { status, body, headers } = await ask(port, '/livez', 'HEAD');
    expect([status, body, headers['content-length']]).toEqual([200, '', '2']);
  });
});

describe('below a path', () => {
  it('of Express and Connect, which take it away', async () => {
    const health = createHealth();
    const app = express();
    app.use('/internal', health.handler);
    const port = await listen(createServer(app));
    expect((await ask(port, '/internal/livez?verbose')).body).toBe('[+]ping ok\nok\n');
    expect((await ask(port, '/livez')).status).toBe(404);
  });

  it('that is the path of a group, or basePath as well: by what was asked for at first', async () => {
    const health = createHealth();
    const within = createHealth({ basePath: '/internal' });
    health.add('readyz', 'db', () => 'down');
    for (const app of [connect(), express() as unknown as ReturnType<typeof connect>]) {
      app.use('/livez', health.handler);
      app.use('/readyz', health.handler);
      app.use('/internal', within.handler);
      const port = await listen(createServer(app));
      expect((await ask(port, '/livez')).body).toBe('ok\n');
      expect((await ask(port, '/livez?verbose')).body).toBe('[+]ping ok\nok\n');
      expect((await ask(port, '/readyz/db')).body).toBe('[-]db failed: down\n\n');
      expect((await ask(port, '/readyz', 'HEAD')).status).toBe(405);
      expect((await ask(port, '/internal/livez')).body).toBe('ok\n');
      for (const path of ['/livez/', '/livez/none', '/internal/', '/internal/livezz', '/none']) {
        expect((await ask(port, path)).status).toBe(404);
      }
    }
  });

  it('of others, which leave it: basePath', async () => {
    const health = createHealth({ basePath: '/internal' });
    const port = await mounts.Hono(health);
    expect((await ask(port, '/internal/livez')).body).toBe('ok\n');
    expect((await ask(port, '/livez')).status).toBe(404);
  });
});

it('mounted in node:http2 it answers, and a stream that was cancelled harms nobody', async () => {
  const health = createHealth();
  const slow = deferred<boolean>();
  const asked = deferred<void>();
  health.add('readyz', 'slow', () => {
    asked.resolve();
    return slow.promise;
  });
  const server = createSecondServer(health.handler);
  const port = await listen(server as unknown as Server);
  const session = connectSecond(`http://127.0.0.1:${port}`);
  stops.unshift(async () => session.destroy());
  const open = (path: string, method = 'GET') => {
    const stream = session.request({ ':path': path, ':method': method });
    return stream.setEncoding('utf8');
  };
  const cancelled = open('/readyz');
  await asked.promise;
  cancelled.close(constants.NGHTTP2_CANCEL);
  await once(cancelled, 'close');
  slow.resolve(true);
  for (const [path, method, status, body] of [
    ['/livez?verbose', 'GET', 200, '[+]ping ok\nok\n'],
    ['/readyz', 'HEAD', 405, ''],
    ['/readyz/slow', 'GET', 200, 'ok\n'],
    ['/none', 'GET', 404, '404 page not found\n'],
  ] as const) {
    const stream = open(path, method);
    const [headers] = await once(stream, 'response');
    expect([headers[':status'], (await stream.toArray()).join('')]).toEqual([status, body]);
  }
});

describe('known faults of others', () => {
  it('a full URL, an encoded or doubled path: all are answered, and none breaks the server', async () => {
    const health = createHealth();
    const port = await listen(createServer(health.handler));
    expect((await ask(port, 'http://elsewhere/livez?verbose')).body).toBe('[+]ping ok\nok\n');
    expect((await ask(port, '/%6Civez')).body).toBe('ok\n');
    for (const path of ['//livez', '/livez%00', '/%', '/%zz', '/livez/../livez', '/LIVEZ', '*']) {
      expect((await ask(port, path)).status).toBe(404);
    }
  });

  it('nothing of a response is in the next one, on the same connection or beside it', async () => {
    const health = createHealth();
    let n = 0;
    health.add('readyz', 'odd', () => (++n % 2 ? `failure ${n}` : true));
    const port = await listen(createServer(health.handler));
    for (let i = 1; i <= 20; i++) {
      const { status, body } = await ask(port, '/readyz');
      if (i % 2) expect([status, body]).toEqual([503, `[-]odd failed: failure ${i}\n\n`]);
      else expect([status, body]).toEqual([200, 'ok\n']);
    }
  });

  it('a response that somebody else has ended is left alone', async () => {
    const health = createHealth();
    health.add('readyz', 'slow', () => new Promise<void>((done) => setTimeout(done, 20)));
    const server = createServer((req, res) => {
      health.handler(req, res);
      res.end('timed out');
    });
    const port = await listen(server);
    expect((await ask(port, '/readyz')).body).toBe('timed out');
    await health.probe('readyz');
    expect((await ask(port, '/readyz')).body).toBe('timed out');
  });
});

it('1,000 probes with a check that hangs: all are answered, and one check runs', async () => {
  const health = createHealth({ timeout: 100 });
  let running = 0;
  const ends: (() => void)[] = [];
  health.add('readyz', 'hangs', () => {
    running++;
    return new Promise<void>((done) => ends.push(done)); // and ignores its signal
  });
  health.add('readyz', 'fine', async () => true);
  const port = await listen(createServer(health.handler));
  const expected = '[-]hangs failed: timeout after 100ms\n[+]fine ok\n\n';
  for (let wave = 0; wave < 4; wave++) {
    const answers = await Promise.all(Array.from({ length: 250 }, () => ask(port, '/readyz')));
    for (const { status, body } of answers) expect([status, body]).toEqual([503, expected]);
    expect((await ask(port, '/livez')).status).toBe(200);
  }
  expect(running).toBe(1);
  const { overdue, error } = health.status().groups.readyz.checks[0];
  expect(overdue).toBeGreaterThan(0);
  expect(error).toBe(1);
  ends[0](); // it comes back, and is run again
  await new Promise((turn) => setImmediate(turn));
  const again = ask(port, '/readyz');
  while (ends.length < 2) await new Promise((turn) => setTimeout(turn, 1));
  ends[1]();
  expect((await again).body).toBe('ok\n');
  expect(running).toBe(2);
});
