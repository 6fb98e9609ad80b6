/**
 * What is learnt about a peer: the one place where a heartbeat turns into a window, or a ladder, and
 * moves the deadline. One peer or a million: the same code on the same layout.
 */
import { clear, LONGEST, push, REF_OFFSET, REF_SHIFT, samplesOf } from './interval-window.js';
import { learn, seed } from './learning.js';
import type { BeatOutcome } from './outcomes.js';
import {
  ANCHOR,
  APART,
  CANDIDATES,
  FLAGS,
  HEAD,
  HEARD,
  LAST,
  OVERDUE,
  OWN_FULL,
  PEAK,
  type PeerSlab,
  PROFILE_SHIFT,
  RESTORED,
  RING,
  RUNG_MASK,
  SQUARES,
  STARTED,
  SUM,
  SUSPECT_AT,
  WATCH,
} from './peer-slab.js';
import { LATE_AT, LOOK_BEFORE } from './process-clock.js';
import { LENIENCE, SHARE, SHORTEST } from './profile.js';
import {
  announced,
  expect,
  isLate,
  mean,
  pausedBetween,
  tolerated,
  usualSilence,
} from './suspicion.js';

/** What needs more than to learn an interval. */
const IRREGULAR = CANDIDATES | RUNG_MASK | OVERDUE | RESTORED | APART;

// What a heartbeat is by what it says of itself, as bits.
export const PLAIN = 0;
/** The first of a new incarnation: the interval before it is of neither. */
export const RESTART = 1;
/** It has a number of its own: it may share an instant of a coarse clock with the one before. */
export const NUMBERED = 2;
/** A sign of life that teaches no interval. */
export const SIGN = 4;

/** Makes the record that of a new peer, its window seeded with what its profile expects. */
export function begin(slab: PeerSlab, row: number, profile: number, watch: number): void {
  slab.f64[row + LAST] = -Infinity;
  slab.f64[row + SUSPECT_AT] = Infinity;
  slab.i32[2 * row + HEAD] = 0;
  slab.i32[2 * row + FLAGS] = profile << PROFILE_SHIFT;
  slab.i32[2 * row + WATCH] = watch;
  learnAnew(slab, row);
}

/** Begins with what is expected, instead of what was learnt. */
function learnAnew(slab: PeerSlab, row: number): void {
  const { windowSize, quantiles, options, pool } = slab.profile(row);
  if (quantiles) {
    slab.ladders.begin(row >> 3, quantiles, options.heartbeatInterval);
    if (pool) slab.ladders.borrow(row >> 3, quantiles, pool);
  } else seed(slab, row, windowSize, options.heartbeatInterval);
}

/** Gives the peer another profile; what was learnt stays, as far as the window holds it. */
export function reprofile(slab: PeerSlab, row: number, profile: number): void {
  const { windowSize: old, model, quantiles } = slab.profile(row);
  const { windowSize: size, quantiles: levels } = slab.profiles[profile];
  const flags = slab.i32[2 * row + FLAGS];
  slab.i32[2 * row + FLAGS] = (flags & ((1 << PROFILE_SHIFT) - 1)) | (profile << PROFILE_SHIFT);
  const learnt = quantiles ? slab.ladders.hasLearnt(row >> 3) : (flags & OWN_FULL) !== 0;
  if (model !== slab.profiles[profile].model || !learnt) {
    // A new model learns anew; where nothing but the prior was learnt, the new one takes its place.
    slab.i32[2 * row + FLAGS] &= ~(OWN_FULL | CANDIDATES);
    if (!quantiles) clear(slab, row, old);
    learnAnew(slab, row);
  } else if (quantiles && levels) {
    if (quantiles.phi.some((phi, j) => phi !== levels.phi[j])) {
      slab.ladders.relevel(row >> 3, quantiles.phi, levels);
    }
  } else if (size !== old) {
    const samples = samplesOf(slab, row, old);
    clear(slab, row, old);
    for (const x of samples.subarray(-size)) push(slab, row, size, x);
  }
  if ((flags & STARTED) === 0) return;
  expect(slab, row);
}

