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
import { clear, countOf, push } from './interval-window.js';
import {
  ANCHOR,
  BATCH_COUNT,
  BATCH_MAX,
  BATCH_MIN,
  BATCH_SUM,
  CANDIDATES,
  FLAGS,
  OWN_FULL,
  OWN_MASK,
  OWN_ONE,
  type PeerSlab,
  RUN_COUNT,
  RUN_MAX,
  RUN_SUM,
  SUM,
} from './peer-slab.js';
import type { RingPool } from './ring-pool.js';

const FAST = 4;
const AGREEMENT = 3;
const ENOUGH = 3;
const TOO_MANY = 10;
const FAR_TOO_MANY = 1_000_000;
const MEANS_SPANNED = 5;

/** Learns `interval` if it is ordinary, else weighs it as a candidate. */
export function learnGuarded(
  slab: PeerSlab,
  record: number,
  rings: RingPool,
  size: number,
  interval: number,
  spansSuspicion: boolean,
): void {
  const w = record * 16;
  const flags = slab.i32[w + FLAGS];
  const own = flags & OWN_MASK;
  // interval < mean/4 with mean = K + s/n, without the division.
  const anchor = slab.f32[w + ANCHOR];
  const short =
    (FAST * interval - anchor) * countOf(slab, record, size) < slab.f64[record * 8 + SUM];
  if (spansSuspicion || (short && own === OWN_FULL)) {
    weigh(slab, record, rings, size, interval);
    return;
  }
  if (own !== OWN_FULL || (flags & CANDIDATES) !== 0) {
    slab.i32[w + FLAGS] = (own === OWN_FULL ? flags : flags + OWN_ONE) & ~CANDIDATES;
  }
  push(slab, record, rings, size, interval);
}

function weigh(
  slab: PeerSlab,
  record: number,
  rings: RingPool,
  size: number,
  interval: number,
): void {
  const w = record * 16;
  const { coldF32, coldI32 } = slab;
  const c = record * 8;
  if ((slab.i32[w + FLAGS] & CANDIDATES) === 0) {
    slab.i32[w + FLAGS] |= CANDIDATES;
    coldI32[c + RUN_COUNT] = 0;
    coldF32[c + RUN_SUM] = 0;
    coldF32[c + RUN_MAX] = 0;
    coldI32[c + BATCH_COUNT] = 0;
  }
  const run = ++coldI32[c + RUN_COUNT];
  coldF32[c + RUN_SUM] += interval;
  if (interval > coldF32[c + RUN_MAX]) coldF32[c + RUN_MAX] = interval;
  const min = Math.min(coldF32[c + BATCH_MIN], interval);
  const max = Math.max(coldF32[c + BATCH_MAX], interval);
  if (coldI32[c + BATCH_COUNT] === 0 || max > AGREEMENT * min) {
    coldI32[c + BATCH_COUNT] = 1;
    coldF32[c + BATCH_SUM] = interval;
    coldF32[c + BATCH_MIN] = interval;
    coldF32[c + BATCH_MAX] = interval;
  } else {
    coldI32[c + BATCH_COUNT]++;
    coldF32[c + BATCH_SUM] += interval;
    coldF32[c + BATCH_MIN] = min;
    coldF32[c + BATCH_MAX] = max;
  }
  const mean = slab.f32[w + ANCHOR] + slab.f64[record * 8 + SUM] / countOf(slab, record, size);
  const span = MEANS_SPANNED * mean;
  const batch = coldI32[c + BATCH_COUNT];
  const others = coldF32[c + RUN_SUM] - coldF32[c + RUN_MAX];
  if (batch >= ENOUGH && coldF32[c + BATCH_SUM] >= span) {
    restart(slab, record, rings, size, coldF32[c + BATCH_SUM] / batch);
  } else if (run >= FAR_TOO_MANY || (run >= TOO_MANY && others >= span)) {
    restart(slab, record, rings, size, others / (run - 1));
  }
}

function restart(
  slab: PeerSlab,
  record: number,
  rings: RingPool,
  size: number,
  mean: number,
): void {
  clear(slab, record, rings, size);
  seed(slab, record, rings, size, mean);
  slab.i32[record * 16 + FLAGS] = (slab.i32[record * 16 + FLAGS] | OWN_FULL) & ~CANDIDATES;
}

/** Fills an empty window with what is expected: two samples, `mean` minus and plus a quarter. */
export function seed(
  slab: PeerSlab,
  record: number,
  rings: RingPool,
  size: number,
  mean: number,
): void {
  push(slab, record, rings, size, mean * 0.75);
  push(slab, record, rings, size, mean * 1.25);
}
