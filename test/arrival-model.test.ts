/** The models against their originals' own expectations, and against each other. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrivalModels, type DetectorOptions, PhiAccrualDetector } from '../src/index.js';

const { normal, logistic } = arrivalModels;
const cdf = (phi: number) => 1 - 10 ** -phi;

/** Akka's defaults in its own tests. */
const akka = (options: DetectorOptions = {}) =>
  new PhiAccrualDetector({
    model: 'logistic',
    threshold: 8,
    windowSize: 1000,
    minStdDev: 100,
    acceptablePause: 0,
    heartbeatInterval: 1000,
    ...options,
  });

describe('logistic: what Akka expects of itself', () => {
  it.each([
    [0, 0.5, 1e-3],
    [6, 0.7257, 1e-3],
    [15, 0.9332, 1e-3],
    [20, 0.97725, 1e-3],
    [25, 0.99379, 1e-3],
    [35, 0.99977, 1e-3],
    [40, 0.99997, 1e-4],
  ])('distribution function at %d is %d, for mean 0 and σ 10', (t, expected, tolerance) => {
    expect(Math.abs(cdf(logistic.phi(t, 0, 10)) - expected)).toBeLessThan(tolerance);
  });

  it('distribution function rises, and is right elsewhere', () => {
    for (let t = 0; t < 40; t++) {
      expect(logistic.phi(t + 1, 0, 10)).toBeGreaterThan(logistic.phi(t, 0, 10));
    }
    expect(cdf(logistic.phi(22, 20, 3))).toBeCloseTo(0.7475, 3);
  });

  it('handles outliers: large φ, and +0', () => {
    expect(Math.abs(logistic.phi(10, 0, 1) - 38)).toBeLessThan(1);
    expect(logistic.phi(-25, 0, 1)).toBe(0);
  });

  // Akka's value, the exact normal's.
  it.each([
    [0, 0.0, 0.0],
    [500, 0.1, 0.0],
    [1000, 0.3, 0.301],
    [1200, 1.6, 1.643],
    [1400, 4.7, 4.499],
    [1600, 10.8, 9.006],
    [1700, 15.3, 11.893],
  ])('φ after %i ms, for mean 1000 and σ 100', (t, akkas, exact) => {
    expect(Math.abs(logistic.phi(t, 1000, 100) - akkas)).toBeLessThanOrEqual(0.1);
    expect(normal.phi(t, 1000, 100)).toBeCloseTo(exact, 3);
  });

  it('is the exact normal 23.118 where Akka says 38', () => {
    expect(normal.phi(10, 0, 1)).toBeCloseTo(23.118, 3);
  });

  it('φ is 0 without a heartbeat, and rises after one', () => {
    const detector = akka();
    expect(detector.phi(0)).toBe(0);
    expect(detector.phi(1e6)).toBe(0);
    detector.heartbeat(0);
    expect(Math.abs(detector.phi(1000) - 0.3)).toBeLessThan(0.2);
    expect(Math.abs(detector.phi(2000) - 4.5)).toBeLessThan(0.3);
    expect(detector.phi(3000)).toBeGreaterThan(15);
  });

  it('marks a node that stops beating', () => {
    const detector = akka({ threshold: 3 });
    for (const at of [0, 1000, 1100]) detector.heartbeat(at);
    expect(detector.isAvailable(1200)).toBe(true);
    expect(detector.isAvailable(8200)).toBe(false);
  });

  it.each(['guarded', 'while-available'] as const)('marks returns and outages (%s)', (learn) => {
    const detector = akka({ acceptablePause: 3000, learn });
    let now = 0;
    for (let i = 0; i < 1000; i++) detector.heartbeat((now += 1000));
    expect(detector.isAvailable((now += 300_000))).toBe(false);
    detector.heartbeat(now);
    expect(detector.isAvailable((now += 900))).toBe(true);
    detector.heartbeat(now);
    expect(detector.isAvailable((now += 7000))).toBe(false);
    detector.heartbeat(now);
    expect(detector.isAvailable((now += 900))).toBe(true);
  });

  it('accepts a configured pause, and fails after it', () => {
    const accepts = akka({ acceptablePause: 3000 });
    for (const at of [0, 1000, 2000, 3000]) accepts.heartbeat(at);
    expect(accepts.isAvailable(7000)).toBe(true);
    const fails = akka({ acceptablePause: 3000 });
    for (const at of [0, 1000, 2000, 3000, 4000, 5000, 6000]) fails.heartbeat(at);
    expect(fails.isAvailable(11_000)).toBe(false);
  });

  it.each(['guarded', 'while-available', 'always'] as const)(
    'keeps as many samples as configured (%s)',
    (learn) => {
      const detector = akka({ windowSize: 3, learn });
      for (const at of [0, 100, 200, 300]) detector.heartbeat(at);
      const before = detector.phi(400);
      for (const at of [1000, 1500, 2000, 2500]) detector.heartbeat(at);
      expect(Math.abs(detector.phi(3000) - before)).toBeLessThan(1e-3);
    },
  );

  it('is Akka’s expression to the digit where that is finite, and goes on rising where it is not', () => {
    const plain = (t: number, mean: number, stdDev: number) => {
      const y = (t - mean) / stdDev;
      const e = Math.exp(-y * (1.5976 + 0.070566 * y * y));
      return t > mean ? -Math.log10(e / (1 + e)) : -Math.log10(1 - 1 / (1 + e));
    };
    let before = 0;
    for (let t = 0; t < 40_000; t += 7) {
      const phi = logistic.phi(t, 1000, 100);
      const reference = plain(t, 1000, 100);
      if (reference < Number.POSITIVE_INFINITY) expect(phi).toBe(reference + 0);
      expect(phi).toBeGreaterThanOrEqual(before);
      before = phi;
    }
    expect(before).toBeGreaterThan(1e5);
    expect(before).toBeLessThan(Number.POSITIVE_INFINITY);
  });
});

