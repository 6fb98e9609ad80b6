/** How regular the intervals of each node were that an observer took in. */

/** Of larger windows, so many intervals. */
const LATELY = 1000;

export class Regularity {
  readonly #lately: number;
  readonly #accepted: Int32Array;
  /** Intervals like the node's own. */
  readonly #regular: Int32Array;
  /**
   * The others, of about as many as a window holds; each as what it adds to the variance, in squares of the
   * node's own, or as 1 where it is too long to be learnt.
   */
  readonly #odd: Float64Array;

  constructor(nodes: number, windowSize: number) {
    this.#lately = Math.min(windowSize, LATELY);
    this.#accepted = new Int32Array(nodes);
    this.#regular = new Int32Array(nodes);
    this.#odd = new Float64Array(nodes);
  }

  accept(node: number, interval: number, usual: number, tolerated: number): void {
    const regular = interval > 0.5 * usual && interval < 1.5 * usual;
    const odd = interval < tolerated ? (interval / usual - 1) ** 2 : 1;
    this.#accepted[node]++;
    if (regular) this.#regular[node]++;
    this.#odd[node] += (regular ? 0 : odd) - this.#odd[node] / this.#lately;
  }

  /** An interval that teaches nothing, for it was announced. */
  pass(node: number): void {
    this.#accepted[node]++;
  }

  /** The node is watched no more. */
  reset(node: number): void {
    this.#accepted[node] = 0;
    this.#regular[node] = 0;
    this.#odd[node] = 0;
  }

  accepted(node: number): number {
    return this.#accepted[node];
  }

  /** How many were like the node's own. */
  regular(node: number): number {
    return this.#regular[node];
  }

  /** Whether irregular intervals are too few to sway what is learnt. */
  steady(node: number): boolean {
    return this.#odd[node] * 20 <= Math.min(this.#accepted[node], this.#lately);
  }
}
