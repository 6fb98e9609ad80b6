/** Pings by HTTP, TCP and ICMP, against real servers on the loopback. */
import { createServer as createHttp, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { httpPing } from '../src/lab/record/http-ping.js';
import { roundTripOf } from '../src/lab/record/icmp-ping.js';
import type { Ping } from '../src/lab/record/ping-recorder.js';
import { tcpPing } from '../src/lab/record/tcp-ping.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Listens on a free port; its connections end with the test. */
async function listen(server: Server): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

const never = () => new AbortController().signal;
const until = (condition: () => boolean) =>
  vi.waitUntil(condition, { timeout: 20_000, interval: 5 });

function http(port: number, path = '/', method: 'GET' | 'HEAD' = 'GET'): Ping {
  const { ping, close } = httpPing(new URL(`http://127.0.0.1:${port}${path}`), method);
  cleanups.push(close);
  return ping;
}

async function serve(listener: RequestListener) {
  return listen(createHttp(listener));
}

describe('httpPing', () => {
  it('takes any status for an answer, and follows no redirect', async () => {
    const asked: string[] = [];
    const { port } = await serve((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(Number(request.url?.slice(1)), { location: '/200' }).end();
    });
    for (const status of [200, 302, 404, 503]) {
      const answer = await http(port, `/${status}`)(never());
      expect(answer.kind).toBe(`status ${status}`);
      expect(answer.at).toBeLessThanOrEqual(performance.now());
    }
    await http(port, '/204', 'HEAD')(never());
    expect(asked).toEqual(['GET /200', 'GET /302', 'GET /404', 'GET /503', 'HEAD /204']);
  });

  it('keeps its connection', async () => {
    const { port, sockets } = await serve((_, response) => response.end('a body'));
    const ping = http(port);
    for (let i = 0; i < 5; i++) {
      await ping(never());
      // The body is read in the meantime.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(sockets.size).toBeLessThan(5);
  });

  it('asks again when a kept connection was closed under it', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n';
    let requests = 0;
    const server = createTcp((socket) => {
      let served = 0;
      socket.on('error', () => {});
      socket.on('data', () => {
        requests++;
        if (served++ === 0) socket.write(answer);
        else socket.destroy();
      });
    });
    const { port, sockets } = await listen(server);
    const ping = http(port);
    await ping(never());
    await until(() => [...sockets].every((socket) => socket.bytesWritten > 0));
    await new Promise((resolve) => setTimeout(resolve, 50)); // the connection goes back to the pool
    expect((await ping(never())).kind).toBe('status 200');
    expect([requests, sockets.size]).toEqual([3, 2]);
  });

  it('fails when the connection ends without an answer, and when it is refused', async () => {
    const server = createTcp((socket) => socket.on('data', () => socket.destroy()));
    const { port } = await listen(server);
    await expect(http(port)(never())).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(http(await closedPort())(never())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('gives up at the signal', async () => {
    const { port, sockets } = await serve(() => {}); // hangs
    const giveUp = new AbortController();
    const answer = http(port)(giveUp.signal);
    await until(() => sockets.size === 1);
    giveUp.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => [...sockets].every((socket) => socket.destroyed));
  });

  it.each([
    ['endless', (write: () => boolean) => setInterval(write, 10)],
    ['large', (write: () => boolean) => setInterval(() => void (write() && write()), 1)],
  ])('does not read an %s body to its end', async (_, body) => {
    const { port, sockets } = await serve((_request, response) => {
      const timer = body(() => response.write('x'.repeat(8192)));
      response.on('close', () => clearInterval(timer));
    });
    expect((await http(port)(never())).kind).toBe('status 200');
    await until(() => [...sockets].every((socket) => socket.destroyed));
  });
});

async function closedPort(): Promise<number> {
  const server = createTcp();
  const { port } = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  cleanups.pop();
  return port;
}

describe('tcpPing', () => {
  it('connects and closes, which is no error to whoever greets it', async () => {
    const ends: string[] = [];
    const server = createTcp((socket) => {
      socket.on('error', () => ends.push('error')).on('end', () => ends.push('end'));
      socket.resume().write('hello');
    });
    const { port } = await listen(server);
    const before = performance.now();
    const { at } = await tcpPing('127.0.0.1', port)(never());
    expect(at).toBeGreaterThanOrEqual(before);
    await until(() => ends.length > 0);
    expect(ends).toEqual(['end']);
  });

  it('closes all the same when the other side does not', async () => {
    const { port, sockets } = await listen(createTcp({ allowHalfOpen: true }));
    await tcpPing('127.0.0.1', port)(never());
    await until(() => sockets.size === 1);
    const [socket] = sockets;
    socket.on('error', () => {});
    // Writing to who has gone fails in the end.
    await until(() => {
      socket.write('x');
      return socket.destroyed;
    });
  });

  it('fails when it is refused', async () => {
    const refused = tcpPing('127.0.0.1', await closedPort())(never());
    await expect(refused).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('gives up at the signal', async () => {
    const { port } = await listen(createTcp());
    const giveUp = new AbortController();
    const answer = tcpPing('127.0.0.1', port)(giveUp.signal);
    giveUp.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('roundTripOf', () => {
  it.each([
    // iputils
    ['64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.176 ms', 0.176],
    ['64 bytes from ::1: icmp_seq=1 ttl=64 time=0.152 ms', 0.152],
    ['64 bytes from one.one.one.one (1.1.1.1): icmp_seq=3 ttl=57 time=13.4 ms', 13.4],
    ['64 bytes from 10.0.0.9: icmp_seq=2 ttl=63 time=1023 ms (DUP!)', 1023],
    ['64 bytes from fe80::1%eth0: icmp_seq=2 ttl=64 time=0.200 ms', 0.2],
    // busybox
    ['64 bytes from 127.0.0.1: seq=0 ttl=64 time=0.040 ms', 0.04],
    ['64 bytes from 2001:db8::7: seq=12 ttl=57 time=8.116 ms', 8.116],
    // macOS, FreeBSD, inetutils
    ['64 bytes from 127.0.0.1: icmp_seq=0 ttl=64 time=0.052 ms', 0.052],
    ['16 bytes from ::1, icmp_seq=0 hlim=64 time=0.433 ms', 0.433],
    ['64 bytes from 127.0.0.1: icmp_seq=0 ttl=64 time=0,030 ms', 0.03],
  ])('%s', (line, ms) => {
    expect(roundTripOf(line)).toBe(ms);
  });

  it.each([
    'PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.',
    'PING 127.0.0.1 (127.0.0.1): 56 data bytes',
    'PING6(56=40+8+8 bytes) ::1 --> ::1',
    'From 192.0.2.2 icmp_seq=1 Destination Host Unreachable',
    '92 bytes from 192.0.2.2: Destination Host Unreachable',
    '36 bytes from 192.0.2.2: Time to live exceeded',
    'Request timeout for icmp_seq 0',
    'no answer yet for icmp_seq=1',
    '1 packets transmitted, 1 received, 0% packet loss, time 0ms',
    'rtt min/avg/max/mdev = 0.176/0.176/0.176/0.000 ms',
    'round-trip min/avg/max/stddev = 0.052/0.052/0.052/0.000 ms',
    '64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.1',
    '',
  ])('finds none in %j', (line) => {
    expect(roundTripOf(line)).toBeUndefined();
  });
});