describe('exponential: what Cassandra expects of itself', () => {
  it.each(['guarded', 'always'] as const)('φ of its own test (%s)', (learn) => {
    const detector = new PhiAccrualDetector({ model: 'exponential', windowSize: 4, learn });
    for (const at of [111, 222, 333, 444, 555]) expect(detector.heartbeat(at)).toBe('accepted');
    expect(detector.phi(666) * Math.LN10).toBeCloseTo(1, 2);
    expect(detector.phi(3000) * Math.LN10).toBeCloseTo(22.03, 2);
  });
});

describe.each(Object.entries(arrivalModels))('%s', (name, model) => {
  const positive = fc.double({ min: 1e-3, max: 1e9, noNaN: true });

  it('reach is the inverse of phi', () => {
    fc.assert(
      fc.property(positive, positive, fc.double({ min: -2, max: 2.4, noNaN: true }), (m, s, e) => {
        const phi = 10 ** e;
        const { perMean, perStdDev } = model.reach(phi);
        const silence = perMean * m + perStdDev * s;
        // The subtraction in (silence − mean)/σ loses what mean/σ has too many.
        const lost = (Math.abs(silence) + m) / s;
        fc.pre(lost < 1e6);
        expect(Math.abs(model.phi(silence, m, s) / phi - 1)).toBeLessThan(1e-9 * (1 + lost));
      }),
      { numRuns: 3000 },
    );
  });

  it('φ is finite, not negative and never falls as silence goes on', () => {
    fc.assert(
      fc.property(positive, positive, (m, s) => {
        let before = 0;
        for (let t = -3 * m; t < m + 1000 * s; t += (4 * m + 1000 * s) / 200) {
          const phi = model.phi(t, m, s);
          expect(phi).toBeGreaterThanOrEqual(before);
          expect(Object.is(phi, -0)).toBe(false);
          before = phi;
        }
        expect(before).toBeLessThan(Number.POSITIVE_INFINITY);
      }),
      { numRuns: 500 },
    );
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    `${name} has no instant for φ = %d`,
    (phi) => {
      expect(() => model.reach(phi)).toThrow(RangeError);
    },
  );
});
