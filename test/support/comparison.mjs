/** Two sequences of entries, which are objects of plain values, compared value by value. */

const END = { what: 'nothing more' };
const LONGEST = 600;

const isPlain = (value) => typeof value === 'object' && value !== null && !(value instanceof Error);
const text = (value) => (value instanceof Error ? String(value) : value);
/** An entry, cut to what fits on some lines. */
const textOf = (entry) => {
  const json = JSON.stringify(entry, (_, value) => text(value));
  return json.length > LONGEST ? `${json.slice(0, LONGEST)}…` : json;
};
const relative = (a, b) => Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));

export class Comparison {
  /** The relative difference of numbers that is allowed. */
  #tolerance;
  #numbers = 0;
  #unequal = 0;
  #worst = { difference: 0 };
  /** Fields that entries of one side have alone, as lines to print. */
  #alone = new Set();

  constructor(tolerance) {
    this.#tolerance = tolerance;
  }

  /** Counts anew. */
  begin() {
    this.#numbers = 0;
    this.#unequal = 0;
    this.#worst = { difference: 0 };
  }

  /**
   * Where two iterables of entries part: `{ index, path, before, now }`, the latter two as text;
   * undefined if nowhere. What only one side has of a field is no difference: {@link fieldsOfOne}.
   *
   * @param on whether to go on after it, as long as entries are of the same kind, and find the
   * largest difference of all numbers
   */
  firstDifference(before, now, on = false) {
    let first;
    const [olds, news] = [before[Symbol.iterator](), now[Symbol.iterator]()];
    for (let index = 0; ; index++) {
      const [a, b] = [olds.next(), news.next()];
      if (a.done && b.done) return first;
      const [old, fresh] = [a.done ? END : a.value, b.done ? END : b.value];
      const alike = old.what === fresh.what;
      const path = alike ? this.#unlike(old, fresh, old.what) : 'what';
      if (path === undefined) continue;
      first ??= { index, path, before: textOf(old), now: textOf(fresh) };
      if (!on || !alike) return first;
    }
  }

  /** The path of the first field that both have and that differs. */
  #unlike(a, b, path) {
    let first = Array.isArray(a) && a.length !== b.length ? `${path}.length` : undefined;
    for (const key in a) {
      if (key in b) {
        const unlike = this.#differs(a[key], b[key], path, key);
        first ??= unlike;
      } else {
        this.#only('there', path, key);
      }
    }
    for (const key in b) if (!(key in a)) this.#only('here', path, key);
    return first;
  }

  #differs(a, b, path, key) {
    if (isPlain(a) && isPlain(b)) return this.#unlike(a, b, `${path}.${key}`);
    const numbers = typeof a === 'number' && typeof b === 'number';
    const same = numbers ? this.#near(a, b, path, key) : a === b || text(a) === text(b);
    return same ? undefined : `${path}.${key}`;
  }

  #only(side, path, key) {
    this.#alone.add(`only ${side}: ${path.replace(/\.\d+/g, '[]')}.${key}`);
  }

  #near(a, b, path, key) {
    this.#numbers++;
    if (Object.is(a, b)) return true;
    this.#unequal++;
    const difference = relative(a, b);
    if (!(difference <= this.#worst.difference)) {
      this.#worst = { difference, a, b, where: `${path}.${key}` };
    }
    return difference <= this.#tolerance;
  }

  /** How near the numbers were since {@link begin}. */
  told() {
    const numbers = `${this.#numbers.toLocaleString('en')} numbers`;
    if (this.#unequal === 0) return `${numbers}, every bit the same`;
    const { difference, a, b, where } = this.#worst;
    const most = `by ${difference.toPrecision(2)} of the larger at most (${where}: ${a}, ${b})`;
    return `${numbers}, ${this.#unequal.toLocaleString('en')} of them differ, ${most}`;
  }

  /** What could not be compared. */
  fieldsOfOne() {
    return [...this.#alone].sort();
  }
}
