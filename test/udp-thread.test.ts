/** The UDP port that a thread reads: real sockets on the loopback. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Registry } from '../src/registry/registry.js';
import { Datagrams } from '../src/registry/service/datagrams.js';
import { ReadingClock } from '../src/registry/service/reading-clock.js';
import {
  type DatagramReader,
  listenDatagrams,
  type UdpListener,
} from '../src/sources/udp-listener.js';
import { encodeHeartbeats } from '../src/sources/udp-wire.js';
import { Loop } from './support/loop.js';
import { web } from './support/service.js';

const threads = vi.hoisted(() => [] as Worker[]);
vi.mock('node:worker_threads', async (original) => {
  const actual = await original<typeof import('node:worker_threads')>();
  class Seen extends actual.Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given);
      threads.push(this);
    }
  }
  return { ...actual, Worker: Seen };
});

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function listen(more: Partial<DatagramReader> = {}, port = 0) {
  const heard: { text: string; age: number }[] = [];
  const read: DatagramReader['read'] = (datagram, answer, age) => {
    heard.push({ text: datagram.toString(), age });
    answer(Buffer.from(`to ${datagram}`));
    return 1;
  };
  const listener = await listenDatagrams(() => ({ read, ...more }), { port }, true);
  open.push(listener);
  return { listener, heard };
}

async function sender() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  open.push(socket);
  return socket;
}

const send = (socket: Awaited<ReturnType<typeof sender>>, to: UdpListener, text: string) =>
  new Promise((done) => socket.send(text, to.port, '127.0.0.1', done));

const until = (condition: () => boolean) =>
  vi.waitUntil(condition, { timeout: 20_000, interval: 5 });

describe('a port that a thread reads', () => {
  it('has handed on, once it has caught up, all that had arrived, in order and with its age', async () => {
    const { listener, heard } = await listen();
    const socket = await sender();
    const texts = Array.from({ length: 500 }, (_, i) => `${i}`);
    for (const text of texts) await send(socket, listener, text);
    await new Promise<void>((resolve) => listener.caughtUp(resolve));
    expect(heard.map(({ text }) => text)).toEqual(texts);
    expect(listener.stats).toMatchObject({ datagrams: 500, heartbeats: 500, errors: 0 });
    for (const { age } of heard) expect(age).toBeGreaterThanOrEqual(0);
  });

  it('answers to where a datagram came from', async () => {
    const { listener } = await listen();
    const [a, b] = [await sender(), await sender()];
    const answers = [once(a, 'message'), once(b, 'message')];
    await send(a, listener, 'a');
    await send(b, listener, 'b');
    expect((await Promise.all(answers)).map(([bytes]) => `${bytes}`)).toEqual(['to a', 'to b']);
  });

  it('says that it cannot be had, with the system’s reason', async () => {
    const { listener } = await listen();
    await expect(listen({}, listener.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('is free after close, which hands nothing on, and lets nobody wait', async () => {
    const { listener, heard } = await listen();
    const socket = await sender();
    await send(socket, listener, 'late');
    let called = false;
    listener.caughtUp(() => {
      called = true;
    });
    const closed = listener.close();
    const then = heard.length;
    await closed;
    expect([heard.length, called]).toEqual([then, true]);
    await listen({}, listener.port);
  });

  it('is opened anew when its thread dies, and the link is down in between', async () => {
    const edges: string[] = [];
    const link = { down: () => edges.push('down'), up: () => edges.push('up') };
    const { listener, heard } = await listen({ link });
    await threads.at(-1)?.terminate();
    await until(() => edges.length === 2);
    expect(edges).toEqual(['down', 'up']);
    await send(await sender(), listener, 'again');
    await until(() => heard.length === 1);
  });
});

describe('datagrams that were lost unread', () => {
  it('hold the verdicts on those who are heard there, until it keeps up', async () => {
    const registry = new Registry();
    const loop = new Loop();
    const options = { registry, epoch: '0'.repeat(16), unsigned: true, port: 0, thread: true };
    const note = () => {};
    const datagrams = await Datagrams.open({ ...options, address: '127.0.0.1', host: loop, note });
    open.push(datagrams, registry);
    registry.register(web('a'));
    const beat = encodeHeartbeats([{ id: 'a', incarnation: 1, sequence: 1 }]);
    (await sender()).send(beat, Number(datagrams.port), '127.0.0.1');
    await until(() => registry.get('a')?.status === 'available');
    const lost = (overflowed: number) => threads.at(-1)?.emit('message', { overflowed });
    const state = () => [datagrams.overloaded, registry.protection.links.down];
    lost(3);
    await until(() => datagrams.overloaded);
    expect(state()).toEqual([true, 1]);
    loop.runUntil(400);
    lost(5);
    await until(() => datagrams.stats.overflowed === 5);
    loop.runUntil(600);
    expect(state()).toEqual([true, 1]);
    loop.runUntil(1000);
    expect(state()).toEqual([false, 0]);
  });
});

describe('the clock of a registry that a thread reads for', () => {
  it('lets timers and immediates wait for what waits to be read', () => {
    const loop = new Loop();
    const clock = new ReadingClock(loop);
    const waiting: (() => void)[] = [];
    const reader = { behind: true, caughtUp: (call: () => void) => void waiting.push(call) };
    clock.reader = reader;
    const called: string[] = [];
    clock.setTimeout(() => called.push('timer'), 10);
    const cleared = clock.setTimeout(() => called.push('cleared late'), 10);
    clock.clearTimeout(clock.setTimeout(() => called.push('cleared'), 10));
    clock.setImmediate(() => called.push('immediate'));
    loop.runUntil(20);
    expect(called).toEqual([]);
    clock.clearTimeout(cleared);
    for (const call of waiting.splice(0)) call();
    loop.runUntil(30);
    expect(called.sort()).toEqual(['immediate', 'timer']);
    reader.behind = false;
    clock.setTimeout(() => called.push('at once'), 1);
    loop.runUntil(40);
    expect(called).toContain('at once');
  });
});
