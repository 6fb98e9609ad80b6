/** The UDP port that a thread reads: real sockets on the loopback. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Registry } from '../src/registry/registry.js';
import { Datagrams } from '../src/registry/service/datagrams.js';
import { LossHold } from '../src/registry/service/loss-hold.js';
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

describe('datagrams that another socket of the same port lost', () => {
  const isLinux = process.platform === 'linux';
  it.runIf(isLinux)(
    'are none of ours, at any other address, of this process or another',
    async () => {
      const losses: number[] = [];
      const { listener } = await listen({ overflowed: (total) => losses.push(total) });
      const { port } = listener;
      // Bound, and never read: in this process before and after ours, and in another one.
      const unread = (address: string) =>
        `const socket = require('node:dgram').createSocket('udp4');
       socket.bind(${port}, '${address}', () => { console.log('bound'); for (;;); });`;
      const others = ['127.0.0.2', '127.0.0.3'].map((address) => {
        const child = spawn(process.execPath, ['-e', unread(address)]);
        open.push({ close: () => child.kill('SIGKILL') });
        return once(child.stdout, 'data');
      });
      await Promise.all(others);
      const from = await sender();
      const drops = () => {
        const lines = readFileSync('/proc/net/udp', 'latin1').split('\n');
        const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
        const columns = lines.map((line) => line.trim().split(/\s+/));
        const ofPort = columns.filter(([, local]) => local?.endsWith(end));
        return ofPort.map((each) => Number(each[12])).reduce((sum, each) => sum + each, 0);
      };
      while (drops() === 0) {
        for (const address of ['127.0.0.2', '127.0.0.3']) {
          for (let i = 0; i < 200; i++) from.send(Buffer.alloc(1000), port, address);
        }
        await new Promise((turn) => setTimeout(turn, 5));
      }
      // Two looks later at least.
      for (let i = 0; i < 2; i++) {
        await new Promise<void>((done) => listener.caughtUp(done));
        await new Promise((turn) => setTimeout(turn, 120));
      }
      expect(losses).toEqual([]);
    },
  );
});

describe('losses that go on', () => {
  /** A registry whose one source of heartbeats loses some at the given times, in ms. */
  function world(interval = 1000) {
    const loop = new Loop();
    const registry = new Registry({ clock: loop, heartbeatInterval: interval });
    open.push(registry);
    const link = registry.link();
    let since: number | undefined;
    let total = 0;
    const hold: LossHold = new LossHold({
      now: loop.now,
      host: loop,
      grace: interval,
      turn: () => {
        link[hold.held ? 'down' : 'up']();
        if (hold.held) since = loop.now();
        else if (since !== undefined) total += loop.now() - since;
        if (!hold.held) since = undefined;
      },
    });
    return {
      loop,
      registry,
      link,
      hold,
      held: () => total + (since === undefined ? 0 : loop.now() - since),
    };
  }

  it.each([[1000], [20_000], [60_000]])(
    'let a death be found: beats of every %d ms',
    (interval) => {
      for (const every of [100, 450, 2000, 7000, 31_000, 65_000]) {
        const { loop, registry, link, hold } = world(interval);
        registry.register(web('a', { ttl: 1e9 }));
        for (let i = 0; i < 5; i++) {
          registry.heartbeat('a', { generation: 1, link });
          loop.runUntil(loop.now() + interval);
        }
        expect(registry.get('a')?.status).toBe('available');
        const end = loop.now() + 60_000 + 20 * interval;
        while (loop.now() < end) {
          hold.lost();
          loop.runUntil(loop.now() + every);
        }
        expect([every, registry.get('a')?.status]).toEqual([every, 'dead']);
      }
    },
  );

  it('hold no more than half a minute, and a tenth of the time beyond', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(gaps, (all) => {
        const { loop, hold, held } = world();
        const began = loop.now();
        for (const gap of all) {
          hold.lost();
          loop.runUntil(loop.now() + gap);
          expect(held()).toBeLessThanOrEqual(30_000 + (loop.now() - began) / 10 + 1);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('hold again after a while without any', () => {
    const { loop, hold } = world();
    for (let i = 0; i < 400; i++) {
      hold.lost();
      loop.runUntil(loop.now() + 100);
    }
    expect(hold.held).toBe(false);
    loop.runUntil(loop.now() + 60_000);
    hold.lost();
    expect(hold.held).toBe(true);
    loop.runUntil(loop.now() + 501);
    expect(hold.held).toBe(false);
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

  it('takes in what was read before a timer judges by it, and asks the thread for no more', () => {
    const loop = new Loop();
    const clock = new ReadingClock(loop);
    const called: string[] = [];
    let behind = true;
    clock.reader = {
      takeIn: () => {
        called.push('read');
        behind = false;
      },
      get behind() {
        return behind;
      },
      caughtUp: () => called.push('asked'),
    };
    clock.setTimeout(() => called.push('timer'), 10);
    loop.runUntil(20);
    expect(called).toEqual(['read', 'timer']);
  });
});
