/**
 * Which intervals a peer's window learns under `learn: 'guarded'`.
 *
 * An interval that spans a suspicion (an outage) or is shorter than a quarter of the mean (a
 * duplicate, a burst of queued beats) says nothing about the cadence, unless it goes on: it is a
 * candidate. The next ordinary interval clears the candidates. Candidates in a row replace the
 * window, as at bootstrap, by two samples a quarter below and above a mean of theirs, once
 *   - the last three or more of them agree within a factor of 3 and span five of the old means: a
 *     new cadence, their mean; or
 *   - there are ten of them that span as much without the longest: whatever this is, the old
 *     window does not describe it. The longest is left out of the mean too: it may be an outage.
 *     They need not agree, so the mean is weighted by time, Σx²/Σx: a burst among slow beats counts
 *     for as long as it lasts. (By number, a few hundred tiny intervals would leave a mean of a few
 *     ms, and a healthy peer suspected again and again. The median fails the same way.)
 * (A million of them do without the span, which a 32-bit sum of tiny intervals may never reach.)
 * So a slower cadence is learnt within 3 to 10 beats, a faster one within 5 to 10 old periods,
 * 1000 duplicates within one period not at all, and no input starves the window.
 *
 * The first three intervals of a peer are learnt however short they are: until then the mean is
 * the configured guess, and a guess must not outvote the peer.
 */
import { clear, countOf, LONGEST, meanOf, push } from './interval-window.js';
import {
  BATCH_MAX,
  BATCH_MIN,
  BATCH_SUM,
  CANDIDATE_COUNTS,
  CANDIDATES,
  FLAGS,
  OTHERS_SQUARES,
  OTHERS_SUM,
  OWN_FULL,
  OWN_ONE,
  type PeerSlab,
  RUN_MAX,
} from './peer-slab.js';
import type { Profile } from './profile.js';
import { checkNumber, checkType } from './validate.js';

const FAST = 4;
const AGREEMENT = 3;
const ENOUGH = 3;
const TOO_MANY = 10;
const FAR_TOO_MANY = 1_000_000;
const MEANS_SPANNED = 5;

// Both counts share a word, as the record is full: the batch has the lower bits. A million of a row
// fit into the others; a batch stops counting, which costs it no more than the exact mean.
const BATCH_BITS = 12;
const MOST_IN_BATCH = (1 << BATCH_BITS) - 1;

/**
 * Learns the pending interval as the profile says, and leaves the window's moments. The caller
 * has learnt by itself what is plainly ordinary.
 */
export function learn(
  slab: PeerSlab,
  row: number,
  profile: Profile,
  interval: number,
  spansSuspicion: boolean,
): void {
  const size = profile.windowSize;
  const w = 2 * row;
  const flags = slab.i32[w + FLAGS];
  const known = (flags & OWN_FULL) === OWN_FULL;
  const mean = meanOf(slab, row, 1 / countOf(slab, row, size));
  const short = known && FAST * interval < mean;
  if (profile.guarded && (spansSuspicion || short)) {
    weigh(slab, row, size, Math.min(interval, LONGEST), mean);
  } else if (profile.guarded || !spansSuspicion || profile.options.learn === 'always') {
    slab.i32[w + FLAGS] = (known ? flags : flags + OWN_ONE) & ~CANDIDATES;
    push(slab, row, size, interval);
  }
}

