import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // End-to-end tests mostly wait: two at a time take half as long.
    maxWorkers: 2,
    // Real processes and the installed package share two cores with everything else.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
