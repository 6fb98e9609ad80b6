/** The registry's state, left by a process that dies at any call of the disk, or with the power. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crashHistory } from '../support/crash-world.js';

const violations = async (seed: number) => (await crashHistory(seed)).violations;

it('whenever a registry dies, the next one finds all that was acknowledged, and nothing that was over', async () => {
  const end = performance.now() + 15_000;
  await fc.assert(
    fc.asyncProperty(fc.nat(2 ** 31), async (seed) => {
      // A machine that is busy with other tests tries fewer histories.
      if (performance.now() < end) expect(await violations(seed)).toEqual([]);
    }),
    { numRuns: 60, endOnFailure: true },
  );
});
