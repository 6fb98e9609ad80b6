/** Inter-arrival times in bins of one width, and what the fitted model expects in each. */
import { modelOf } from './phi-curve.js';

export interface Histogram {
  /** The middle of each bin, in ms. */
  readonly at: number[];
  readonly counts: number[];
  /** By the model; undefined for one that mean and σ do not give. */
  readonly expected: number[] | undefined;
  readonly width: number;
}

export interface Fit {
  readonly model: string | undefined;
  readonly mean: number | undefined;
  /** As φ is computed with: not below the floors. */
  readonly stdDev: number | undefined;
}

const MOST_BINS = 32;
const LEAST_BINS = 8;

/** Undefined without samples. */
export function histogramOf(samples: readonly number[], fit: Fit): Histogram | undefined {
  if (samples.length === 0) return undefined;
  const { mean, stdDev } = fit;
  let low = Math.min(...samples);
  let high = Math.max(...samples);
  // What the model expects is to be seen whole, beside samples that are all but equal too.
  if (mean !== undefined && stdDev !== undefined) {
    low = Math.min(low, mean - 3 * stdDev);
    high = Math.max(high, mean + 3 * stdDev);
  }
  low = Math.max(low, 0);
  if (!(high > low)) high = low + 1;
  const bins = Math.round(Math.min(Math.max(2 * Math.sqrt(samples.length), LEAST_BINS), MOST_BINS));
  const width = (high - low) / bins;
  const counts = new Array<number>(bins).fill(0);
  for (const sample of samples) counts[Math.min(Math.floor((sample - low) / width), bins - 1)]++;
  const edge = (i: number) => low + i * width;
  return {
    at: counts.map((_, i) => edge(i + 0.5)),
    counts,
    expected: expectedOf(
      counts.map((_, i) => [edge(i), edge(i + 1)] as const),
      samples.length,
      fit,
    ),
    width,
  };
}

function expectedOf(
  bins: readonly (readonly [from: number, to: number])[],
  n: number,
  { model: name, mean, stdDev }: Fit,
): number[] | undefined {
  const model = modelOf(name);
  if (model === undefined || mean === undefined || stdDev === undefined) return undefined;
  if (!(mean > 0 && stdDev > 0)) return undefined;
  const beyond = (silence: number) => 10 ** -model.phi(silence, mean, stdDev);
  return bins.map(([from, to]) => n * (beyond(from) - beyond(to)));
}
