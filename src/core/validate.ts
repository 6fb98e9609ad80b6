/** Checks of options: what is wrong is said with the option's name, what was expected, what came. */

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? 'an array' : 'an object';
  }
  return String(value);
}

export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name}: expected ${expected}, got ${show(value)}`);
}

export function outOfRange(name: string, expected: string, value: unknown): RangeError {
  return new RangeError(`${name}: expected ${expected}, got ${show(value)}`);
}

/** The object itself, once every key of it is known: a misspelt option must not be ignored. */
export function checkKeys<T extends object>(
  name: string,
  value: T | undefined,
  known: readonly string[],
): Partial<T> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrongType(name, 'an object', value);
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new TypeError(`${name}: unknown option ${show(key)}; known are ${known.join(', ')}`);
    }
  }
  return value;
}

export function checkNumber(
  name: string,
  value: unknown,
  expected: string,
  inRange: (n: number) => boolean,
): number {
  if (typeof value !== 'number') throw wrongType(name, expected, value);
  if (!inRange(value)) throw outOfRange(name, expected, value);
  return value;
}

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrongType(name, 'true or false', value);
  return value;
}

export function checkOneOf<T extends string>(name: string, value: unknown, all: readonly T[]): T {
  const expected = `one of ${all.map(show).join(', ')}`;
  if (typeof value !== 'string') throw wrongType(name, expected, value);
  if (!all.includes(value as T)) throw outOfRange(name, expected, value);
  return value as T;
}
