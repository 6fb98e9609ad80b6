/** What a UDP port's thread writes and its main loop takes: the thread's program, run in this one. */
import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatagramRing } from '../src/sources/datagram-ring.js';
import { receiveInThread, type ThreadNews } from '../src/sources/udp-thread-program.js';

/** A thread on sockets that the test fills. */
function world(most: number, position = 0) {
  const ring = new DatagramRing(most);
  new Int32Array(ring.memory.state).fill(position, 0, 2);
  const socket = Object.assign(new EventEmitter(), {
    bind: () => {},
    send: () => {},
  });
  const news: ThreadNews[] = [];
  const modules: Record<string, unknown> = {
    'node:worker_threads': {
      workerData: {
        port: 0,
        address: '127.0.0.1',
        ipv6: false,
        recvBufferSize: 1,
        ring: ring.memory,
      },
      parentPort: { on: () => {}, postMessage: (each: ThreadNews) => void news.push(each) },
    },
    'node:dgram': { createSocket: () => socket },
    'node:fs': { readdirSync: () => [] },
  };
  receiveInThread((name) => modules[name]);
  const arrive = (datagram: Buffer, port: number, address: string) =>
    socket.emit('message', datagram, { port, address });
  const taken: [text: string, port: number, address: string][] = [];
  const takeSome = () =>
    ring.takeSome((datagram) => {
      taken.push([datagram.toString('latin1'), ring.port, ring.address]);
    });
  return { ring, news, arrive, taken, takeSome };
}

const wakings = (news: readonly ThreadNews[]) => news.filter((each) => 'woken' in each).length;

describe('memory that a thread shares with the main loop', () => {
  const size = fc.oneof(fc.nat(200), fc.nat(20_000), fc.nat(65_507));
  const address = fc.constantFrom(
    '127.0.0.1',
    '1.2.3.4',
    'fe80::1%eth0',
    '::1',
    `2001:db8::${'1'.repeat(4)}`,
  );
  const arrival = fc.record({ size, port: fc.nat(65_535), address });
  const step = fc.oneof(
    { arbitrary: fc.array(arrival, { minLength: 1, maxLength: 20 }), weight: 1 },
    { arbitrary: fc.constant('take' as const), weight: 2 },
  );

  it('gives what arrived, whole and in order, and drops only what comes while too much waits', () => {
    const most = fc.constantFrom(1024, 100_000, 131_072, 400_000);
    fc.assert(
      fc.property(most, fc.array(step, { maxLength: 60 }), (limit, steps) => {
        const { ring, arrive, taken, takeSome } = world(limit);
        const kept: typeof taken = [];
        let number = 0;
        for (const next of steps) {
          if (next === 'take') {
            takeSome();
            continue;
          }
          for (const { size: length, port, address: from } of next) {
            const head = `${++number} `;
            const datagram = Buffer.alloc(Math.max(length, head.length), number);
            datagram.write(head);
            const { written, isEmpty } = ring;
            arrive(datagram, port, from);
            if (ring.written !== written) kept.push([datagram.toString('latin1'), port, from]);
            else expect(isEmpty).toBe(false); // there is room for any one
          }
        }
        while (!ring.isEmpty) takeSome();
        expect(taken).toEqual(kept);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps a little more than the limit at the most', () => {
    const { ring, arrive, taken, takeSome } = world(200_000);
    for (let i = 0; i < 1000; i++) arrive(Buffer.alloc(1000, i), 1, '127.0.0.1');
    while (!ring.isEmpty) takeSome();
    expect(taken.length).toBeGreaterThan(190);
    expect(taken.length).toBeLessThan(202);
  });

  it('goes on where its positions overflow', () => {
    for (const position of [2 ** 31 - 4096, -4096]) {
      const { arrive, taken, takeSome } = world(1024, position);
      const texts = Array.from({ length: 300 }, (_, i) => `${i}`);
      for (const text of texts) {
        arrive(Buffer.from(text), 1, '::1');
        takeSome();
      }
      expect(taken.map(([text]) => text)).toEqual(texts);
    }
  });

  it('wakes the main loop once, when that sleeps, and not while it looks by itself', () => {
    const { ring, news, arrive, taken, takeSome } = world(1024);
    arrive(Buffer.from('a'), 1, '::1');
    expect(wakings(news)).toBe(0);
    expect(ring.sleep()).toBe(false); // something has come just before
    takeSome();
    expect(ring.sleep()).toBe(true);
    for (const text of ['b', 'c']) arrive(Buffer.from(text), 1, '::1');
    expect(wakings(news)).toBe(1);
    takeSome();
    expect(taken.map(([text]) => text)).toEqual(['a', 'b', 'c']);
  });
});
