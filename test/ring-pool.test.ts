import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingPool } from '../src/core/model/ring-pool.js';

const MASK = 2 ** 18 - 1;

describe('RingPool', () => {
  it('never lets two live rings overlap, whatever comes and goes', () => {
    const step = fc.record({
      capacity: fc.constantFrom(1, 4, 8, 100, 1000, 131_072),
      free: fc.boolean(),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const pool = new RingPool();
        const live: { ref: number; capacity: number; mark: number }[] = [];
        const ring = ({ ref, capacity }: { ref: number; capacity: number }) =>
          pool.chunks[ref >>> 18].subarray(ref & MASK, (ref & MASK) + capacity);
        for (const [mark, { capacity, free, pick }] of steps.entries()) {
          if (free && live.length > 0) {
            const [gone] = live.splice(pick % live.length, 1);
            pool.free(gone.ref, gone.capacity);
          } else {
            const made = { ref: pool.allocate(capacity), capacity, mark };
            expect(ring(made).length).toBe(capacity);
            ring(made).fill(mark);
            live.push(made);
          }
          for (const l of live)
            expect(ring(l)[0] === l.mark && ring(l).at(-1) === l.mark).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('gives the old storage back when all rings grow together', () => {
    const pool = new RingPool();
    let refs = Array.from({ length: 5000 }, () => pool.allocate(4));
    for (let capacity = 4; capacity < 512; capacity *= 2) {
      const grown = refs.map(() => pool.allocate(capacity * 2));
      for (const ref of refs) pool.free(ref, capacity);
      refs = grown;
    }
    const floats = pool.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    expect(floats).toBeLessThan(2.3 * 5000 * 512);
  });

  it('stays flat under churn', () => {
    const pool = new RingPool();
    const refs = Array.from({ length: 100 }, () => pool.allocate(8));
    for (let i = 0; i < 200_000; i++) {
      pool.free(refs[i % 100], 8);
      refs[i % 100] = pool.allocate(8);
    }
    expect(pool.chunks.length).toBeLessThan(20);
  });
});
