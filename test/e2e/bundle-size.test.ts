/** Who imports a part of the core bundles that part alone, whichever bundler is used. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { describe, expect, it } from 'vitest';
import { root } from '../support/processes.js';

const { 'size-limit': budgets } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const parts: { import: string; limit: string; path: string }[] = budgets.filter(
  (budget: { import?: string }) => budget.import,
);
const PROGRAM = 'virtual:program';

/** Compressed bytes of a program that imports this, as Vite builds it. */
async function bundled(path: string, what: string): Promise<number> {
  const name = what.replace(/[{} ]/g, '');
  const program = `import { ${name} } from ${JSON.stringify(join(root, path))}; console.log(${name});`;
  const result = await build({
    configFile: false,
    logLevel: 'error',
    root,
    build: { write: false, target: 'es2022', rolldownOptions: { input: PROGRAM } },
    plugins: [
      {
        name: 'program',
        enforce: 'pre',
        resolveId: (id) => (id === PROGRAM ? `\0${PROGRAM}` : undefined),
        load: (id) => (id === `\0${PROGRAM}` ? program : undefined),
      },
    ],
  });
  if (!('output' in result)) throw new Error('Vite built several programs, or none');
  return gzipSync(result.output[0].code, { level: 9 }).length;
}

describe('bundle size', () => {
  it('has a budget for parts of the core', () => {
    expect(parts.length).toBeGreaterThanOrEqual(4);
  });

  it.each(parts)('Vite bundles import $import within the budget of $limit', async (part) => {
    const limit = Number.parseFloat(part.limit) * 1000;
    expect(await bundled(part.path, part.import)).toBeLessThanOrEqual(limit);
  });
});
