/** Figures as the page shows them. */
import type { Interval } from '../tune/confidence.js';
import { figure } from '../tune/words.js';

/** Three digits, and the unit that they are best read in. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Number(ms.toPrecision(3))} ms`;
  if (ms < 120_000) return `${Number((ms / 1000).toPrecision(3))} s`;
  if (ms < 7.2e6) return `${Number((ms / 60_000).toPrecision(3))} min`;
  return `${Number((ms / 3.6e6).toPrecision(3)).toLocaleString('en')} h`;
}

export const whole = (n: number): string => n.toLocaleString('en', { maximumFractionDigits: 0 });

export const percent = (share: number): string =>
  share === 0 ? '0 %' : `${Number((100 * share).toPrecision(2))} %`;

/** A figure, and its limits. */
export interface Limited {
  readonly figure: string;
  readonly limits: string;
}

export const within = (
  { observed, low, high }: Interval,
  format: (n: number) => string,
): Limited => ({ figure: format(observed), limits: `(${format(low)} – ${format(high)})` });

/** A rate; of none, what that shows. */
export const rate = (interval: Interval): Limited =>
  interval.observed === 0
    ? { figure: 'none seen', limits: `(at most ${figure(interval.high)})` }
    : within(interval, figure);

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** A round figure beside an axis, from its log₁₀. */
export function power(log: number): string {
  const value = Number((10 ** log).toPrecision(3));
  if (value >= 0.01 && value < 99_999) return value.toLocaleString('en');
  const exponent = Math.round(log);
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]);
  return `10${exponent < 0 ? '⁻' : ''}${digits.join('')}`;
}

/** `1 peer`, `2 peers`. */
export const counted = (n: number, what: string): string =>
  `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;
