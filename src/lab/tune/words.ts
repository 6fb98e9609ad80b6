/** Wishes, settings and figures of tuning as people read them. */
import type { DetectorOptions } from '../../core/options.js';
import type { TuneGoal } from './goal.js';

/** Two digits, or all before the point. */
export const figure = (n: number): string =>
  n === 0 ? '0' : n >= 100 ? n.toFixed(0) : n.toPrecision(2);

export const formatHours = (hours: number): string =>
  hours < 1 ? `${(60 * hours).toPrecision(2)} min` : `${hours.toPrecision(3)} h`;

export function wish({ maxMistakesPerHour: rate, detectWithin }: TuneGoal): string {
  const wishes: string[] = [];
  if (rate !== undefined) {
    const [n, unit] = rate >= 1 ? [rate, 'an hour'] : [24 * rate, 'a day'];
    const shown = Number(n.toPrecision(3)); // 1, not 1.00: it was wished, not measured
    wishes.push(`at most ${shown} mistake${shown === 1 ? '' : 's'} ${unit}`);
  }
  if (detectWithin !== undefined) wishes.push(`99 of 100 crashes detected in ${detectWithin} ms`);
  return wishes.join(', ');
}

/** As one writes it, in a line. */
export const pasted = (options: DetectorOptions): string =>
  `new FailureDetector(${literal(options)})`;

/** The same, a line for each option. */
export function pastedLines(options: DetectorOptions): string {
  const lines = Object.entries(options).map(([name, value]) => `  ${name}: ${literal(value)},\n`);
  return `new FailureDetector({\n${lines.join('')}})`;
}

/** Strings here are names of models: nothing in them needs an escape. */
function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).map(([name, each]) => `${name}: ${literal(each)}`);
  return `{ ${entries.join(', ')} }`;
}
