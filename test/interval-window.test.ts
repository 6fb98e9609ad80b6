import fc from 'fast-check';
import * as stats from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { IntervalWindow } from '../src/index.js';
import { seeded } from './support/random.js';

/** A double as an exact multiple of 2⁻¹⁴⁹, of which every 32-bit float is one. */
function exact(x: number): bigint {
  let shift = 149;
  let m = x;
  while (!Number.isInteger(m)) {
    m *= 2;
    shift--;
  }
  return BigInt(m) << BigInt(shift);
}

/** n²·variance and n·mean in units of 2⁻²⁹⁸ and 2⁻¹⁴⁹, exactly. */
function exactMoments(samples: Float32Array) {
  let sum = 0n;
  let squares = 0n;
  for (const x of samples) {
    const e = exact(x);
    sum += e;
    squares += e * e;
  }
  return { sum, scatter: BigInt(samples.length) * squares - sum * sum };
}

/** numerator / denominator as a double, to more digits than a double has. */
function ratio(numerator: bigint, denominator: bigint): number {
  return Number((numerator << 80n) / denominator) / 2 ** 80;
}

function expectExact(window: IntervalWindow, bound: number): void {
  const samples = window.samples();
  const n = BigInt(samples.length);
  const { sum, scatter } = exactMoments(samples);
  const unit = 1n << 149n;
  const mean = ratio(sum, n * unit);
  const { variance } = window;
  expect(variance).toBeGreaterThanOrEqual(0);
  expect(Math.abs(window.mean - mean)).toBeLessThanOrEqual(1e-12 * Math.abs(mean) + 1e-12);
  if (scatter === 0n) {
    expect(variance).toBe(0);
    return;
  }
  // variance / true variance, exactly but for the last rounding
  const share = ratio(exact2(variance) * n * n, scatter);
  expect(Math.abs(share - 1)).toBeLessThanOrEqual(bound);
}

/** A double as a multiple of 2⁻²⁹⁸, rounded to it. */
function exact2(x: number): bigint {
  const f = new Float64Array([x]);
  const bits = new BigUint64Array(f.buffer)[0];
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & ((1n << 52n) - 1n)) | (exponent === 0 ? 0n : 1n << 52n);
  const shift = BigInt(Math.max(exponent, 1) - 1075 + 298);
  return shift >= 0n ? mantissa << shift : mantissa >> -shift;
}

type Family = (i: number, random: () => number) => number;

const families: Record<string, Family> = {
  'tiny jitter on a large mean': (_, r) => 1000 + 1e-3 * (r() - 0.5),
  'tiny jitter on a huge mean': (_, r) => 1e9 + 100 * (r() - 0.5),
  'an outlier of 10⁷ that comes and goes': (i, r) => (i % 7919 === 0 ? 1e7 : 1000 + r()),
  'the first sample is the outlier': (i, r) => (i === 0 ? 1e7 : 1000 + 1e-2 * r()),
  'a cascade of outliers': (i, r) => (i % 5000 < 40 ? 10 ** (i % 12) : 1000 + 1e-3 * r()),
  'regimes of 250 and 60000': (i, r) => (Math.floor(i / 3331) % 2 ? 60000 : 250) + r(),
  'constants that change': (i) => 100.3 + Math.floor(i / 2500),
  'an outlier among constants': (i) => (i % 4001 === 0 ? 1e7 : 333.3),
  'ordinary heavy tails': (_, r) => 1000 + 20 / (r() + 1e-6),
  'anything between 10⁻³ and 10⁹': (_, r) => 10 ** (12 * r() - 3),
};

describe('IntervalWindow', () => {
  describe.each(Object.entries(families))('%s', (_, next) => {
    it.each([
      [1000, 10_000_000, 25],
      [100, 300_000, 50],
      [10, 30_000, 200],
      [2, 5000, 500],
    ])('window %i: exact after %i pushes and on the way', (size, pushes, checks) => {
      const random = seeded(size);
      const window = new IntervalWindow(size);
      // Checks at random phases, and just after what was extreme has left the window.
      let check = Math.floor(random() * size * 2);
      for (let i = 0; i < pushes; i++) {
        window.push(next(i, random));
        if (i === check || i === pushes - 1) {
          expectExact(window, 1e-9);
          check += 1 + Math.floor((random() * 2 * pushes) / checks);
        }
      }
    });
  });

  it('is exact after every single push of short adversarial histories', () => {
    const sample = fc.oneof(
      fc.constantFrom(0, 1, 333.3, 1e7, 1e-3, 1e15),
      fc.double({ min: 1e-6, max: 1e6, noNaN: true }), // from a nanosecond on
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(sample, { maxLength: 60 }), (n, xs) => {
        const window = new IntervalWindow(n);
        for (const x of xs) {
          window.push(x);
          expectExact(window, 1e-9);
        }
        const kept = xs.slice(-n).map(Math.fround);
        expect([...window.samples()]).toEqual(kept);
      }),
      { numRuns: 500 },
    );
  });

  it('agrees with a statistics library on ordinary data', () => {
    const random = seeded(5);
    const window = new IntervalWindow(200);
    for (let i = 0; i < 777; i++) window.push(900 + 200 * random());
    const kept = [...window.samples()];
    expect(window.mean).toBeCloseTo(stats.mean(kept), 9);
    expect(window.variance).toBeCloseTo(stats.variance(kept), 6);
    expect(window.count).toBe(200);
  });

  it('has variance exactly 0 as soon as all its samples are equal', () => {
    const random = seeded(9);
    const window = new IntervalWindow(50);
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 50 + round; i++) window.push(1e6 * random());
      for (let i = 0; i < 50; i++) window.push(100.3);
      expect(window.variance).toBe(0);
      expect(window.mean).toBe(Math.fround(100.3));
    }
  });

  it('gives the moments that Akka expects', () => {
    const five = new IntervalWindow(20);
    for (const x of [100, 200, 125, 340, 130]) five.push(x);
    expect(five.mean).toBe(179);
    expect(five.variance).toBeCloseTo(7584, 9);
    const three = new IntervalWindow(3);
    for (const x of [100, 110, 90]) three.push(x);
    expect([three.mean, three.variance]).toEqual([100, expect.closeTo(66.6666667, 6)]);
    three.push(140);
    expect(three.mean).toBeCloseTo(113.3333333, 6);
    expect(three.variance).toBeCloseTo(422.2222222, 6);
    three.push(80);
    expect(three.mean).toBeCloseTo(103.3333333, 6);
    expect(three.variance).toBeCloseTo(688.8888889, 6);
  });

  it('starts anew after clear', () => {
    const window = new IntervalWindow(100);
    for (let i = 0; i < 250; i++) window.push(i);
    window.clear();
    expect([window.count, window.mean, window.variance]).toEqual([0, Number.NaN, Number.NaN]);
    for (let i = 0; i < 250; i++) window.push(7);
    expect([window.count, window.mean, window.variance]).toEqual([100, 7, 0]);
  });

  it('drops what is no interval, and says so', () => {
    const window = new IntervalWindow(3);
    for (const x of [Number.NaN, Infinity, -Infinity, -1]) expect(window.push(x)).toBe(false);
    expect(window.count).toBe(0);
    expect(window.push(1e300)).toBe(true);
    expect(window.mean).toBeLessThan(Infinity);
  });

  it.each([0, -1, 1.5, 262_145, Number.NaN, '3'])('refuses a size of %s', (size) => {
    expect(() => new IntervalWindow(size as number)).toThrow(/^size: expected .* got /);
  });
});
