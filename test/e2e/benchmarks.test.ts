/** Every benchmark runs, with tiny sizes: what its figures are is for people to read. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Running, root } from '../support/processes.js';

const benchmarks = readdirSync(join(root, 'bench')).filter((file) => file.endsWith('.mjs'));

describe('benchmarks', () => {
  it.each(benchmarks)('bench/%s runs', { timeout: 240_000 }, async (file) => {
    const run = new Running([join(root, 'bench', file), '--smoke']);
    const { code } = await run.exited;
    expect(code, run.output).toBe(0);
    expect(run.output.length).toBeGreaterThan(100);
  });
});