/** The peer is expected from `at` on; without effect once it is, or when `at` is not finite. */
export function start(slab: PeerSlab, row: number, at: number): void {
  if ((slab.i32[2 * row + FLAGS] & STARTED) !== 0 || !Number.isFinite(at)) return;
  slab.i32[2 * row + FLAGS] |= STARTED;
  slab.f64[row + LAST] = at;
  expect(slab, row);
}

/** The time of the heartbeat that {@link beat} takes in: not a parameter, as it would be boxed. */
export const arrival = new Float64Array(1);

/** What a caller gave as a time; NaN for what is no number. */
export const timeOf = (at: number): number => (typeof at === 'number' ? at : Number.NaN);

/**
 * Takes the heartbeat at {@link arrival} in: learns its interval as the profile says and moves the
 * deadline.
 */
export function beat(slab: PeerSlab, row: number): BeatOutcome {
  return ordinaryBeat(slab, row) ? 'accepted' : anyBeat(slab, row);
}

/**
 * Takes the heartbeat in, if it is ordinary: neither late nor a burst, of a peer that has crossed
 * no level, into a full window that is not to be computed afresh. Else false, and nothing changes.
 *
 * This is what {@link anyBeat} does, with every number in a local: 0.7 of the time, for each access
 * to a typed array is checked against its bounds.
 */
export function ordinaryBeat(slab: PeerSlab, row: number): boolean {
  const { i32, f64, quiet } = slab;
  const w = 2 * row;
  const flags = i32[w + FLAGS];
  const { hot, windowSize } = slab.profiles[flags >>> PROFILE_SHIFT];
  const next = -i32[w + HEAD];
  const at = arrival[0];
  const last = f64[row + LAST];
  // Without what is tolerated beyond it, which is not learnt; no more than that is.
  const usual = f64[row + SUSPECT_AT] - last - hot[LENIENCE];
  const interval = at - last;
  const ordinary =
    (flags & (OWN_FULL | IRREGULAR)) === OWN_FULL &&
    last >= quiet[LOOK_BEFORE] &&
    at < quiet[LATE_AT] &&
    next > 0 &&
    next < windowSize &&
    interval > 0 &&
    interval >= hot[SHORTEST] * usual &&
    // In time for sure, for the mean is no more than the usual silence; else look closer.
    (interval <= 0.5 * usual || (interval < usual && !isLate(slab, row, at)));
  if (!ordinary) return calibratedBeat(slab, row);

  const { f32 } = slab;
  const ref = i32[w + RING];
  const samples = slab.rings.chunks[ref >>> REF_SHIFT];
  const slot = (ref & REF_OFFSET) + next - 1;
  const anchor = f32[w + ANCHOR];
  const x = Math.fround(interval < LONGEST ? interval : LONGEST);
  const d = x - anchor;
  const old = samples[slot] - anchor;
  const q = f64[row + SQUARES] + (d * d - old * old);
  const peak = f32[w + PEAK];
  if (16 * q < peak) return false;
  i32[w + HEAD] = ~next;
  samples[slot] = x;
  f64[row + SQUARES] = q;
  if (q > peak) f32[w + PEAK] = q;
  const s = f64[row + SUM] + (d - old);
  f64[row + SUM] = s;
  f64[row + LAST] = at;
  const share = hot[SHARE];
  const shift = s * share;
  f64[row + SUSPECT_AT] = at + tolerated(hot, anchor + shift, q * share - shift * shift);
  return true;
}

