/** Arguments of the command line, and what is wrong with them. */
import { InvalidArgumentError } from 'commander';

/** The arguments are at fault: one line, exit code 2. */
export class UsageError extends Error {}

/** Runs what validates its options; its TypeErrors and RangeErrors are the user's arguments. */
export function asUsage<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new UsageError(error.message);
    }
    throw error;
  }
}

/** A parser for numbers from `least` to `most`. */
export function number(expected: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const n = text.trim() === '' ? Number.NaN : Number(text);
    if (!(n >= least && n <= most)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return n;
  };
}

/** A parser for integers from `least` to `most`. */
export function integer(expected: string, least: number, most: number): (text: string) => number {
  const parse = number(expected, least, most);
  return (text) => {
    const n = parse(text);
    if (!Number.isInteger(n)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return n;
  };
}

export const parsePort = integer('a port from 0 to 65535', 0, 65535);
export const parseSeconds = number('seconds above 0, at most 2000000', 0.001, 2e6);
export const parseMs = number('ms from 1 to 2147483647', 1, 2147483647);
export const parsePause = number('ms from 0 to 1e15', 0, 1e15);
export const parsePhi = number('a φ above 0, at most 1e300', Number.MIN_VALUE, 1e300);
export const parseCount = integer('an integer from 1 to 10000000', 1, 1e7);

const HOURS = { s: 1 / 3600, m: 1 / 60, h: 1, d: 24, w: 168 };
const RATE = /^(\d*\.?\d+)\s*\/\s*(s|m|h|d|w)(ec|econd|in|inute|our|ay|eek)?$/i;

/** A rate, as events an hour. */
export function parseRate(text: string): number {
  const [, count, unit] = RATE.exec(text.trim()) ?? [];
  const rate = Number(count) / HOURS[unit?.toLowerCase() as keyof typeof HOURS];
  if (!(rate > 0)) throw new InvalidArgumentError('Expected a rate as 1/day, 10/hour or 5/min.');
  return rate;
}
