/** Arguments that several commands take, how they are read, and what is wrong with them. */
import { InvalidArgumentError, Option } from 'commander';

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

/** A URL of http or https. @throws UsageError that names `flag` */
export function parseUrl(flag: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${flag}: expected a URL with http:// or https://, got '${text}'`);
  }
  return url;
}

/** `--for`. */
export const endAfter = (): Option =>
  new Option('--for <seconds>', 'end after this many seconds').argParser(parseSeconds);

/** `--host` of the commands that receive heartbeats of anybody. */
export const localAddress = (): Option =>
  new Option(
    '--host <address>',
    'local address to listen on; any address but loopback is open to everybody',
  ).default('127.0.0.1');

/** `--max-peers`. */
export const mostPeers = (): Option =>
  new Option('--max-peers <n>', 'refuse more peers than this')
    .argParser(parseCount)
    .default(10_000);

/** `--threshold`, or `--max-mistakes` in its place. */
export interface SuspicionFlags {
  threshold?: number;
  maxMistakes?: number;
}

/** @throws UsageError if both are given */
export function checkSuspicion(command: string, { threshold, maxMistakes }: SuspicionFlags): void {
  if (threshold !== undefined && maxMistakes !== undefined) {
    throw new UsageError(`${command}: give --threshold or --max-mistakes, not both`);
  }
}
