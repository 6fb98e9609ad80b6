/** A recovery is no proof that whoever has not recovered yet is dead. */
import { describe, expect, it } from 'vitest';
import { FailureDetector, type FailureDetectorOptions } from '../src/index.js';
import { Random } from '../src/lab/simulation/random.js';

const CUT = 20_000;

interface Outage {
  peers?: number;
  /** Mean intervals are taken from these in turn. */
  periods?: readonly number[];
  /** For how long nobody is heard. */
  silent?: number;
  /** When a peer returns, in ms after that; Infinity for never. */
  back: (peer: number, random: Random) => number;
  /** Never cut off. */
  spared?: number;
  options?: FailureDetectorOptions;
  seed?: number;
  until?: number;
}

/** Cuts peers off at {@link CUT}; says who was suspected, when, and at which edges. */
function outage(given: Outage) {
  const { peers = 200, periods = [1000], silent = 8000, back, spared = 0, seed = 1 } = given;
  const { until = CUT + 50_000, options = {} } = given;
  const random = new Random(seed);
  let now = 0;
  const detector = new FailureDetector<number>({
    clock: () => now,
    timers: false,
    flapDamping: false,
    ...options,
  });
  const suspected = new Map<number, number>();
  const edges: string[] = [];
  detector.on('suspect', ({ peer, at }) => suspected.set(peer, at));
  detector.on('mass-silence', ({ active, at }) => edges.push(`${active} ${Math.round(at)}`));
  const returns = Array.from({ length: peers }, (_, peer) =>
    peer < spared ? -Infinity : CUT + silent + back(peer, random),
  );
  // A queue of beats would be slower than sorting them all.
  const beats: { at: number; peer: number }[] = [];
  for (let peer = 0; peer < peers; peer++) {
    const period = periods[peer % periods.length];
    detector.watch(peer, { heartbeatInterval: period });
    for (let at = period * random.next(); at < until; at += period * random.between(0.98, 1.02)) {
      const returned = returns[peer];
      if (at > CUT && at < returned) {
        if (returned >= until) break;
        at = returned; // it connects anew, and beats at once
      }
      beats.push({ at, peer });
    }
  }
  beats.sort((a, b) => a.at - b.at);
  let next = detector.advance(0);
  for (const { at, peer } of beats) {
    while (next <= at) {
      now = next;
      next = detector.advance(now);
    }
    now = at;
    detector.heartbeat(peer);
    next = detector.advance(now);
  }
  for (; next <= until; next = detector.advance(now)) now = next;
  /** Suspected though they came back while a verdict might still be held. */
  const wronged = [...suspected].filter(
    ([peer, at]) => returns[peer] < Infinity && at < returns[peer],
  );
  return { suspected, wronged, edges, returns };
}

const even = (spread: number) => (_: number, random: Random) => spread * random.next();
const backOff = (most: number) => (_: number, random: Random) => {
  let pause = 500;
  let at = -8000; // it has tried since the cut
  for (; at < 0; pause = Math.min(2 * pause, most)) at += pause * random.between(0.5, 1.5);
  return at;
};

describe('peers that were cut off together', () => {
  it.each([0, 1000, 2000, 5000, 10_000, 20_000])(
    'are not suspected when they return one after another within %i ms',
    (spread) => {
      for (const peers of [5, 20, 200, 2000]) {
        for (const seed of peers > 500 ? [1] : [1, 2, 3, 4, 5]) {
          const { suspected, edges } = outage({ peers, back: even(spread), seed });
          expect({ peers, seed, suspected: suspected.size }).toEqual({ peers, seed, suspected: 0 });
          expect(edges.map((edge) => edge.split(' ')[0])).toEqual(['true', 'false']);
        }
      }
    },
  );

  it('are suspected after maxHold only, when they take longer than that', () => {
    for (const seed of [1, 2, 3]) {
      const { suspected, wronged, returns } = outage({ back: even(25_000), seed });
      for (const [, at] of wronged) expect(at).toBeGreaterThan(CUT + 1400 + 30_000);
      for (const peer of suspected.keys()) expect(returns[peer]).toBeGreaterThan(CUT + 31_400);
    }
  });

  it.each([4000, 8000])('are not suspected when they back off up to %i ms', (most) => {
    for (const peers of [5, 20, 200]) {
      for (const seed of peers > 100 ? [1] : [1, 2, 3, 4, 5]) {
        const { suspected } = outage({ peers, back: backOff(most), seed });
        expect({ peers, seed, suspected: suspected.size }).toEqual({ peers, seed, suspected: 0 });
      }
    }
  });

  it('are not suspected though their intervals differ', () => {
    for (const periods of [
      [500, 1000, 2000, 3000],
      [1000, 60_000],
      [100, 10_000],
    ]) {
      for (const seed of [1, 2]) {
        const { wronged } = outage({ periods, back: even(15_000), seed });
        expect({ periods, seed, wronged: wronged.length }).toEqual({ periods, seed, wronged: 0 });
      }
    }
  });

  it('are suspected if dead among them, by maxHold and a period, or once returns have ceased', () => {
    for (const spread of [1000, 5000, 10_000, 20_000]) {
      for (const seed of [1, 2, 3]) {
        const dead = (peer: number) => peer % 20 === 3;
        const { suspected, wronged, returns } = outage({
          back: (peer, random) => (dead(peer) ? Infinity : spread * random.next()),
          seed,
        });
        expect(wronged).toEqual([]);
        expect(suspected.size).toBe(10);
        const last = Math.max(...returns.filter((at) => at < Infinity));
        for (const [peer, at] of suspected) {
          expect(dead(peer)).toBe(true);
          expect(at).toBeLessThan(last + 3000);
          expect(at).toBeLessThan(CUT + 2500 + 30_000 + 1000);
        }
      }
    }
  });

  it('are suspected by maxHold and a period when few of few return', () => {
    for (const seed of [1, 2, 3]) {
      const { suspected } = outage({
        peers: 5,
        back: (peer, random) => (peer < 2 ? Infinity : 20_000 * random.next()),
        seed,
      });
      expect([...suspected.keys()].sort()).toEqual([0, 1]);
      for (const at of suspected.values()) expect(at).toBeLessThan(CUT + 2500 + 30_000 + 1000);
    }
  });
});

describe('peers that are silent while others never were', () => {
  it('are suspected a period late, as half of the others have beaten since', () => {
    for (const peers of [10, 50, 200]) {
      const { suspected } = outage({ peers, spared: 0.6 * peers, back: () => Infinity });
      expect(suspected.size).toBe(0.4 * peers);
      for (const at of suspected.values()) expect(at).toBeLessThan(CUT + 2500 + 1000);
    }
  });

  it('are not suspected for a lossy network that brings some of the others back late', () => {
    // A tenth of the heartbeats is lost: returns from that are none from the silence.
    const random = new Random(4);
    let now = 0;
    const detector = new FailureDetector<number>({ clock: () => now, timers: false });
    const suspected = new Map<number, number>();
    detector.on('suspect', ({ peer, at }) => suspected.set(peer, at));
    for (; now < CUT + 20_000; now += 10) {
      const peer = (now / 10) % 100;
      if ((now < CUT || peer >= 40) && random.next() > 0.1) detector.heartbeat(peer);
      detector.advance();
    }
    const dead = [...suspected].filter(([peer]) => peer < 40);
    expect(dead.length).toBe(40);
    for (const [, at] of dead) expect(at).toBeLessThan(CUT + 2500 + 6000);
  });
});
