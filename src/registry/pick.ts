/** One of several targets by their weights, and how a weight rises after a return. */
import type { Target } from './views.js';

const LEAST_WEIGHT = 0.1;

/** The share of its weight that a target has, `since` ms after it became one. */
export const ramp = (since: number, slowStart: number): number =>
  since >= slowStart ? 1 : Math.max(LEAST_WEIGHT, since / slowStart);

/** In how many steps a weight rises. */
export const RAMP_STEPS = 100;

/**
 * Weighted power of two choices: two are drawn by weight, and the one that was picked less often for
 * its weight is taken. The shares come out as the weights, with far less scatter than by one draw.
 */
export class Picker {
  readonly #targets: readonly Target[];
  /** The sums of the weights up to each target. */
  readonly #sums: Float64Array;
  readonly #picks: Float64Array;

  constructor(targets: readonly Target[]) {
    this.#targets = targets;
    this.#sums = new Float64Array(targets.length);
    this.#picks = new Float64Array(targets.length);
    let sum = 0;
    for (let i = 0; i < targets.length; i++) this.#sums[i] = sum += targets[i].weight;
  }

  /** @param random from 0 to 1, below 1 */
  pick(random: () => number): Target | undefined {
    const targets = this.#targets;
    if (targets.length === 0) return undefined;
    const a = this.#draw(random());
    const b = this.#draw(random());
    const load = (i: number) => (this.#picks[i] + 1) / targets[i].weight;
    const chosen = load(b) < load(a) ? b : a;
    this.#picks[chosen]++;
    return targets[chosen];
  }

  /** The target at a share of the sum of all weights. */
  #draw(share: number): number {
    const sums = this.#sums;
    const at = share * sums[sums.length - 1];
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
