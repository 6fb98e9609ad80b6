import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PhiAccrualDetector } from '../src/index.js';

/** A detector that has seen `beats` heartbeats, one each `interval` ms, the last at 0. */
function beaten(interval: number, beats: number, options = {}): PhiAccrualDetector {
  const detector = new PhiAccrualDetector({ heartbeatInterval: interval, ...options });
  for (let i = beats - 1; i >= 0; i--) detector.heartbeat(-i * interval);
  return detector;
}

describe('PhiAccrualDetector', () => {
  it('starts with two samples a quarter below and above the expected interval', () => {
    const detector = new PhiAccrualDetector({ heartbeatInterval: 400 });
    expect([detector.mean, detector.stdDev, detector.sampleCount]).toEqual([400, 100, 2]);
    const least = new PhiAccrualDetector({ heartbeatInterval: 400, windowSize: 1 });
    expect([least.mean, least.stdDev, least.sampleCount]).toEqual([400, 0, 1]);
    expect(detector.lastHeartbeat).toBeUndefined();
    expect(detector.phi(1e9)).toBe(0);
    expect(detector.suspectAt()).toBe(Number.POSITIVE_INFINITY);
    expect(detector.suspectAt(1)).toBe(Number.POSITIVE_INFINITY);
    expect(detector.isAvailable(1e9)).toBe(true);
  });

  it('suspects a peer that is expected and never beats, or beats once', () => {
    const never = new PhiAccrualDetector();
    never.start(5000);
    never.start(9000); // only the first start counts
    expect(never.suspectAt()).toBeCloseTo(5000 + 1000 + 5.6120012 * 250, 3);
    expect(never.phi(never.suspectAt())).toBeCloseTo(8, 9);
    expect(never.lastHeartbeat).toBeUndefined();
    const once = new PhiAccrualDetector();
    once.start(5000);
    expect(once.heartbeat(5500)).toBe('accepted');
    expect(once.sampleCount).toBe(2); // from the start to the first beat is no interval
    expect(once.suspectAt()).toBeCloseTo(5500 + 2403, 0);
  });

  it.each([20, 100, 1000, 10_000, 60_000])(
    'may lose one heartbeat of a %i ms cadence and not two, whatever the cadence',
    (interval) => {
      const detector = beaten(interval, 1100, { minStdDev: { absolute: 0 } });
      expect(detector.isAvailable(2 * interval)).toBe(true);
      expect(detector.isAvailable(3 * interval)).toBe(false);
      expect(detector.suspectAt()).toBeCloseTo(interval * (1 + 0.25 * 5.6120012), 2);
    },
  );

  it('ranks 500 ms of silence at 100 ms cadence above 1.5 s of silence at 1 s cadence', () => {
    expect(beaten(100, 100).phi(500)).toBeCloseTo(57.2, 1);
    expect(beaten(1000, 100).phi(1500)).toBeCloseTo(1.64, 2);
  });

  it('uses the larger of the two floors, and what was measured when that is larger', () => {
    const z = 5.6120012;
    const at = (minStdDev: number | object) => beaten(1000, 5000, { minStdDev }).suspectAt();
    expect(at(100)).toBeCloseTo(1000 + z * 100, 2);
    expect(at({ absolute: 300, relative: 0.25 })).toBeCloseTo(1000 + z * 300, 2);
    expect(at({ absolute: 10, relative: 0.4 })).toBeCloseTo(1000 + z * 400, 2);
    expect(at({ relative: 0.4 })).toBeCloseTo(1000 + z * 400, 2);
    const jittery = new PhiAccrualDetector({ minStdDev: 1 });
    let now = 0;
    for (let i = 0; i < 4000; i++) jittery.heartbeat((now += i % 2 ? 500 : 1500));
    expect(jittery.stdDev).toBeCloseTo(500, 6);
    expect(jittery.suspectAt() - now).toBeCloseTo(1000 + z * 500, 2);
  });

  it('is finite without any floor, for constant intervals too', () => {
    const detector = beaten(1000, 2000, { minStdDev: 0 });
    expect(detector.stdDev).toBe(0);
    expect(detector.phi(999)).toBe(0);
    expect(detector.phi(1001)).toBeGreaterThan(1e11);
    expect(detector.phi(1e308)).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it('answers heartbeats that are none with an outcome, and forgets nothing', () => {
    const detector = beaten(1000, 10);
    const before = [detector.mean, detector.stdDev, detector.sampleCount, detector.suspectAt()];
    expect(detector.heartbeat(0)).toBe('duplicate');
    expect(detector.heartbeat(-1)).toBe('out-of-order');
    for (const at of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(detector.heartbeat(at)).toBe('invalid-time');
    }
    for (const at of ['5', null, undefined, {}, 5n, Symbol('5'), new Date()]) {
      expect(detector.heartbeat(at as number)).toBe('invalid-time');
      expect(detector.phi(at as number)).toBe(0);
      detector.start(at as number);
    }
    const after = [detector.mean, detector.stdDev, detector.sampleCount, detector.suspectAt()];
    expect(after).toEqual(before);
  });

  it('suspects by maxSilence whatever φ says', () => {
    const detector = beaten(1000, 100, { maxSilence: 1500 });
    expect(detector.suspectAt()).toBe(1500);
    expect(detector.isAvailable(1499.9)).toBe(true);
    expect(detector.isAvailable(1500)).toBe(false);
    expect(detector.suspectAt(8)).toBeCloseTo(2403, 0);
  });

  it.each(
    (['normal', 'calibrated'] as const).flatMap((model) =>
      [0, -1, Number.NaN, 1e301, Symbol('8'), '8'].map((phi) => [model, phi] as const),
    ),
  )('has no instant by the model %s for φ = %s', (model, phi) => {
    const detector = beaten(1000, 2, { model });
    expect(() => detector.suspectAt(phi as number)).toThrow(RangeError);
  });

  it('φ and the deadline agree: to 1e-9 ms of silence, and what rounding the time itself costs', () => {
    const interval = fc.double({ min: 0.1, max: 1e5, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(interval, { minLength: 1, maxLength: 50 }),
        fc.constantFrom(0, 1e6, 1.7e12),
        fc.constantFrom('normal' as const, 'logistic' as const, 'exponential' as const),
        fc.double({ min: 0.5, max: 20, noNaN: true }),
        (intervals, origin, model, threshold) => {
          const detector = new PhiAccrualDetector({ model, threshold });
          let now = origin;
          detector.heartbeat(now);
          for (const x of intervals) detector.heartbeat((now += x));
          const due = detector.suspectAt();
          const tolerance = 1e-9 + 4 * Math.abs(due) * 2 ** -52;
          expect(detector.phi(due + tolerance)).toBeGreaterThanOrEqual(threshold * (1 - 1e-12));
          expect(detector.phi(due - tolerance)).toBeLessThanOrEqual(threshold * (1 + 1e-12));
          expect(detector.isAvailable(due)).toBe(false);
          expect(Math.abs(detector.suspectAt(threshold) - due)).toBeLessThanOrEqual(tolerance);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('stays finite and in order on any input', () => {
    const at = fc.oneof(
      fc.double(),
      fc.double({ min: 0, max: 1e6 }),
      fc.integer({ min: 0, max: 20 }),
    );
    fc.assert(
      fc.property(
        fc.array(at, { maxLength: 80 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom('guarded' as const, 'always' as const, 'while-available' as const),
        (times, windowSize, learn) => {
          const detector = new PhiAccrualDetector({ windowSize, learn });
          for (const t of times) {
            detector.heartbeat(t);
            const phi = detector.phi(t);
            expect(phi).toBeGreaterThanOrEqual(0);
            expect(phi).toBeLessThan(Number.POSITIVE_INFINITY);
            expect(detector.mean).toBeGreaterThanOrEqual(0);
            expect(detector.stdDev).toBeGreaterThanOrEqual(0);
            expect(detector.sampleCount).toBeLessThanOrEqual(windowSize);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
