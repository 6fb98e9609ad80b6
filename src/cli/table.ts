/** The live table: one line a peer. */
import colours from 'picocolors';
import type { Peer } from '../index.js';
import { formatMs, printable } from './format.js';

const PARTS = ' ▏▎▍▌▋▊▉█';
/** The bar is full at φ = 8, the default threshold. */
const FULL = 8;

/** φ as a bar of eighths of a character. */
function bar(phi: number, width: number): string {
  const eighths = Math.round((Math.min(phi, FULL) / FULL) * width * 8);
  const full = '█'.repeat(Math.floor(eighths / 8));
  const rest = eighths % 8;
  return (full + (rest > 0 ? PARTS[rest] : '')).padEnd(width, '·');
}

function formatPhi(phi: number): string {
  if (phi < 1000) return phi.toFixed(2);
  return phi < 1e6 ? phi.toFixed(0) : phi.toExponential(0);
}

const paint = { starting: colours.yellow, available: colours.green, suspect: colours.red };

interface Column {
  readonly title: string;
  readonly width: number;
  readonly right?: boolean;
}

/** Narrow columns fit in 80 characters. */
function layout(wide: boolean): readonly Column[] {
  return [
    { title: 'peer', width: wide ? 16 : 12 },
    { title: 'φ', width: wide ? 23 : 15 },
    { title: 'mean ± σ', width: wide ? 17 : 13, right: true },
    { title: 'silence', width: 8, right: true },
    { title: 'status', width: 9 },
    { title: 'due', width: wide ? 13 : 11 },
  ];
}

const WIDE = 98;

function line(cells: readonly string[], columns: number): string[] {
  let left = columns;
  return layout(columns >= WIDE).map(({ width, right }, i) => {
    const cell = cells[i];
    const clipped = cell.length > width ? `${cell.slice(0, width - 1)}…` : cell;
    const padded = right ? clipped.padStart(width) : clipped.padEnd(width);
    const shown = `${padded}  `.slice(0, Math.max(left, 0));
    left -= shown.length;
    return shown;
  });
}

/** When silence will be, or was, suspicion; relative to now. */
function prediction(suspectAt: number, now: number): string {
  if (suspectAt === Infinity) return 'never';
  const rest = suspectAt - now;
  return rest >= 0 ? `in ${formatMs(rest)}` : `${formatMs(-rest)} ago`;
}

/** The lines of the table: at most `rows`, none wider than `columns`. Suspects are not left out. */
export function renderTable(
  all: readonly Peer[],
  now: number,
  { rows, columns }: { rows: number; columns: number },
): string[] {
  const most = Math.max(rows - 1, 1);
  const some = (suspect: boolean) => all.filter((p) => (p.status === 'suspect') === suspect);
  const fit = all.length <= most;
  const peers = fit ? all : [...some(true), ...some(false)].slice(0, most - 1);
  const wide = columns >= WIDE;
  const titles = layout(wide).map(({ title }) => title);
  const lines = [colours.dim(line(titles, columns).join(''))];
  for (const peer of peers) {
    const { status, mean, stdDev } = peer;
    if (status === undefined || mean === undefined) continue;
    const phi = peer.phi(now);
    const { lastHeartbeat } = peer;
    const cells = line(
      [
        printable(peer.id),
        `${bar(phi, wide ? 16 : 8)} ${formatPhi(phi)}`,
        `${formatMs(mean)} ± ${(stdDev ?? 0).toFixed(stdDev !== undefined && stdDev < 10 ? 1 : 0)}`,
        lastHeartbeat === undefined ? '–' : formatMs(now - lastHeartbeat),
        status,
        prediction(peer.suspectAt(), now),
      ],
      columns,
    );
    const colour = paint[status];
    lines.push(cells.map((cell, i) => (i === 1 || i === 4 ? colour(cell) : cell)).join(''));
  }
  if (!fit) lines.push(colours.dim(`… and ${all.length - peers.length} more`));
  return lines;
}
