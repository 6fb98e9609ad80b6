/**
 * Two builds in turns, part by part, each measurement in a process of its own: what else the machine
 * does falls on both alike, and neither sees what V8 made of the other. A ratio is the median of
 * those within the rounds.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { amount, quick, smoke } from './report.mjs';
import { median } from './rounds.mjs';

const DEFAULT = ['hot-path', 'garbage'];

async function answer(benchmark, ...flags) {
  const path = fileURLToPath(new URL(`../${benchmark}.mjs`, import.meta.url));
  const child = fork(path, flags, { silent: true });
  let [said, found] = [''];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      said += text;
    });
  }
  child.on('message', (message) => {
    found = message;
  });
  const [code] = await once(child, 'close');
  if (code !== 0 || found === undefined) {
    throw new Error(`${benchmark} ${flags.join(' ')}: ended with code ${code}\n${said}`);
  }
  return found;
}

/** Those parts of a benchmark whose names contain the text; undefined for one that has none. */
async function partsOf(benchmark, text = '') {
  const found = await answer(benchmark, '--list', `--only=${text}`, '--smoke');
  return Array.isArray(found) ? found : [undefined];
}

async function measure(benchmark, part, directory) {
  const flags = [smoke && '--smoke', quick && '--quick', part && `--part=${part}`];
  const found = await answer(
    benchmark,
    ...flags.filter(Boolean),
    ...(directory ? [`--build=${directory}`] : []),
  );
  return new Map((found.rows ?? found).map((row) => [row.what, row]));
}

function line(what, unit, pairs) {
  const ratios = pairs.map(({ before, now }) => now / before);
  const middle = (side) => amount(median(pairs.map((pair) => pair[side])), unit);
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  const spread = pairs.length > 1 ? `  (${least.toFixed(2)} – ${most.toFixed(2)})` : '';
  const figures = [middle('before'), middle('now'), amount(median(ratios), '×')];
  return `  ${what}\n${figures.map((text) => text.padStart(14)).join('')}${spread}`;
}

/**
 * Prints old, new and new/old for every row of the benchmarks.
 *
 * @param named `benchmark`, or `benchmark:text` for parts whose names contain the text
 */
export async function runAgainst(directory, named, rounds) {
  const wanted = named.length > 0 ? named : DEFAULT;
  console.log(`there (${directory}), here, here over there: medians of ${rounds} rounds (spread)`);
  for (const name of wanted) {
    const [benchmark, text] = name.split(/:(.*)/s);
    const parts = await partsOf(benchmark, text);
    if (parts.length === 0) throw new Error(`${benchmark}: no part is named so: ${text}`);
    console.log(`\n${benchmark}${smoke ? ' (smoke run: the figures mean nothing)' : ''}`);
    for (const part of parts) {
      const seen = new Map();
      for (let round = 0; round < rounds; round++) {
        const sides = round % 2 === 0 ? ['before', 'now'] : ['now', 'before'];
        const found = {};
        for (const side of sides) {
          found[side] = await measure(benchmark, part, side === 'before' ? directory : undefined);
        }
        for (const [what, { value, unit }] of found.now) {
          if (!seen.has(what)) seen.set(what, { unit, pairs: [] });
          const before = found.before.get(what)?.value ?? Number.NaN;
          seen.get(what).pairs.push({ before, now: value });
        }
      }
      for (const [what, { unit, pairs }] of seen) console.log(line(what, unit, pairs));
    }
  }
}
