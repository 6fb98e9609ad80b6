/**
 * `npm run torture -- --state`: histories of a registry whose process dies after every call of the
 * disk. What it drives is internal to the service, and in no part of the package: it is built from
 * the source here.
 */
import pc from 'picocolors';
import { build } from 'tsup';

const FOLDER = 'node_modules/.cache/phi-accrual';
const EVERY = 10_000;

/** @returns whether every history was right */
export async function tortureState({ first, count, seconds }) {
  await build({
    ...{ config: false, silent: true, clean: false, dts: false, splitting: false },
    ...{ entry: { 'crash-world': 'test/support/crash-world.ts' }, outDir: FOLDER },
    ...{ format: ['esm'], platform: 'node', target: 'node20' },
    outExtension: () => ({ js: '.mjs' }),
  });
  const { crashHistory } = await import(`../../${FOLDER}/crash-world.mjs`);
  console.log(`torture of the state from seed ${first}`);
  const start = performance.now();
  const total = { histories: 0, deaths: 0, acknowledged: 0, restarts: 0, removals: 0 };
  const said = () =>
    Object.entries(total)
      .map(([what, n]) => `${n.toLocaleString('en')} ${what}`)
      .join(', ');
  let shown = start;
  for (let seed = first; total.histories < count; seed++) {
    if (count === Infinity && performance.now() - start > seconds * 1000) break;
    const report = await crashHistory(seed);
    total.histories++;
    for (const key of ['deaths', 'acknowledged', 'restarts', 'removals']) total[key] += report[key];
    if (report.violations.length > 0) {
      console.log(pc.red(`seed ${seed}: ${report.violations.join('\n  ')}`));
      console.log(`replay: npm run torture -- --state --seed ${seed}`);
      return false;
    }
    if (performance.now() - shown < EVERY) continue;
    shown = performance.now();
    console.log(`${Math.round((shown - start) / 1000)} s: ${said()}`);
  }
  console.log(said());
  return true;
}
