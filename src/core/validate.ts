/** Checks of options: what is wrong is said with the option's name, what was expected, what came. */

import { escaped } from './text.js';

function shown(value: unknown): string {
  if (typeof value === 'string') return escaped(JSON.stringify(value));
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

const got = (name: string, expected: string, value: unknown): string =>
  `${name}: expected ${expected}, got ${shown(value)}`;

/** Whether it may be the id of a peer: what is missing, or no number, names nobody. */
export const isId = (value: unknown): boolean =>
  value !== undefined && value !== null && !Number.isNaN(value);

/** Throws a TypeError unless `fits`. */
export function checkType(name: string, expected: string, value: unknown, fits: boolean): void {
  if (!fits) throw new TypeError(got(name, expected, value));
}

/** Throws a RangeError unless `fits`. */
export function checkRange(name: string, expected: string, value: unknown, fits: boolean): void {
  if (!fits) throw new RangeError(got(name, expected, value));
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function checkObject(name: string, value: unknown): void {
  checkType(name, 'an object', value, isObject(value));
}

/** The object itself, once every key of it is known: a misspelt option must not be ignored. */
export function checkKeys<T extends object>(
  name: string,
  value: T | undefined,
  known: readonly string[],
): Partial<T> {
  if (value === undefined) return {};
  checkObject(name, value);
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new TypeError(`${name}: unknown option "${key}"; known are ${known.join(', ')}`);
    }
  }
  return value;
}

/** What a number may be. */
export interface Numbers {
  /** The least; Number.MIN_VALUE for all above 0. */
  readonly least: number;
  readonly most: number;
  readonly integer?: boolean;
  /** Default 'a number'. */
  readonly unit?: string;
}

export function checkNumber(name: string, value: unknown, numbers: Numbers): number {
  const { least, most, integer = false, unit = 'a number' } = numbers;
  const lower = least === Number.MIN_VALUE ? 'above 0, at most' : `from ${least} to`;
  const expected = `${integer ? 'an integer' : unit} ${lower} ${most}`;
  checkType(name, expected, value, typeof value === 'number');
  const n = value as number;
  checkRange(name, expected, n, n >= least && n <= most && (!integer || n === Math.floor(n)));
  return n;
}

export function checkBoolean(name: string, value: unknown): boolean {
  checkType(name, 'true or false', value, typeof value === 'boolean');
  return value as boolean;
}

export function checkOneOf<T extends string>(name: string, value: unknown, all: readonly T[]): T {
  const expected = `one of ${all.join(', ')}`;
  checkType(name, expected, value, typeof value === 'string');
  checkRange(name, expected, value, all.includes(value as T));
  return value as T;
}

export function checkId(name: string, value: unknown): void {
  checkType(name, 'an id: anything but undefined, null and NaN', value, isId(value));
}
