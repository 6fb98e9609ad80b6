/** A score as a person reads it. */
import colours from 'picocolors';
import type { ResolvedOptions } from '../core/options.js';
import type { Score, Trace } from '../lab/lab.js';
import { counted, formatMs } from './format.js';

/** A share of 1, with digits enough to tell it from 0 and from 1. */
function percent(share: number): string {
  const rest = Math.min(share, 1 - share);
  const digits = rest > 0 ? Math.min(Math.max(1 - Math.floor(Math.log10(100 * rest)), 0), 9) : 0;
  return `${(100 * share).toFixed(digits)} %`;
}

const rate = (perHour: number) => (perHour < 100 ? perHour.toPrecision(3) : perHour.toFixed(0));

function detection({ mean, p50, p99, max }: Score['detectionTime']): string {
  const [a, b, c, d] = [mean, p50, p99, max].map((ms) => formatMs(ms));
  return `${a} in the mean, ${b} (median), ${c} (p99), ${d} (at most)`;
}

function calibration({ calibration: rows }: Score): string[] {
  return rows.map(({ phi, gaps, late, share }) =>
    [
      String(phi).padStart(3),
      percent(10 ** -phi).padStart(14),
      percent(share).padStart(12),
      `${late} of ${gaps}`.padStart(20),
    ].join(''),
  );
}

export function report(
  path: string,
  { heartbeats, truncated }: Trace,
  { model, threshold, maxMistakesPerHour: wish }: ResolvedOptions,
  estimated: boolean,
  score: Score,
): string {
  const wished = wish === undefined ? '' : ` (${rate(wish)} mistakes an hour wished)`;
  const lost = heartbeats - score.heartbeats;
  const { mistakes, longestMistake } = score;
  const lasting = `${formatMs(score.meanMistakeDuration)} in the mean, ${formatMs(longestMistake)} (at most)`;
  const rows: [string, string][] = [
    ['mistakes', `${mistakes}, ${rate(score.mistakesPerHour)} an hour`],
    ['they last', mistakes === 0 ? '–' : lasting],
    ['accuracy', `${percent(score.queryAccuracy)} of the time`],
    ['late gaps', percent(score.lateShare)],
    ['detection', detection(score.detectionTime)],
  ];
  const bold = (text: string) => colours.bold(text);
  return [
    `${bold(path)}: ${counted(heartbeats, 'heartbeat')}, ${percent(lost / heartbeats)} lost, ` +
      `${counted(score.sessions, 'session')}${truncated ? ', cut off' : ''}`,
    `model ${model}, threshold φ ${Number(threshold.toPrecision(3))}${wished}, ` +
      `interval ${formatMs(score.heartbeatInterval, 1)}${estimated ? ' (estimated)' : ''}`,
    `scored: ${counted(score.gaps, 'gap')} in ${score.hours.toPrecision(3)} hours`,
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(11)}${value}`),
    '',
    colours.dim('  φ      φ promises    exceeded in'),
    ...calibration(score),
  ].join('\n');
}
