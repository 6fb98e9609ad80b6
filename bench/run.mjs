/**
 * Runs every benchmark in a process of its own, or those that are named, and keeps what they found
 * in bench/results/latest.json: `node bench/run.mjs [name …] [--smoke]`.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { runAll } from './lib/all.mjs';
import { meets, print, smoke } from './lib/report.mjs';

const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const found = await runAll(named);
const judged = found.results.flatMap(({ rows }) => rows.filter((row) => meets(row) !== undefined));
print('Figures that have an aim', judged);
if (!smoke && named.length === 0) {
  const directory = new URL('./results/', import.meta.url);
  await mkdir(directory, { recursive: true });
  await writeFile(new URL('latest.json', directory), `${JSON.stringify(found, null, 2)}\n`);
}
