/** Figures as people read them. */

export const NONE = '–';

/** A φ: two decimals below 10, none beyond 100. */
export function phi(value: number | undefined): string {
  if (value === undefined) return NONE;
  if (value < 9.995) return value.toFixed(2);
  if (value < 99.95) return value.toFixed(1);
  return value < 999.5 ? value.toFixed(0) : '> 999';
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

const two = (n: number): string => String(n).padStart(2, '0');

/** A duration in ms: with tenths of a second below 10 s, with a colon from two minutes on. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return NONE;
  if (ms < 9950) return `${(Math.max(ms, 0) / SECOND).toFixed(1)} s`;
  const seconds = Math.round(ms / SECOND);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)} min`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)}:${two(minutes % 60)} h`;
  return `${(ms / DAY).toFixed(1)} d`;
}

/** A short duration in ms to the millisecond: intervals and their spread. */
export function interval(ms: number | undefined): string {
  if (ms === undefined) return NONE;
  if (ms < 1000) return `${ms < 9.95 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
  return ms < 100 * SECOND ? `${(ms / SECOND).toFixed(2)} s` : duration(ms);
}

/** 0 to 1, as a percentage. */
export const share = (value: number | undefined): string =>
  value === undefined ? NONE : `${Math.round(100 * value)} %`;

/** A time in ms since 1970, as the clock on the wall of who reads it shows it. */
export function clock(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}

export const counted = (n: number, one: string, many = `${one}s`): string =>
  `${n} ${n === 1 ? one : many}`;
