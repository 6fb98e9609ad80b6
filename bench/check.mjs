/**
 * `npm run bench:check -- [name …]`: a fresh run against the figures kept in the repository: prints which ratios got worse by more
 * than a quarter. For people, hence always exit code 0; times are not compared, for they belong
 * to the machine.
 */
import { readFile } from 'node:fs/promises';
import { runAll } from './lib/all.mjs';
import { smoke } from './lib/report.mjs';

const WORSE = 1.25;

try {
  const kept = JSON.parse(
    await readFile(new URL('./results/latest.json', import.meta.url), 'utf8'),
  );
  const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const fresh = await runAll(named);
  const rowsOf = ({ results }) => results.flatMap(({ rows }) => rows);
  const before = new Map(rowsOf(kept).map((row) => [row.what, row]));
  let worse = 0;
  console.log(`\nAgainst ${kept.date}, Node ${kept.node}, ${kept.machine}:`);
  for (const { what, value, unit, atLeast } of rowsOf(fresh)) {
    const old = before.get(what);
    if (unit !== '×' || old === undefined) continue;
    const change = atLeast === undefined ? value / old.value : old.value / value;
    if (change <= WORSE) continue;
    worse++;
    console.log(`  ${what}: ${old.value.toFixed(2)}× then, ${value.toFixed(2)}× now`);
  }
  if (worse === 0) console.log('  no ratio is worse by more than a quarter');
  if (smoke) console.log('  (smoke run: the comparison means nothing)');
} catch (error) {
  console.log(`bench:check: ${error.message}`);
}
