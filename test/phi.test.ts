import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { phiOfZ, zOfPhi } from '../src/index.js';
import inverse from './vectors/inverse.json' with { type: 'json' };
import forward from './vectors/phi.json' with { type: 'json' };

const LEAST_NORMAL = 2 ** -1022;
const LEAST = 2 ** -1074;

type ForwardRow = [z: number, hex: string, digits: string, phi: number, tag: string];
type InverseRow = [phi: number, hex: string, digits: string, z: number, slope: number, tag: string];
const forwardRows = forward.rows as unknown as ForwardRow[];
const inverseRows = inverse.rows as unknown as InverseRow[];

/** The next double above x. */
function nextUp(x: number): number {
  const f = new Float64Array([x]);
  const i = new BigInt64Array(f.buffer);
  i[0] += x >= 0 ? 1n : -1n;
  return f[0];
}

describe('phiOfZ', () => {
  it('agrees with the reference to 1e-14 where φ is normal, to one unit where it is subnormal', () => {
    expect(forwardRows.length).toBe(forward.count);
    for (const [z, , , phi, tag] of forwardRows) {
      const error = Math.abs(phiOfZ(z) - phi);
      if (phi >= LEAST_NORMAL) expect(error / phi, `${tag}, z = ${z}`).toBeLessThanOrEqual(1e-14);
      else expect(error, `${tag}, z = ${z}`).toBeLessThanOrEqual(LEAST);
    }
  });

  it('is +0 where it underflows, and passes NaN and infinities', () => {
    for (const z of [-38.4638, -39, -1e3, -1e300, -Infinity]) expect(phiOfZ(z)).toBe(0);
    expect(phiOfZ(Infinity)).toBe(Infinity);
    expect(phiOfZ(Number.NaN)).toBeNaN();
  });

  it('is finite up to 1e154, and rises with z', () => {
    let before = 0;
    for (let z = 1; z < 1e154; z *= 1.37) {
      const phi = phiOfZ(z);
      expect(phi).toBeGreaterThan(before);
      before = phi;
    }
    expect(before).toBeLessThan(Infinity);
  });

  it('never falls, but for one ulp at the borders of its table', () => {
    const border = fc
      .integer({ min: -130, max: 130 })
      .map((k) => k / 16)
      .chain((z) => fc.integer({ min: -40, max: 40 }).map((n) => z + n * 2 ** -50));
    const anywhere = fc.double({ min: -38.5, max: 60, noNaN: true });
    fc.assert(
      fc.property(fc.oneof(border, anywhere), (z) => {
        const here = phiOfZ(z);
        const there = phiOfZ(nextUp(z));
        expect(there).toBeGreaterThanOrEqual(here * (1 - 2 ** -52));
        expect(Object.is(here, -0)).toBe(false);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('zOfPhi', () => {
  it('agrees with the reference to 2e-15·max(1, |z|)', () => {
    expect(inverseRows.length).toBe(inverse.count);
    for (const [phi, , , z, , tag] of inverseRows) {
      const bound = 2e-15 * Math.max(1, Math.abs(z));
      expect(Math.abs(zOfPhi(phi) - z), `${tag}, φ = ${phi}`).toBeLessThanOrEqual(bound);
    }
  });

  it('inverts phiOfZ as well as doubles allow, from the least double to 1e300', () => {
    const phis = fc.double({ min: -307, max: 300, noNaN: true }).map((e) => 10 ** e);
    fc.assert(
      fc.property(phis, (phi) => {
        const z = zOfPhi(phi);
        const error = Math.abs(phiOfZ(z) / phi - 1);
        expect(error).toBeLessThanOrEqual(1e-15 * (2 + Math.min(z * z, 2000)));
      }),
      { numRuns: 5000 },
    );
    expect(zOfPhi(5e-324)).toBeCloseTo(-38.4457, 3);
  });

  it.each([0, -1, -0, 1.1e300, Infinity, Number.NaN])('refuses %s', (phi) => {
    expect(() => zOfPhi(phi)).toThrow(RangeError);
    expect(() => zOfPhi(phi)).toThrow(/expected .* got /);
  });
});
