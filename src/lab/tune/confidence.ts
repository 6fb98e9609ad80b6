/** How sure a measured rate, mean or percentile is. */
import { mean, quantile, variance } from 'simple-statistics';
import { zOfPhi } from '../../core/model/phi.js';
import { Random } from '../simulation/random.js';

/** A figure and where the true one lies: with 95 % below `high`, with 95 % above `low`. */
export interface Interval {
  readonly observed: number;
  readonly low: number;
  readonly high: number;
}

/** What is promised holds with this probability. */
export const CONFIDENCE = 0.95;
const RESAMPLES = 200;

/**
 * How much more than a Poisson process mistakes cluster: variance over mean of their counts in
 * blocks of equal length; at least 1. (Quasi-Poisson: McCullagh and Nelder, "Generalized linear
 * models", 1989.)
 */
export function dispersion(counts: readonly number[]): number {
  const average = mean([...counts]);
  return average > 0 ? Math.max(variance([...counts]) / average, 1) : 1;
}

/**
 * The largest rate under which so few events in so many hours are seen with a probability of
 * 1 − `confidence`: the upper limit of Garwood (Biometrika 28, 1936), in the approximation of
 * Wilson and Hilferty (within 1 % from one event on; exact for none).
 */
export function rateUpTo(
  events: number,
  hours: number,
  clustered = 1,
  confidence = CONFIDENCE,
): number {
  const n = events / clustered + 1;
  const limit =
    events === 0
      ? -Math.log(1 - confidence)
      : n * (1 - 1 / (9 * n) + deviations(confidence) / (3 * Math.sqrt(n))) ** 3;
  return (limit * clustered) / hours;
}

/** The lower limit. */
function rateFrom(events: number, hours: number, clustered: number): number {
  const n = events / clustered;
  if (n === 0) return 0;
  const root = 1 - 1 / (9 * n) - deviations(CONFIDENCE) / (3 * Math.sqrt(n));
  return Math.max((n * root ** 3 * clustered) / hours, 0);
}

const deviations = (confidence: number): number =>
  confidence > 0.5
    ? zOfPhi(-Math.log10(1 - confidence))
    : confidence < 0.5
      ? -deviations(1 - confidence)
      : 0;

/**
 * The rate of `events` in so many hours, with its limits; `counts` are the events in blocks of equal
 * length, by which it is seen how they cluster.
 */
export function rateInterval(counts: readonly number[], events: number, hours: number): Interval {
  const clustered = dispersion(counts);
  return {
    observed: events / hours,
    low: rateFrom(events, hours, clustered),
    high: rateUpTo(events, hours, clustered),
  };
}

/**
 * A figure of a series whose neighbours depend on each other, by the block bootstrap (Künsch, The
 * Annals of Statistics 17, 1989): blocks are drawn anew with replacement, the same ones each time.
 */
export function bootstrapInterval(
  blocks: readonly Float64Array[],
  figure: (values: Float64Array) => number,
): Interval {
  const random = new Random(1); // two tunings of one trace agree
  const all = new Float64Array(blocks.reduce((sum, { length }) => sum + length, 0));
  const gather = (pick: (i: number) => Float64Array): Float64Array => {
    let n = 0;
    for (let i = 0; i < blocks.length; i++) {
      const block = pick(i).subarray(0, all.length - n);
      all.set(block, n);
      n += block.length;
    }
    return all.subarray(0, n);
  };
  const observed = figure(gather((i) => blocks[i]));
  const seen = Array.from({ length: RESAMPLES }, () => figure(gather(() => random.pick(blocks))));
  const [low, high] = [1 - CONFIDENCE, CONFIDENCE].map((p) => quantile(seen, p));
  return { observed, low: Math.min(low, observed), high: Math.max(high, observed) };
}
