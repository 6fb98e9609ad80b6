/**
 * Which intervals a peer's window learns under `learn: 'guarded'`.
 *
 * An interval that spans a suspicion (an outage) or is shorter than a quarter of the mean (a
 * duplicate, a burst of queued beats) says nothing about the cadence, unless it goes on: it is a
 * candidate. The next ordinary interval clears the candidates. Candidates in a row replace the
 * window, as at bootstrap, by two samples a quarter below and above a mean of theirs, once
 *   - the last three or more of them agree within a factor of 3 and span five of the old means: a
 *     new cadence, theirs; or
 *   - there are ten of them that span as much without the longest: whatever this is, the old
 *     window does not describe it. The longest is left out of the mean too: it may be an outage.
 * (A million of them do without the span, which a 32-bit sum of tiny intervals may never reach.)
 * So a slower cadence is learnt within 3 to 10 beats, a faster one within 5 to 10 old periods,
 * 1000 duplicates within one period not at all, and no input starves the window.
 *
 * The first three intervals of a peer are learnt however short they are: until then the mean is
 * the configured guess, and a guess must not outvote the peer.
 */
import { clear, countOf, LONGEST, meanOf, push } from './interval-window.js';
import {
  BATCH_COUNT,
  BATCH_MAX,
  BATCH_MIN,
  BATCH_SUM,
  CANDIDATES,
  FLAGS,
  OWN_FULL,
  OWN_ONE,
  type PeerSlab,
  RUN_COUNT,
  RUN_MAX,
  RUN_SUM,
} from './peer-slab.js';
import type { Profile } from './profile.js';

const FAST = 4;
const AGREEMENT = 3;
const ENOUGH = 3;
const TOO_MANY = 10;
const FAR_TOO_MANY = 1_000_000;
const MEANS_SPANNED = 5;

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
    f32.fill(0, row + RUN_COUNT, row + BATCH_MAX + 1);
  }
  const run = ++i32[row + RUN_COUNT];
  f32[row + RUN_SUM] += interval;
  f32[row + RUN_MAX] = Math.max(f32[row + RUN_MAX], interval);
  const min = Math.min(f32[row + BATCH_MIN], interval);
  const max = Math.max(f32[row + BATCH_MAX], interval);
  const agrees = i32[row + BATCH_COUNT] > 0 && max <= AGREEMENT * min;
  const batch = agrees ? i32[row + BATCH_COUNT] + 1 : 1;
  i32[row + BATCH_COUNT] = batch;
  f32[row + BATCH_SUM] = agrees ? f32[row + BATCH_SUM] + interval : interval;
  f32[row + BATCH_MIN] = agrees ? min : interval;
  f32[row + BATCH_MAX] = agrees ? max : interval;

  const span = MEANS_SPANNED * mean;
  const others = f32[row + RUN_SUM] - f32[row + RUN_MAX];
  const settled = batch >= ENOUGH && f32[row + BATCH_SUM] >= span;
  if (settled || run >= FAR_TOO_MANY || (run >= TOO_MANY && others >= span)) {
    clear(slab, row, size);
    seed(slab, row, size, settled ? f32[row + BATCH_SUM] / batch : others / (run - 1));
    slab.i32[w + FLAGS] = (slab.i32[w + FLAGS] | OWN_FULL) & ~CANDIDATES;
  }
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
