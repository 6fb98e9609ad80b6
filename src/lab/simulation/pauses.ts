/** Spans of time in which an observer could not hear: what its stall guard should take out. */
import { BOUNDS } from './invariants.js';

export class Pauses {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Whether the guard was bound to take the span out: after much stalling it no longer is. */
  readonly #sure: boolean[] = [];
  /** Stalled time that running time has not yet made up for. */
  #debt = 0;
  longest = 0;

  add(from: number, until: number): void {
    const last = this.#ends.length - 1;
    if (last >= 0 && from <= this.#ends[last]) {
      this.#debt += Math.max(until - this.#ends[last], 0);
      this.#ends[last] = Math.max(this.#ends[last], until);
    } else {
      if (last >= 0) this.#debt = Math.max(this.#debt - (from - this.#ends[last]), 0);
      this.#starts.push(from);
      this.#ends.push(until);
      this.#sure.push(this.#debt < 0.9 * BOUNDS.maxHold);
      this.#debt += until - from;
    }
    const i = this.#ends.length - 1;
    this.longest = Math.max(this.longest, this.#ends[i] - this.#starts[i]);
  }

  /** Paused time from `from` to `to`. */
  between(from: number, to: number): number {
    let sum = 0;
    for (let i = this.#ends.length - 1; i >= 0 && this.#ends[i] > from; i--) {
      sum += Math.max(Math.min(this.#ends[i], to) - Math.max(this.#starts[i], from), 0);
    }
    return sum;
  }

  /** The most of {@link Pauses.between} that a guard may have missed; Infinity for all of it. */
  missable(from: number, to: number, tolerated: number): number {
    const each = BOUNDS.unnoticed + BOUNDS.unnoticedShare * tolerated;
    let sum = 0;
    for (let i = this.#ends.length - 1; i >= 0 && this.#ends[i] > from; i--) {
      if (this.#starts[i] > to) continue;
      sum += this.#sure[i] ? Math.min(each, this.#ends[i] - this.#starts[i]) : Infinity;
    }
    return sum;
  }

  /** The first instant from `at` on that is in no pause. */
  over(at: number): number {
    for (let i = this.#ends.length - 1; i >= 0 && this.#ends[i] > at; i--) {
      if (this.#starts[i] <= at) return this.#ends[i];
    }
    return at;
  }
}