function weigh(slab: PeerSlab, row: number, size: number, interval: number, mean: number): void {
  const { coldF32: f32, coldI32: i32 } = slab;
  const w = 2 * row;
  if ((slab.i32[w + FLAGS] & CANDIDATES) === 0) {
    slab.i32[w + FLAGS] |= CANDIDATES;
    f32.fill(0, row + CANDIDATE_COUNTS, row + BATCH_MAX + 1);
  }
  const counts = i32[row + CANDIDATE_COUNTS];
  const run = (counts >>> BATCH_BITS) + 1;
  const longest = f32[row + RUN_MAX];
  const other = Math.min(interval, longest);
  // LONGEST² a million times is 1e36: no overflow.
  f32[row + OTHERS_SUM] += other;
  f32[row + OTHERS_SQUARES] += other * other;
  f32[row + RUN_MAX] = Math.max(interval, longest);
  const before = counts & MOST_IN_BATCH;
  const min = Math.min(f32[row + BATCH_MIN], interval);
  const max = Math.max(f32[row + BATCH_MAX], interval);
  const agrees = before > 0 && max <= AGREEMENT * min;
  const batch = agrees ? Math.min(before + 1, MOST_IN_BATCH) : 1;
  f32[row + BATCH_SUM] = agrees ? f32[row + BATCH_SUM] + interval : interval;
  f32[row + BATCH_MIN] = agrees ? min : interval;
  f32[row + BATCH_MAX] = agrees ? max : interval;
  i32[row + CANDIDATE_COUNTS] = (run << BATCH_BITS) | batch;

  const span = MEANS_SPANNED * mean;
  const others = f32[row + OTHERS_SUM];
  const settled = batch >= ENOUGH && f32[row + BATCH_SUM] >= span;
  if (settled || run >= FAR_TOO_MANY || (run >= TOO_MANY && others >= span)) {
    const theirs = settled ? batchMean(slab, row, batch) : othersMean(slab, row);
    clear(slab, row, size);
    seed(slab, row, size, theirs);
    slab.i32[w + FLAGS] = (slab.i32[w + FLAGS] | OWN_FULL) & ~CANDIDATES;
  }
}

/** Of more than can be counted, the longest: no more than 3 times the mean, as they agree. */
function batchMean({ coldF32: f32 }: PeerSlab, row: number, batch: number): number {
  return batch < MOST_IN_BATCH ? f32[row + BATCH_SUM] / batch : f32[row + BATCH_MAX];
}

/** Weighted by time. Intervals may be so short that their sum is 0. */
function othersMean({ coldF32: f32 }: PeerSlab, row: number): number {
  return f32[row + OTHERS_SUM] > 0 ? f32[row + OTHERS_SQUARES] / f32[row + OTHERS_SUM] : 0;
}

/** The candidates as plain JSON: both counts, and the rest as it lies in the record. */
export function candidatesOf({ coldF32, coldI32 }: PeerSlab, row: number): readonly number[] {
  const counts = coldI32[row + CANDIDATE_COUNTS];
  const rest = coldF32.subarray(row + OTHERS_SUM, row + BATCH_MAX + 1);
  return [counts >>> BATCH_BITS, counts & MOST_IN_BATCH, ...rest];
}

/** @throws TypeError, RangeError that name the part, what was expected and what came */
export function putCandidates(slab: PeerSlab, row: number, given: readonly number[]): void {
  const length = 2 + BATCH_MAX - CANDIDATE_COUNTS;
  const fits = Array.isArray(given) && given.length === length;
  checkType('snapshot.candidates', `an array of ${length} numbers`, given, fits);
  for (const [i, n] of given.entries()) {
    const most = [FAR_TOO_MANY, MOST_IN_BATCH][i] ?? 1e38;
    checkNumber(`snapshot.candidates[${i}]`, n, { least: 0, most, integer: i < 2 });
  }
  const [run, batch, ...rest] = given;
  slab.coldI32[row + CANDIDATE_COUNTS] = (run << BATCH_BITS) | batch;
  slab.coldF32.set(rest, row + OTHERS_SUM);
}

/**
 * Fills an empty window with what is expected: two samples, `mean` minus and plus a quarter; the
 * mean itself where the window holds but one.
 */
export function seed(slab: PeerSlab, row: number, size: number, mean: number): void {
  const spread = size > 1 ? mean / 4 : 0;
  push(slab, row, size, mean - spread);
  if (size > 1) push(slab, row, size, mean + spread);
}
