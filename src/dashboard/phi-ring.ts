/** The last figures of one instance, for its curve: a ring of numbers, the oldest overwritten. */
export class PhiRing {
  readonly #values: Float32Array;
  #next = 0;
  #length = 0;

  /** @param size how many are kept, at least 1 */
  constructor(size: number) {
    this.#values = new Float32Array(size);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#values.length;
    this.#length = Math.min(this.#length + 1, this.#values.length);
  }

  /** The i-th newest, 0 the newest; NaN beyond what is kept. */
  newest(i: number): number {
    if (!(i >= 0 && i < this.#length)) return Number.NaN;
    const size = this.#values.length;
    return this.#values[(this.#next - 1 - i + size) % size];
  }
}

/** One place from frame to frame: the newest value on the right. */
const STEP = 2;

/**
 * The `points` of a line of `size` values in a box `2 · (size − 1)` wide and `height` high, `top` at
 * its upper edge and what is above it there too; '' for fewer than two values. By the square root:
 * the φ of a healthy instance, a fraction of 1, is to be seen beside a threshold of 8.
 */
export function pointsOf(ring: PhiRing, size: number, top: number, height: number): string {
  const right = STEP * (size - 1);
  const points: string[] = [];
  for (let i = Math.min(ring.length, size) - 1; i >= 0; i--) {
    const share = Math.sqrt(Math.min(Math.max(ring.newest(i) / top, 0), 1));
    points.push(`${right - STEP * i},${(height * (1 - share)).toFixed(1)}`);
  }
  return points.length > 1 ? points.join(' ') : '';
}
