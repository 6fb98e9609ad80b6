/** The last numbers of a kind and their sum, for windows of baselines. */

/**
 * Numbers from an anchor, so that the sum stays small where the numbers are instants; computed
 * afresh whenever the ring wraps, so that rounding does not add up.
 */
export class SummedRing {
  readonly #ring: Float64Array;
  #count = 0;
  #next = 0;
  #anchor = 0;
  #sum = 0;

  constructor(size: number) {
    this.#ring = new Float64Array(size);
  }

  push(x: number): void {
    const ring = this.#ring;
    const size = ring.length;
    if (this.#count === 0) this.#anchor = x;
    if (this.#count === size) this.#sum -= ring[this.#next] - this.#anchor;
    else this.#count++;
    ring[this.#next] = x;
    this.#sum += x - this.#anchor;
    this.#next = this.#next + 1 === size ? 0 : this.#next + 1;
    if (this.#next > 0 || this.#count < size) return;
    this.#anchor = x;
    this.#sum = 0;
    for (let i = 0; i < size; i++) this.#sum += ring[i] - x;
  }

  get count(): number {
    return this.#count;
  }

  get mean(): number {
    return this.#anchor + this.#sum / this.#count;
  }

  /** The oldest of them. */
  get first(): number {
    return this.#ring[this.#count < this.#ring.length ? 0 : this.#next];
  }
}
