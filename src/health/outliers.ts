/**
 * Who stands out from a group. By median and MAD, never by mean and σ: of n values none can be
 * farther than √(n−1) σ from the mean, and two bad ones mask each other.
 */
import { median, medianAbsoluteDeviation } from 'simple-statistics';
import { checkKeys, checkNumber, checkOneOf } from '../core/validate.js';

/** Which values are bad when they stand out: those above the median, below it, or both. */
export type Side = 'high' | 'low' | 'both';

/** Options of {@link outliers}. */
export interface OutliersOptions {
  /** How far out stands out, in robust σ, which is 1.4826 MAD. Default 3.5; lower takes more out. */
  readonly cutoff?: number;
  /** The least MAD, in the unit of the values. Default 0: where most are equal, whoever is not stands out. */
  readonly floor?: number;
  /** Default `'both'`. */
  readonly side?: Side;
  /** The most that are taken out, as a share of the group; default 0.1: nobody of fewer than ten. */
  readonly atMost?: number;
}

/** What {@link outliers} found. */
export interface Outliers<Id> {
  /** NaN for an empty group. */
  readonly median: number;
  /** The median of the distances from the median, as measured. */
  readonly mad: number;
  /** All that stand out, the worst first. */
  readonly standOut: readonly Id[];
  /** Those of them to be taken out: the worst, up to `atMost`. */
  readonly out: readonly Id[];
}

/** Fewer are no group: of four, two are half. */
const LEAST = 5;
/** σ of a normal distribution in MADs. */
const SIGMA = 1.4826;
/** Shares of the median that are arithmetic: 0.1 + 0.2 does not stand out of 0.3. */
const ROUNDING = 1e-9;

/**
 * Who stands out from the group by a figure of each; nobody does of fewer than five. Values that are
 * not finite are left out.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came
 */
export function outliers<Id>(
  values: Iterable<readonly [Id, number]>,
  options?: OutliersOptions,
): Outliers<Id> {
  const known = checkKeys('options', options, ['cutoff', 'floor', 'side', 'atMost']);
  const numbers = { least: Number.MIN_VALUE, most: 1e6 };
  const cutoff = checkNumber('cutoff', known.cutoff ?? 3.5, numbers);
  const floor = checkNumber('floor', known.floor ?? 0, { least: 0, most: 1e300 });
  const side = checkOneOf('side', known.side ?? 'both', ['high', 'low', 'both']);
  const atMost = checkNumber('atMost', known.atMost ?? 0.1, { least: 0, most: 1 });
  const group = [...values].filter(([, value]) => Number.isFinite(value));
  if (group.length === 0) return { median: Number.NaN, mad: Number.NaN, standOut: [], out: [] };
  const figures = group.map(([, value]) => value);
  const middle = median(figures);
  const mad = medianAbsoluteDeviation(figures);
  if (group.length < LEAST) return { median: middle, mad, standOut: [], out: [] };
  const limit = cutoff * SIGMA * Math.max(mad, floor, ROUNDING * Math.abs(middle));
  const distance = (value: number) => {
    const above = value - middle;
    return side === 'high' ? above : side === 'low' ? -above : Math.abs(above);
  };
  const standOut = group
    .map(([id, value]) => ({ id, far: distance(value) }))
    .filter(({ far }) => far > limit)
    .sort((a, b) => b.far - a.far)
    .map(({ id }) => id);
  const most = Math.trunc(atMost * group.length);
  return { median: middle, mad, standOut, out: standOut.slice(0, most) };
}
