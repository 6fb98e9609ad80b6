/** Inter-arrival times counted in bins of equal ratio: a body of ms and a tail of minutes in one. */
import { type Arrivals, nearestRank } from '../replay/arrivals.js';

export interface GapBins {
  /** Rising, in ms: bin i is from edge i, inclusive, up to edge i + 1. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  /** Gaps below the first edge, which are counted in the first bin. */
  readonly below: number;
  readonly gaps: number;
}

/** Gaps shorter than this share of the median are a burst's: how short does not matter. */
const SHORTEST = 1 / 50;
/** Steps of the clock: bins of fewer are too unlike in width. */
const COARSEST = 5;
const RESOLUTIONS = [1000, 100, 10, 1, 0.1, 0.01];

/** The times between arrivals of each session, in ms. */
export function gapsOf(sessions: readonly Arrivals[]): Float64Array {
  const gaps = new Float64Array(
    sessions.reduce((sum, { at }) => sum + Math.max(at.length - 1, 0), 0),
  );
  let n = 0;
  for (const { at } of sessions) for (let k = 1; k < at.length; k++) gaps[n++] = at[k] - at[k - 1];
  return gaps;
}

/** The steps of the clock that the gaps were measured by, in ms; 0: too fine to matter. */
export function resolutionOf(gaps: Float64Array): number {
  const isMultiple = (gap: number, step: number) => {
    const steps = Math.round(gap / step);
    return gap === 0 || (steps > 0 && Math.abs(gap / step - steps) < 1e-4);
  };
  return RESOLUTIONS.find((step) => gaps.every((gap) => isMultiple(gap, step))) ?? 0;
}

/** @param bins about so many; fewer where the clock's steps are wider */
export function binGaps(gaps: Float64Array, bins: number): GapBins {
  const { low, high, resolution } = range(gaps);
  const ratio = Math.max((high / low) ** (1 / bins), 1 + 1e-9);
  // Edges lie between what the clock can say: otherwise bins with one more of its steps stand out.
  const aligned = (edge: number) =>
    resolution > 0 ? (Math.ceil(edge / resolution) - 0.5) * resolution : edge;
  const edges = [Math.max(aligned(low), resolution / 2)];
  for (let edge = edges[0]; edge < high; edges.push(edge)) {
    edge = Math.max(aligned(edge * ratio), edge + resolution);
  }
  // The longest gap is in the last bin, not on its edge.
  const last = edges.length - 1;
  if (edges[last] <= high) edges[last] = high * (1 + 1e-9);
  const counts = new Array<number>(last).fill(0);
  let below = 0;
  for (const gap of gaps) {
    below += +(gap < edges[0]);
    counts[binOf(edges, gap)]++;
  }
  return { edges, counts, below, gaps: gaps.length };
}

function range(gaps: Float64Array) {
  let longest = 0;
  let shortest = Infinity;
  for (const gap of gaps) {
    if (gap > longest) longest = gap;
    if (gap < shortest) shortest = gap;
  }
  const median = nearestRank(gaps.slice(), 0.5);
  const resolution = resolutionOf(gaps);
  // A constant cadence has a width, too, or there is nothing to be seen.
  const high = Math.max(longest, 1.02 * median);
  const least = Math.max(SHORTEST * (median > 0 ? median : longest), COARSEST * resolution);
  const low = Math.min(Math.max(shortest, least), 0.98 * high);
  return { low, high, resolution };
}

/** The bin that a gap is in; of one below the first edge, the first. */
function binOf(edges: readonly number[], gap: number): number {
  let low = 0;
  let high = edges.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (gap < edges[middle]) high = middle;
    else low = middle;
  }
  return low;
}
