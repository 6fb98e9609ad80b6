import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DetectorOptions, FailureDetector, PhiAccrualDetector } from '../src/index.js';
import { LadderOracle } from './support/ladder-oracle.js';
import { seeded } from './support/random.js';

const calibrated = (options: DetectorOptions = {}) =>
  new PhiAccrualDetector({ model: 'calibrated', ...options });

/** Feeds heartbeats at intervals that `next` gives; returns the time of the last. */
function feed(detector: PhiAccrualDetector, beats: number, next: () => number, from = 0): number {
  let at = from;
  for (let i = 0; i < beats; i++) detector.heartbeat((at += next()));
  return at;
}

/** What jitter real networks have, and worse; each takes numbers in (0, 1). */
const DISTRIBUTIONS: Record<string, (random: () => number) => number> = {
  'normal jitter': (r) => {
    const z = Math.sqrt(-2 * Math.log(1 - r())) * Math.cos(2 * Math.PI * r());
    return Math.max(100 + 8 * z, 1);
  },
  'exponential jitter': (r) => 90 - 20 * Math.log(1 - r()),
  'Pareto jitter': (r) => 90 + 10 * (1 - r()) ** -0.5,
  'a tenth lost': (r) => 100 * (1 + Math.floor(Math.log(1 - r()) / Math.log(0.1))) + 10 * r(),
  'two modes': (r) => (r() < 0.02 ? 300 + 40 * r() : 95 + 10 * r()),
};

const arbitraryInterval = fc.oneof(
  fc.double({ min: 0, max: 1e4, noNaN: true }),
  fc.double({ min: 1e-12, max: 1e16, noNaN: true }),
  fc.constantFrom(1e-9, 1, 100, 1000, 1e15),
);

