/**
 * What a benchmark found: a table on the screen and, when `run.mjs` is the parent, the same rows
 * as a message.
 *
 * A row is `{ what, value, unit, atMost?, atLeast? }`. Only ratios (`×`), bytes and counts are
 * held against their aim; of times the aim is only shown, for they depend on the machine.
 */

/** Tiny sizes, a second or two in all: shows that a benchmark still runs, not how fast. */
export const smoke = process.argv.includes('--smoke');

/** Smaller sizes and fewer rounds: some seconds for a part, and figures that mean something. */
export const quick = smoke || process.argv.includes('--quick');

const JUDGED = new Set(['×', 'bytes', 'MB', 'count']);

/** Whether a row meets its aim; undefined when it has none that can be judged. */
export function meets({ value, unit, atMost, atLeast }) {
  if (!JUDGED.has(unit) || (atMost === undefined && atLeast === undefined)) return undefined;
  return atMost === undefined ? value >= atLeast : value <= atMost;
}

export function amount(value, unit) {
  if (!Number.isFinite(value)) return '—';
  const size = Math.abs(value);
  const digits = unit === 'count' || size >= 1000 ? 0 : size >= 100 ? 1 : 2;
  const number = value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return unit === 'count' ? number : unit === '×' ? `${number}×` : `${number} ${unit}`;
}

function aim({ unit, atMost, atLeast }) {
  if (atMost === undefined && atLeast === undefined) return '';
  const limit = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`;
  return unit === 'count' ? limit : unit === '×' ? `${limit}×` : `${limit} ${unit}`;
}

const MARK = { true: 'met', false: 'missed', undefined: '' };

/** A row as it is shown: what, how much, its aim, and whether it is met. */
export const cellsOf = (row) => [
  row.what,
  amount(row.value, row.unit),
  aim(row),
  MARK[smoke ? undefined : meets(row)],
];

/** Prints the rows as a table. */
export function print(title, rows) {
  const cells = rows.map(cellsOf);
  const widths = [0, 1, 2].map((i) => Math.max(...cells.map((cell) => cell[i].length)));
  console.log(`\n${title}${smoke ? ' (smoke run: the figures mean nothing)' : ''}`);
  for (const [what, value, limit, mark] of cells) {
    const line = [what.padEnd(widths[0]), value.padStart(widths[1]), limit.padEnd(widths[2]), mark];
    console.log(`  ${line.join('   ')}`.trimEnd());
  }
}

/** Ends a benchmark: prints its rows and hands them to the parent, if there is one. */
export function report(title, rows) {
  print(title, rows);
  process.send?.({ title, rows });
}