/** {@link ordinaryBeat} of a peer of the calibrated model, which has no window. */
function calibratedBeat(slab: PeerSlab, row: number): boolean {
  const { i32, f64, quiet } = slab;
  const flags = i32[2 * row + FLAGS];
  const { quantiles, pool, hot } = slab.profiles[flags >>> PROFILE_SHIFT];
  const at = arrival[0];
  const last = f64[row + LAST];
  const interval = at - last;
  const usual = f64[row + SUSPECT_AT] - last - hot[LENIENCE];
  const ordinary =
    quantiles !== undefined &&
    (flags & (HEARD | IRREGULAR)) === HEARD &&
    last >= quiet[LOOK_BEFORE] &&
    at < quiet[LATE_AT] &&
    interval > 0 &&
    interval < usual &&
    (interval <= 0.5 * usual || !isLate(slab, row, at));
  if (!ordinary) return false;
  if (pool !== undefined) slab.ladders.teach(row >> 3, interval, pool);
  slab.ladders.learn(row >> 3, quantiles, interval);
  f64[row + LAST] = at;
  expect(slab, row);
  return true;
}

/** Learns the interval that began at `from` and ends with the heartbeat at {@link arrival}. */
function learnSince(slab: PeerSlab, row: number, from: number): void {
  const at = arrival[0];
  const last = slab.f64[row + LAST];
  const profile = slab.profile(row);
  // What spans a pause is no interval of the peer's; nor is what spans a suspicion, or would have
  // without the signs of life that came meanwhile.
  const paused = pausedBetween(slab, row, from, at);
  const due = slab.f64[row + SUSPECT_AT] + paused - (last - from);
  // Nor what begins with a heartbeat that had waited: it is as much too short as that was late.
  // Nor what spans a step of the clock: nobody knows how long that took.
  const { clock } = slab;
  const unsure = paused > 0 || from < clock.steppedAt || clock.mayHaveWaited(from);
  const interval = at - from;
  // Nor is what only `acceptablePause` tolerates.
  const unusual = interval - paused >= usualSilence(slab, row);
  if (profile.quantiles === undefined) {
    const spans = unsure || !(at < due) || (profile.guarded && unusual);
    learn(slab, row, profile, interval, spans);
  } else if (!unsure || profile.options.learn === 'always') {
    const { quantiles, pool } = profile;
    const isTolerated = unusual && at < due && profile.options.learn !== 'always';
    if (pool && !isTolerated) slab.ladders.teach(row >> 3, interval, pool);
    slab.ladders.learn(row >> 3, quantiles, interval, isTolerated);
  }
}

/**
 * Takes any heartbeat in.
 *
 * @param kind the bits above
 * @param next when the next one comes, in ms from now; 0 for as usual
 */
export function anyBeat(slab: PeerSlab, row: number, kind = PLAIN, next = 0): BeatOutcome {
  const { f64, i32 } = slab;
  const at = arrival[0];
  if (!Number.isFinite(at)) return 'invalid-time';
  const flags = i32[2 * row + FLAGS];
  let from = Number.NaN;
  let later = 0;
  if ((flags & HEARD) === 0) {
    i32[2 * row + FLAGS] = flags | STARTED | HEARD;
  } else {
    const last = f64[row + LAST];
    const isNew = at > last || (at === last && (kind & (NUMBERED | RESTART)) !== 0);
    if (!isNew) return at === last ? 'duplicate' : 'out-of-order';
    const apart = (flags & APART) !== 0;
    // What lies between two incarnations is no interval of either.
    if ((kind & RESTART) === 0) from = apart ? slab.writtenJournal().regular(row >> 3) : last;
    if ((kind & SIGN) === 0 && at > from) learnSince(slab, row, from);
    if (apart) later = Math.max(last + announced(slab, row) - at, 0);
  }
  i32[2 * row + FLAGS] &= ~(RESTORED | APART);
  f64[row + LAST] = at;
  const sign = (kind & SIGN) !== 0;
  if (sign || next > 0) {
    // A sign of life in a nap does not end it; a regular heartbeat does.
    later = next > 0 ? next - mean(slab, row) : later;
    slab.writtenJournal().setApart(row >> 3, later, next > 0 ? Number.NaN : from);
    i32[2 * row + FLAGS] |= APART;
  }
  expect(slab, row);
  return 'accepted';
}
