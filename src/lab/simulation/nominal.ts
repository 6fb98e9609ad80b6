/** What a detector ought to tolerate, worked out from the truth instead of from what it learnt. */
import { arrivalModels } from '../../core/arrival-model.js';
import type { ResolvedOptions } from '../../core/options.js';

/** The silence that is suspicion for a peer that beats every `interval` ms like a clock. */
export function nominalSilence(options: ResolvedOptions): (interval: number) => number {
  const { threshold, minStdDev, acceptablePause, maxSilence = Infinity } = options;
  // The calibrated model's is learnt: this is where it starts, about.
  const model = options.model === 'calibrated' ? 'exponential' : options.model;
  const { perMean, perStdDev } = arrivalModels[model].reach(threshold);
  return (interval) => {
    const stdDev = Math.max(minStdDev.absolute, minStdDev.relative * interval);
    const silence = perMean * (interval + acceptablePause) + perStdDev * stdDev;
    return Math.min(silence, maxSilence);
  };
}
