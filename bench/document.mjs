/** Writes the figures of bench/results/latest.json into docs/benchmarks.md, between its marks. */
import { readFile } from 'node:fs/promises';
import { writeBetween } from './lib/marks.mjs';
import { cellsOf, smoke } from './lib/report.mjs';

const BEGIN = '<!-- figures: node bench/document.mjs -->';
const END = '<!-- end of figures -->';

const page = new URL('../docs/benchmarks.md', import.meta.url);
const kept = new URL('./results/latest.json', import.meta.url);
const { date, node, machine, results } = JSON.parse(await readFile(kept, 'utf8'));

const sections = results
  .filter(({ name }) => name !== 'growth') // the chart shows these
  .map(({ title, rows }) => {
    const lines = rows.map((row) => `| ${cellsOf(row).join(' | ')} |`);
    return [`### ${title}`, '', '| figure | measured | aim | |', '|---|--:|--:|---|', ...lines, ''];
  });
const figures = [`${date}, Node ${node}, ${machine} (virtual, shared).`, '', ...sections.flat()];

if (smoke) console.log(`would write:\n${figures.join('\n')}`);
else await writeBetween(page, BEGIN, END, figures.slice(0, -1));
