/** Any sequence of calls against an oracle: the same events, in the same order, at the same instants. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FailureDetector, modelNames } from '../src/index.js';
import { ORACLE_DEFAULTS, Oracle, type OracleEvent, type OracleOptions } from './support/oracle.js';

type Step =
  | { do: 'watch'; id: string; options: Partial<OracleOptions> }
  | { do: 'beat'; id: string; wait: number }
  | { do: 'advance'; wait: number }
  | { do: 'advance-to-next' }
  | { do: 'forget'; id: string }
  | { do: 'rhythm'; id: string; interval: number; beats: number };

const id = fc.constantFrom('a', 'b', '__proto__', 'constructor', '');
const wait = fc.oneof(
  fc.double({ min: 0.001, max: 900, noNaN: true }),
  fc.double({ min: 900, max: 5000, noNaN: true }),
  fc.double({ min: 1, max: 5e6, noNaN: true }),
);
const options = fc.record(
  {
    threshold: fc.constantFrom(0.05, 0.8, 3, 8, 16.3),
    heartbeatInterval: fc.constantFrom(50, 997, 30_000),
    windowSize: fc.constantFrom(1, 2, 3, 7, 1000),
    minStdDev: fc.record({
      absolute: fc.constantFrom(0, 1, 100),
      relative: fc.constantFrom(0, 0.1, 0.25),
    }),
    acceptablePause: fc.constantFrom(0, 333),
    model: fc.constantFrom(...modelNames),
    learn: fc.constantFrom('guarded' as const, 'always' as const, 'while-available' as const),
    maxSilence: fc.constantFrom(Number.POSITIVE_INFINITY, 4321),
    levels: fc.constantFrom<OracleOptions['levels']>(
      {},
      { overloaded: 1, critical: 3 },
      { dead: 20, uneasy: 0.01 },
      { early: 0.5, 'as-suspect': 8, far: 300 },
      { page: { silence: 90_000 } },
      {
        soon: { silence: 700 },
        page: { silence: 4321 },
        slow: 1,
        dead: { phi: 20, silence: 5000 },
      },
      { warn: { phi: 1, silence: 2000 }, quick: { phi: 12, silence: 300 }, far: 300 },
      { uneasy: 0.01, blink: { silence: 60 }, pause: { silence: 1500 }, critical: 3 },
    ),
    recoverAfter: fc.constantFrom(1, 2, 5),
  },
  { requiredKeys: [] },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('watch' as const), id, options }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('beat' as const), id, wait }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), wait }) },
  { weight: 3, arbitrary: fc.constant({ do: 'advance-to-next' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), id }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('rhythm' as const),
      id,
      interval: fc.constantFrom(0.0501, 49.7, 101.3, 997, 9973),
      beats: fc.integer({ min: 1, max: 15 }),
    }),
  },
);

const EVENTS = ['suspect', 'available', 'level', 'late'] as const;

function run(steps: Step[], origin: number): void {
  let now = origin;
  const detector = new FailureDetector({
    clock: () => now,
    timers: false,
    massSilence: false,
    flapDamping: false,
  });
  const oracle = new Oracle();
  const said: OracleEvent[] = [];
  for (const event of EVENTS) {
    detector.on(event, (e) => {
      const { peer, due, at, silence } = e;
      const common = { event, peer, due, at, silence };
      said.push(
        'reason' in e
          ? { ...common, level: e.level, previous: e.previous, reason: e.reason }
          : common,
      );
    });
  }
  const beat = (peer: string, at: number) =>
    expect(detector.heartbeat(peer, at)).toBe(oracle.heartbeat(peer, at));
  const advance = (at: number) => {
    const next = detector.advance(at);
    oracle.advance(at);
    // Exact where few peers stand; and never behind the time, or a caller's loop would not end.
    expect(next).toSatisfy(
      (x: number) =>
        x === oracle.next() || Math.abs(x - oracle.next()) < 1e-3 + 1e-12 * Math.abs(oracle.next()),
    );
    expect(next).toBeGreaterThan(at);
  };
  for (const s of steps) {
    if (s.do === 'watch') {
      if (!oracle.peers.has(s.id)) detector.watch(s.id, s.options);
      oracle.watch(s.id, now, { ...ORACLE_DEFAULTS, ...s.options });
    } else if (s.do === 'beat') {
      now += s.wait;
      beat(s.id, now);
    } else if (s.do === 'rhythm') {
      for (let i = 0; i < s.beats; i++) {
        now += s.interval;
        beat(s.id, now);
        if (i % 3 === 0) beat(s.id, now);
        if (i % 4 === 0) beat(s.id, now - 2 * s.interval);
      }
    } else if (s.do === 'forget') {
      expect(detector.forget(s.id)).toBe(oracle.forget(s.id));
    } else if (s.do === 'advance') {
      now += s.wait;
      advance(now);
    } else {
      const next = oracle.next();
      if (next < 1e12) {
        now = Math.max(now, next + 1e-3);
        advance(now);
      }
    }
    for (const peer of ['a', 'b', '__proto__', 'constructor', '']) {
      expect(detector.status(peer)).toBe(oracle.status(peer));
    }
    expect(said.length).toBe(oracle.said.length);
    for (const [i, event] of said.entries()) {
      const expected = oracle.said[i];
      expect({ ...event, due: 0, silence: 0 }).toEqual({ ...expected, due: 0, silence: 0 });
      expect(Math.abs(event.due - expected.due)).toBeLessThan(1e-3);
      expect(Math.abs(event.silence - expected.silence)).toBeLessThan(1e-3);
    }
    said.length = 0;
    oracle.said.length = 0;
  }
  expect([...detector.peers()]).toEqual([...oracle.peers.keys()]);
  expect([...detector.suspects()]).toEqual(
    [...oracle.peers.keys()].filter((peer) => oracle.status(peer) === 'suspect'),
  );
}

describe('FailureDetector against an oracle', () => {
  it.each([0, -1e6, 1.7e12])('with times from %d on', (origin) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => run(steps, origin)),
      { numRuns: 1500 },
    );
  });
});
