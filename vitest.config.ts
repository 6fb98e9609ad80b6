import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest, in the order in which it begins: else a core waits for the last file alone. */
const LONGEST = [
  'e2e/benchmarks',
  'e2e/package',
  'e2e/load-balancer',
  'e2e/',
  'registry/deployments',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = LONGEST.findIndex((name) => moduleId.includes(name));
      return found < 0 ? LONGEST.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // With more on two cores, end-to-end tests run out of time.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // Real processes and the installed package share two cores with everything else.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
