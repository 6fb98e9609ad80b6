/**
 * Runs every benchmark in a process of its own, or those that are named, and keeps what they found
 * in bench/results/latest.json: `node bench/run.mjs [name …] [--smoke]`. What is named takes the
 * place of its own earlier figures, on the same machine and version of Node.
 *
 *   node bench/run.mjs --against DIR [name[:part] …] [--quick] [--rounds 5]
 *
 * prints instead how the hot path, or what is named, compares with the build in DIR/dist.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { runAgainst } from './lib/against.mjs';
import { runAll } from './lib/all.mjs';
import { meets, print, quick, smoke } from './lib/report.mjs';

const { positionals: named, values } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean' },
    quick: { type: 'boolean' },
    against: { type: 'string' },
    rounds: { type: 'string' },
  },
});
if (values.against !== undefined) {
  await runAgainst(values.against, named, Number(values.rounds ?? (quick ? 3 : 5)));
  process.exit();
}
const found = await runAll(named);
const judged = found.results.flatMap(({ rows }) => rows.filter((row) => meets(row) !== undefined));
print('Figures that have an aim', judged);
if (!smoke) {
  const directory = new URL('./results/', import.meta.url);
  const file = new URL('latest.json', directory);
  await mkdir(directory, { recursive: true });
  if (named.length > 0) {
    const kept = await readFile(file, 'utf8').then(JSON.parse, () => undefined);
    if (kept?.machine !== found.machine || kept.node !== found.node) process.exit();
    const isNew = ({ name }) => !kept.results.some((old) => old.name === name);
    found.results = kept.results
      .map((old) => found.results.find(({ name }) => name === old.name) ?? old)
      .concat(found.results.filter(isNew));
  }
  await writeFile(file, `${JSON.stringify(found, null, 2)}\n`);
}