describe("model 'calibrated'", () => {
  it('needs no threshold to be chosen, has no σ and no window, and says what it has learnt', () => {
    const detector = calibrated({ heartbeatInterval: 100 });
    expect(detector.phi(1e9)).toBe(0);
    expect(detector.suspectAt()).toBe(Infinity);
    const now = feed(detector, 3000, () => 100);
    expect(detector.stdDev).toBeUndefined();
    expect(detector.sampleCount).toBe(2999);
    expect(detector.mean).toBeCloseTo(100, 9);
    expect(detector.suspectAt()).toBe(detector.suspectAt(4));
    expect(detector.suspectAt() - now).toBeGreaterThan(101);
    expect(detector.snapshot()).not.toHaveProperty('window');
    const many = new FailureDetector({ model: 'calibrated', timers: false, clock: () => 0 });
    many.heartbeat('a', 0);
    expect(many.explain('a')).toMatchObject({ model: 'calibrated', threshold: 4, supportedPhi: 0 });
    for (let i = 1; i <= 300; i++) many.heartbeat('a', 1000 * i);
    expect(many.explain('a')).toMatchObject({
      mean: 1000,
      sampleCount: 300,
      supportedPhi: 2,
      stdDev: undefined,
      stdDevUsed: undefined,
      floor: undefined,
    });
  });

  it.each(Object.entries(DISTRIBUTIONS))('φ = k is exceeded once in 10^k beats: %s', (_, draw) => {
    const random = seeded(7);
    const detector = calibrated({ heartbeatInterval: 100 });
    let last = feed(detector, 1000, () => draw(random));
    const beats = 200_000;
    const beyond = [0, 0, 0, 0];
    for (let i = 0; i < beats; i++) {
      const at = last + draw(random);
      const phi = detector.phi(at);
      for (let k = 1; k <= 3; k++) beyond[k] += +(phi > k);
      detector.heartbeat(at);
      last = at;
    }
    for (let k = 1; k <= 3; k++) {
      const share = beyond[k] / beats / 10 ** -k;
      expect(share, `φ = ${k}`).toBeGreaterThan(0.5);
      expect(share, `φ = ${k}`).toBeLessThan(2);
    }
  });

  it('agrees with a plain statement of it, after any intervals', () => {
    const rhythm = fc.record({
      count: fc.integer({ min: 1, max: 300 }),
      cadence: fc.constantFrom(1, 20, 100, 1000, 60_000),
      jitter: fc.constantFrom(0, 0.01, 0.3),
      lost: fc.constantFrom(0, 0.02, 0.3),
    });
    const outage = fc.record({ outage: fc.constantFrom(5000, 34_000), queued: fc.nat(80) });
    const threshold = fc.constantFrom({}, { threshold: 3.3 }, { threshold: 1.1 }, { threshold: 7 });
    const wish = fc
      .constantFrom(0.01, 1, 100, 30_000)
      .map((each) => ({ maxMistakesPerHour: each }));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(rhythm, outage), { minLength: 1, maxLength: 6 }),
        fc.oneof(threshold, wish),
        fc.constantFrom(10, 100, 1000),
        fc.integer(),
        (parts, options, heartbeatInterval, seed) => {
          const random = seeded(seed);
          const detector = calibrated({ ...options, heartbeatInterval, maxSilence: Infinity });
          const { threshold: given, maxMistakesPerHour } = options as DetectorOptions;
          const oracle = new LadderOracle(heartbeatInterval, given, maxMistakesPerHour);
          let now = 0;
          detector.heartbeat(now);
          const beat = (interval: number) => {
            const before = now;
            now += interval;
            detector.heartbeat(now);
            oracle.learn(now - before);
          };
          for (const part of parts) {
            if ('outage' in part) {
              beat(part.outage);
              for (let i = 0; i < part.queued; i++) beat(0.5 * random() + 0.01);
            } else {
              for (let i = 0; i < part.count; i++) {
                const lost = random() < part.lost ? 1 + Math.floor(3 * random()) : 0;
                beat(part.cadence * (1 + lost + part.jitter * random()));
              }
            }
            expect(detector.mean / oracle.m).toBeCloseTo(1, 6);
            expect(detector.sampleCount).toBe(oracle.n);
            for (const share of [0.2, 0.9, 1.001, 1.02, 1.3, 2, 4, 20, 1000]) {
              const silence = share * oracle.m;
              const phi = oracle.phi(silence);
              expect(Math.abs(detector.phi(now + silence) - phi)).toBeLessThan(1e-4 * (1 + phi));
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is finite, rises with silence and is inverted exactly, on any input', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryInterval, { maxLength: 60 }),
        fc.double({ min: 1e-6, max: 1e7, noNaN: true }),
        fc.double({ min: 0, max: 1000, noNaN: true }),
        (intervals, heartbeatInterval, acceptablePause) => {
          const detector = calibrated({ heartbeatInterval, acceptablePause });
          detector.heartbeat(0);
          let last = 0;
          for (const interval of intervals) {
            if (detector.heartbeat(last + interval) === 'accepted') last += interval;
          }
          expect(detector.mean).toBeGreaterThan(0);
          let before = -1;
          for (let s = 1e-3; s < 1e17; s *= 1.7) {
            const phi = detector.phi(last + s);
            expect(phi).toBeGreaterThanOrEqual(Math.max(before, 0));
            expect(phi).toBeLessThan(Infinity);
            before = phi;
          }
          expect(detector.phi(last + 1e308)).toBeLessThan(Infinity);
          expect(detector.phi(Infinity)).toBeLessThan(Infinity);
          let earlier = last;
          for (const phi of [0.01, 0.2, 0.3, 0.5, 1, 1.2, 2, 3.3, 4, 5, 6, 9]) {
            const at = detector.suspectAt(phi);
            expect(at).toBeGreaterThanOrEqual(earlier);
            earlier = at;
            const rounding = Math.abs(at) * 1e-15;
            const least = detector.phi(at - 1e-9 - rounding);
            const most = detector.phi(at + 1e-9 + rounding);
            expect(least).toBeLessThanOrEqual(phi * (1 + 1e-9));
            expect(most).toBeGreaterThanOrEqual(phi * (1 - 1e-9));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('goes on after a snapshot as if nothing had happened', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryInterval, { maxLength: 40 }),
        fc.array(arbitraryInterval, { maxLength: 40 }),
        (before, after) => {
          const detector = calibrated();
          let now = feed(detector, before.length, () => before.shift() as number);
          const json = JSON.parse(JSON.stringify(detector.snapshot()));
          const restored = PhiAccrualDetector.restore(json, { model: 'calibrated' });
          for (const interval of after) {
            now += interval;
            expect(restored.heartbeat(now)).toBe(detector.heartbeat(now));
          }
          expect(restored.snapshot()).toEqual(detector.snapshot());
          expect(restored.suspectAt()).toBe(detector.suspectAt());
        },
      ),
    );
  });

  it('learns anew from what another model learnt, and the other from its own', () => {
    const window = new PhiAccrualDetector();
    feed(window, 100, () => 700);
    const from = PhiAccrualDetector.restore(window.snapshot(), { model: 'calibrated' });
    expect([from.mean, from.sampleCount]).toEqual([1000, 0]);
    const ladder = calibrated();
    feed(ladder, 100, () => 700);
    const back = PhiAccrualDetector.restore(ladder.snapshot());
    expect([back.mean, back.sampleCount, back.stdDev]).toEqual([1000, 2, 250]);
    let now = 0;
    const many = new FailureDetector({ timers: false, clock: () => now });
    const peer = many.watch('a', { windowSize: 50 });
    for (; now < 100_000; now += 500) peer.heartbeat();
    expect(peer.mean).toBe(500);
    many.watch('a', { model: 'calibrated', heartbeatInterval: 800 });
    expect([peer.mean, peer.sampleCount, peer.stdDev]).toEqual([800, 0, undefined]);
    for (; now < 200_000; now += 500) peer.heartbeat();
    expect(peer.mean).toBeCloseTo(500, 0);
    const samples = peer.sampleCount;
    many.watch('a', { threshold: 3 }); // what was learnt stays
    expect([peer.sampleCount, many.explain('a')?.threshold]).toEqual([samples, 3]);
    many.watch('a', { model: 'normal' });
    expect([peer.mean, peer.sampleCount, many.explain('a')?.model]).toEqual([800, 2, 'normal']);
  });

  it.each([
    [1, 40],
    [1000, 1],
  ])(
    'a cadence of %i ms goes on %i times as slowly, and that is learnt soon',
    (interval, times) => {
      const detector = calibrated({ heartbeatInterval: interval });
      let now = feed(detector, 2000, () => interval);
      const slower = 10 * times * interval;
      let mistakes = 0;
      for (let i = 0; i < 200; i++) {
        mistakes += +!detector.isAvailable(now + slower);
        now += slower;
        detector.heartbeat(now);
      }
      expect(mistakes).toBeLessThan(30);
      expect(detector.mean).toBeGreaterThan(slower / 2);
    },
  );

  it('is not poisoned by an outage, nor by the burst of what was queued meanwhile', () => {
    const random = seeded(3);
    const draw = () => 50 + 4 * random();
    const detector = calibrated({ heartbeatInterval: 50 });
    let now = feed(detector, 5000, draw);
    const before = detector.suspectAt(3) - now;
    now = feed(detector, 1, () => 34_000, now);
    now = feed(detector, 680, () => 0.05 * random(), now);
    now = feed(detector, 20, draw, now);
    expect(detector.suspectAt(3) - now).toBeLessThan(1.3 * before);
    expect(detector.mean).toBeGreaterThan(45);
  });

  it('takes silence as the end at maxSilence, by default after 30 s or ten cadences', () => {
    const wild = () => 10 ** (4 * random());
    const random = seeded(5);
    const limit = (options: DetectorOptions) => {
      const detector = calibrated({ threshold: 8, ...options });
      const now = feed(detector, 100, wild);
      return detector.suspectAt() - now;
    };
    expect(limit({})).toBeGreaterThan(29_999);
    expect(limit({ maxSilence: 5000 })).toBeCloseTo(5000, 6);
    expect(limit({ maxSilence: Infinity })).toBeGreaterThan(30_001);
    expect(limit({ threshold: undefined, maxMistakesPerHour: 1e-9 })).toBeGreaterThan(30_001);
    const slow = calibrated({ heartbeatInterval: 60_000, threshold: 20 });
    const now = feed(slow, 100, () => 60_000);
    expect(slow.suspectAt() - now).toBeCloseTo(600_000, 3);
  });

  describe('maxMistakesPerHour', () => {
    it.each([
      [1000, 10, Math.log10(360)],
      [100, 1 / 24, Math.log10(864_000)],
      [60_000, 1000, 1],
    ])('sets the threshold: each %d ms, %d an hour', (heartbeatInterval, wish, threshold) => {
      let now = 0;
      const many = new FailureDetector({
        maxMistakesPerHour: wish,
        heartbeatInterval,
        timers: false,
        clock: () => now,
      });
      const peer = many.watch('a');
      for (let i = 0; i < 4000; i++, now += heartbeatInterval) peer.heartbeat();
      expect(many.explain('a')?.threshold).toBeCloseTo(threshold, 12);
      expect(peer.suspectAt()).toBeCloseTo(peer.suspectAt(threshold), 6);
    });

    it.each(
      Object.entries(DISTRIBUTIONS).flatMap(([name, draw]) => [
        { name, draw, heartbeatInterval: 100 },
        { name, draw, heartbeatInterval: 400 },
      ]),
    )('is kept: $name, expected each $heartbeatInterval ms', ({ draw, heartbeatInterval }) => {
      const random = seeded(11);
      const detector = calibrated({ maxMistakesPerHour: 100, heartbeatInterval });
      let now = feed(detector, 2000, () => draw(random));
      const start = now;
      let mistakes = 0;
      for (let i = 0; i < 300_000; i++) {
        now += draw(random);
        mistakes += +!detector.isAvailable(now);
        detector.heartbeat(now);
      }
      const perHour = (mistakes * 3.6e6) / (now - start);
      expect(perHour).toBeGreaterThan(100 / 1.5);
      expect(perHour).toBeLessThan(100 * 1.5);
    });

    it('stands instead of a threshold, for the calibrated model alone', () => {
      expect(() => calibrated({ maxMistakesPerHour: 1, threshold: 4 })).toThrow(
        new RangeError('maxMistakesPerHour: expected no threshold beside it, got 1'),
      );
      expect(() => new PhiAccrualDetector({ maxMistakesPerHour: 1, model: 'normal' })).toThrow(
        new RangeError(`maxMistakesPerHour: expected model 'calibrated', got "normal"`),
      );
      expect(() => calibrated({ maxMistakesPerHour: 0 })).toThrow(RangeError);
      const many = new FailureDetector({ maxMistakesPerHour: 1, timers: false, clock: () => 0 });
      expect(many.watch('a').explain()).toMatchObject({ model: 'calibrated' });
      expect(many.watch('b', { threshold: 3 }).explain()).toMatchObject({ threshold: 3 });
      const other = many.watch('c', { model: 'logistic' }).explain();
      expect(other).toMatchObject({ model: 'logistic', threshold: 8 });
      const copy = FailureDetector.restore(JSON.parse(JSON.stringify(many.snapshot())), {
        maxMistakesPerHour: 1,
        timers: false,
        clock: () => 0,
      });
      for (const id of ['a', 'b', 'c']) expect(copy.explain(id)).toEqual(many.explain(id));
    });

    it('keeps named levels in order, whatever the threshold comes to', () => {
      let now = 0;
      const many = new FailureDetector({
        maxMistakesPerHour: 3000,
        levels: { low: 0.8, high: 5 },
        timers: false,
        clock: () => now,
        massSilence: false,
      });
      const said: (string | undefined)[] = [];
      many.on('suspect', ({ level, due, at }) => said.push(level, due <= at ? '' : 'early'));
      many.on('level', ({ level }) => said.push(level));
      const peer = many.watch('a');
      for (; now < 1e6; now += 1000) peer.heartbeat();
      // One in 1.2 beats may be a mistake: the threshold is at its least.
      expect(peer.explain()?.threshold).toBe(1);
      now += 1e6;
      many.advance(now);
      expect(said).toEqual(['low', 'suspect', '', 'high']);
    });
  });
});
