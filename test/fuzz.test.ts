/** Random values at every public method: nothing is thrown that is not named, and counts add up. */
import { createSocket } from 'node:dgram';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { FailureDetector, PhiAccrualDetector } from '../src/index.js';
import { encodeHeartbeats, listenUdp } from '../src/sources/udp.js';

const value = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, 1, 8, 1000, 1e15, 1e300, Infinity, -Infinity, Number.NaN),
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withTypedArray: true }),
  fc.constantFrom(Symbol('s'), () => 1, Object.create(null), new Proxy({}, {})),
);
const time = fc.oneof({ weight: 4, arbitrary: fc.double({ min: 0, max: 1e6 }) }, value);
const id = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f') }, value);

const models = fc.constantFrom('normal' as const, 'calibrated' as const);

/** Whatever is thrown must be named by the contract: an option or argument, and what came. */
function allowed(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    const named = error instanceof TypeError || error instanceof RangeError;
    if (!named || !/: expected |: unknown option|: too many/.test(error.message)) throw error;
    return undefined;
  }
}

describe('FailureDetector', () => {
  const methods = [
    'heartbeat',
    'phi',
    'status',
    'level',
    'explain',
    'forget',
    'advance',
    'peer',
  ] as const;
  const step = fc.oneof(
    fc.tuple(fc.constantFrom(...methods), id, time, value),
    fc.tuple(fc.constantFrom('watch', 'restorePeer', 'on', 'off', 'link'), id, value, value),
    fc.tuple(
      fc.constantFrom(
        'peer.heartbeat',
        'peer.phi',
        'peer.explain',
        'peer.suspectAt',
        'peer.forget',
      ),
      id,
      time,
      value,
    ),
  );

  it('takes anything, at any time, and throws only what the contract names', () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), models, (steps, model) => {
        let now = 0;
        const detector = new FailureDetector<unknown>({ clock: () => now++, timers: false, model });
        const suspected = new Set<unknown>();
        detector.on('suspect', ({ peer, phi, silence }) => {
          expect(suspected.has(peer)).toBe(false);
          expect(Number.isFinite(phi) && phi >= 0 && !Number.isNaN(silence)).toBe(true);
          suspected.add(peer);
        });
        detector.on('available', ({ peer, reason }) =>
          expect(suspected.delete(peer)).toBe(reason === 'heartbeat'),
        );
        let accepted = 0;
        let given = 0;
        let watchesRefused = 0;
        for (const [what, who, at, more] of steps) {
          if (what === 'heartbeat') {
            given++;
            if (detector.heartbeat(who, at as number, more as never) === 'accepted') accepted++;
          } else if (what === 'forget') {
            if (detector.forget(who)) suspected.delete(who);
          } else if (what === 'advance') {
            expect(Number.isNaN(detector.advance(at as number))).toBe(false);
          } else if (what === 'peer') {
            detector.peer(who);
          } else if (what === 'watch') {
            allowed(() => detector.watch(who, at as never));
          } else if (what === 'restorePeer') {
            allowed(() => detector.restorePeer(at as never));
          } else if (what === 'on' || what === 'off') {
            if (typeof at !== 'function') allowed(() => detector[what]('level', at as never));
          } else if (what === 'link') {
            const link = detector.link();
            if (typeof at === 'number') link.down();
            detector.heartbeat('l', undefined, { link });
            given++;
            accepted++;
            link.up();
          } else if (what.startsWith('peer.')) {
            const peer = detector.peer(who);
            if (what === 'peer.heartbeat' && peer) {
              given++;
              if (peer.heartbeat(at as number, more as never) === 'accepted') accepted++;
            } else if (what === 'peer.forget') {
              if (peer?.forget()) suspected.delete(who);
            } else if (what === 'peer.suspectAt') {
              allowed(() => peer?.suspectAt(at as number));
            } else if (peer) {
              peer[what.slice(5) as 'phi' | 'explain'](at as number);
            }
          } else {
            const answer = detector[what as 'phi'](who, at as number);
            if (what === 'phi' && answer !== undefined) {
              expect(Number.isFinite(answer) && answer >= 0).toBe(true);
            }
          }
        }
        const dropped = Object.values(detector.dropped).reduce((a, b) => a + b, 0);
        expect(dropped + accepted).toBe(given + watchesRefused);
        for (const peer of detector.peers()) {
          const { dropped: own } = detector.explain(peer) as { dropped: object };
          for (const count of Object.values(own)) expect(count).toBeGreaterThanOrEqual(0);
        }
        for (const peer of [...detector.peers()]) detector.forget(peer);
        expect(detector.size).toBe(0);
        detector.close();
        expect(detector.heartbeat('a')).toBe('refused');
        watchesRefused = 0;
      }),
      { numRuns: 1500 },
    );
    log.mockRestore();
  });

  it('refuses any options with a TypeError or a RangeError that names them', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), value, (options, other) => {
        for (const given of [options, other]) {
          const make = () => new FailureDetector({ ...(given as object), timers: false }).close();
          allowed(make);
          allowed(() => new PhiAccrualDetector(given as never));
          allowed(() => FailureDetector.restore(given as never));
          allowed(() => PhiAccrualDetector.restore(given as never));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('PhiAccrualDetector', () => {
  it('takes anything, and throws only what the contract names', () => {
    const step = fc.tuple(
      fc.constantFrom('heartbeat', 'start', 'phi', 'suspectAt', 'isAvailable'),
      time,
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const detector = new PhiAccrualDetector();
        for (const [what, at] of steps) {
          allowed(() => detector[what as 'phi'](at as number));
          const phi = detector.phi(1e6);
          expect(Number.isFinite(phi) && phi >= 0).toBe(true);
          expect(detector.stdDev).toBeGreaterThanOrEqual(0);
        }
        expect(PhiAccrualDetector.restore(detector.snapshot()).phi(1e6)).toBe(detector.phi(1e6));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the UDP source', () => {
  it('takes random bytes, drops what is not of its form, and counts every datagram', async () => {
    const detector = new FailureDetector({ maxPeers: 500 });
    const listener = await listenUdp(detector, { port: 0 });
    const socket = createSocket('udp4');
    const good = encodeHeartbeats([{ id: 'good', incarnation: 1, sequence: 1 }]);
    const datagrams = fc.sample(
      fc.oneof(
        fc.uint8Array({ maxLength: 1400 }),
        // Nearly right: some bytes of a good one changed, cut or doubled.
        fc
          .tuple(fc.nat(good.length), fc.nat(255), fc.nat(good.length))
          .map(([i, byte, end]) =>
            Uint8Array.from(good, (b, n) => (n === i ? byte : b)).slice(0, end),
          ),
      ),
      2000,
    );
    for (let i = 0; i < datagrams.length; i++) {
      await new Promise((resolve) =>
        socket.send(datagrams[i], listener.port, '127.0.0.1', resolve),
      );
      if (i % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await vi.waitUntil(() => listener.stats.datagrams === datagrams.length, { timeout: 20_000 });
    const { malformed, heartbeats, errors } = listener.stats;
    expect(malformed).toBeGreaterThan(1000);
    expect(errors).toBe(0);
    const dropped = Object.values(detector.dropped).reduce((a, b) => a + b, 0);
    const { received = 0 } = detector.explain('good')?.loss ?? {};
    expect(heartbeats).toBeGreaterThanOrEqual(dropped + received);
    socket.close();
    await listener.close();
    detector.close();
  });
});
