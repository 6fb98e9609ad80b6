/** What a detector ought to tolerate, worked out from the truth instead of from what it learnt. */
import { arrivalModels } from '../../core/model/distributions.js';
import type { ResolvedOptions } from '../../core/options.js';

export class Nominal {
  /** What `acceptablePause` adds to any silence that is tolerated, in ms. */
  readonly leeway: number;
  /** The longest silence that is tolerated, in ms. */
  readonly longest: number;
  readonly #options: ResolvedOptions;
  readonly #perMean: number;
  readonly #perStdDev: number;

  constructor(options: ResolvedOptions) {
    const { threshold, acceptablePause, maxSilence = Infinity } = options;
    // The calibrated model's is learnt: this is where it starts, about.
    const model = options.model === 'calibrated' ? 'exponential' : options.model;
    const { perMean, perStdDev } = arrivalModels[model].reach(threshold);
    this.leeway = (options.model === 'calibrated' ? 1 : perMean) * acceptablePause;
    this.longest = maxSilence;
    this.#options = options;
    this.#perMean = perMean;
    this.#perStdDev = perStdDev;
  }

  /**
   * The silence that is suspicion for a peer that beats every `interval` ms like a clock.
   *
   * @param factor of what would be tolerated without `acceptablePause`
   */
  tolerated(interval: number, factor = 1): number {
    const { minStdDev } = this.#options;
    const stdDev = Math.max(minStdDev.absolute, minStdDev.relative * interval);
    const usual = this.#perMean * interval + this.#perStdDev * stdDev;
    return Math.min(factor * usual + this.leeway, this.longest);
  }
}
