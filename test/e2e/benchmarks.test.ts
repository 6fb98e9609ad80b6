/** Every benchmark runs, with tiny sizes: what its figures are is for people to read. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Running, root } from '../support/processes.js';

const { BENCHMARKS } = (await import(pathToFileURL(join(root, 'bench/lib/all.mjs')).href)) as {
  BENCHMARKS: readonly string[];
};

/** Each on its own but those that run.mjs runs anyway, all of them. */
const lines = readdirSync(join(root, 'bench'))
  .filter((file) => file.endsWith('.mjs') && !BENCHMARKS.includes(file.replace('.mjs', '')))
  .map((file) => (file === 'check.mjs' ? [file, 'phi'] : [file]))
  .concat([['run.mjs', 'phi', '--rounds=1', `--against=${root}`]]);

describe.concurrent('benchmarks', () => {
  const titled = lines.map((line) => ({ title: line.join(' ').replace(root, '.'), line }));

  it.each(titled)('bench/$title runs', { timeout: 400_000 }, async ({ line: [file, ...args] }) => {
    const run = new Running([join(root, 'bench', file), ...args, '--smoke']);
    const { code } = await run.exited;
    expect(code, run.output).toBe(0);
    expect(run.output.length).toBeGreaterThan(100);
  });

  it('run.mjs has every benchmark that is named for it', () => {
    const files = readdirSync(join(root, 'bench'));
    expect(BENCHMARKS.filter((name) => !files.includes(`${name}.mjs`))).toEqual([]);
  });
});
