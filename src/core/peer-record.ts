/**
 * What is learnt about a peer, and what follows from it: the one place where a heartbeat turns
 * into a window, and a window into φ and instants. One peer or a million: the same code on the
 * same layout.
 */
import { arrivalModels } from './arrival-model.js';
import {
  clear,
  countOf,
  LONGEST,
  meanOf,
  push,
  REF_OFFSET,
  REF_SHIFT,
  samplesOf,
  varianceOf,
} from './interval-window.js';
import { learn, seed } from './learning.js';
import type { BeatOutcome } from './outcomes.js';
import {
  ANCHOR,
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
import { phiOfZ } from './phi.js';
import { LATE_AT, LOOK_BEFORE } from './process-clock.js';
import {
  FLOOR,
  LEAST,
  type Level,
  MAX_CADENCES,
  MAX_SILENCE,
  PAUSE,
  PER_MEAN,
  PER_STD_DEV,
  RELATIVE_FLOOR,
  SHARE,
  SHORTEST,
} from './profile.js';

/** What needs more than to learn an interval. */
const IRREGULAR = CANDIDATES | RUNG_MASK | OVERDUE | RESTORED;

const NORMAL = arrivalModels.normal;
const MOST = Number.MAX_VALUE;

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
  const due = f64[row + SUSPECT_AT];
  const interval = at - last;
  const ordinary =
    (flags & (OWN_FULL | IRREGULAR)) === OWN_FULL &&
    last >= quiet[LOOK_BEFORE] &&
    at < quiet[LATE_AT] &&
    next > 0 &&
    next < windowSize &&
    interval > 0 &&
    interval >= hot[SHORTEST] * (due - last) &&
    // In time for sure, for the mean is no more than the tolerated silence; else look closer.
    (interval <= 0.5 * (due - last) || (at < due && !isLate(slab, row, at)));
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
  const { quantiles, pool } = slab.profiles[flags >>> PROFILE_SHIFT];
  const at = arrival[0];
  const last = f64[row + LAST];
  const interval = at - last;
  const ordinary =
    quantiles !== undefined &&
    (flags & (HEARD | IRREGULAR)) === HEARD &&
    last >= quiet[LOOK_BEFORE] &&
    at < quiet[LATE_AT] &&
    interval > 0 &&
    at < f64[row + SUSPECT_AT] &&
    (interval <= 0.5 * (f64[row + SUSPECT_AT] - last) || !isLate(slab, row, at));
  if (!ordinary) return false;
  if (pool !== undefined) slab.ladders.teach(row >> 3, interval, pool);
  slab.ladders.learn(row >> 3, quantiles, interval);
  f64[row + LAST] = at;
  expect(slab, row);
  return true;
}

/** Takes any heartbeat in; the interval before the first of a new life is not learnt. */
export function anyBeat(slab: PeerSlab, row: number, restart = false): BeatOutcome {
  const { f64, i32 } = slab;
  const at = arrival[0];
  if (!Number.isFinite(at)) return 'not-finite';
  const flags = i32[2 * row + FLAGS];
  if ((flags & HEARD) === 0) {
    i32[2 * row + FLAGS] = flags | STARTED | HEARD;
  } else {
    const last = f64[row + LAST];
    if (!(at > last)) return at === last ? 'duplicate' : 'out-of-order';
    // What spans a pause is no interval of the peer's; nor is what spans a suspicion.
    const paused = pausedSince(slab, row, at);
    const due = f64[row + SUSPECT_AT] + paused;
    const profile = slab.profile(row);
    if (restart) {
      // What lies between two lives is no interval of either.
    } else if (profile.quantiles === undefined) {
      learn(slab, row, profile, at - last, paused > 0 || !(at < due));
    } else if (paused === 0 || profile.options.learn === 'always') {
      const { quantiles, pool } = profile;
      if (pool) slab.ladders.teach(row >> 3, at - last, pool);
      slab.ladders.learn(row >> 3, quantiles, at - last);
    }
  }
  i32[2 * row + FLAGS] &= ~RESTORED;
  f64[row + LAST] = at;
  expect(slab, row);
  return 'accepted';
}

/** What was paused since the last heartbeat: it is no silence. */
export function pausedSince(slab: PeerSlab, row: number, at: number): number {
  const last = slab.f64[row + LAST];
  return last < slab.quiet[LOOK_BEFORE] ? slab.clock.paused(slab.link(row), last, at) : 0;
}

/** Whether a heartbeat at `at` is later than halfway between its expected time and its deadline. */
export function isLate(slab: PeerSlab, row: number, at: number): boolean {
  const { hot } = slab.profile(row);
  const last = slab.f64[row + LAST];
  const expected = last + mean(slab, row) + hot[PAUSE];
  const counted = at - pausedSince(slab, row, at);
  return counted > expected && counted > 0.5 * (expected + slab.f64[row + SUSPECT_AT]);
}

/** The deadline that follows from the last heartbeat, or the start, and the window. */
export function expect(slab: PeerSlab, row: number): void {
  const { hot, quantiles } = slab.profile(row);
  const last = slab.f64[row + LAST];
  if (quantiles) {
    const silence = hot[PAUSE] + slab.ladders.tolerated(row >> 3, quantiles);
    slab.f64[row + SUSPECT_AT] = last + Math.min(silence, longestSilence(slab, row));
    return;
  }
  const share = shareOf(slab, row, hot);
  slab.f64[row + SUSPECT_AT] =
    last + tolerated(hot, meanOf(slab, row, share), varianceOf(slab, row, share));
}

/** The silence that is suspicion whatever φ says. */
export function longestSilence(slab: PeerSlab, row: number): number {
  const { hot, quantiles } = slab.profile(row);
  if (quantiles === undefined) return hot[MAX_SILENCE];
  return Math.max(hot[MAX_SILENCE], hot[MAX_CADENCES] * slab.ladders.cadence(row >> 3));
}

/** The silence that is suspicion. */
function tolerated(hot: Float64Array, mean: number, variance: number): number {
  const silence = reached(hot, mean, variance, hot[PER_MEAN], hot[PER_STD_DEV]);
  return silence < hot[MAX_SILENCE] ? silence : hot[MAX_SILENCE];
}

/** The silence that reaches a level: perMean·(mean + pause) + perStdDev·σ. */
function reached(
  hot: Float64Array,
  mean: number,
  variance: number,
  perMean: number,
  perStdDev: number,
): number {
  return perMean * (mean + hot[PAUSE]) + perStdDev * flooredStdDev(hot, mean, variance);
}

/** The measured σ as it is used: not below the floors. No root is taken of what they cover. */
export function flooredStdDev(hot: Float64Array, mean: number, variance: number): number {
  const relative = hot[RELATIVE_FLOOR] * mean;
  const floor = relative > hot[FLOOR] ? relative : hot[FLOOR];
  return variance > floor * floor ? Math.sqrt(variance) : floor;
}

/** When silence is suspicion if it goes on, moved by pauses; Infinity while it does not count. */
export function deadline(slab: PeerSlab, row: number): number {
  if (slab.isDown(row)) return Infinity;
  return slab.f64[row + SUSPECT_AT] + pausedSince(slab, row, Infinity);
}

/** When φ reaches a level if silence goes on and nothing is paused; Infinity before the start. */
export function instantOf(slab: PeerSlab, row: number, level: Level): number {
  if ((slab.i32[2 * row + FLAGS] & STARTED) === 0) return Infinity;
  const { phi, perMean, perStdDev } = level;
  const { hot, quantiles } = slab.profile(row);
  if (quantiles) {
    return slab.f64[row + LAST] + hot[PAUSE] + slab.ladders.silence(row >> 3, quantiles, phi);
  }
  const share = shareOf(slab, row, hot);
  const mean = meanOf(slab, row, share);
  const silence = reached(hot, mean, varianceOf(slab, row, share), perMean, perStdDev);
  return slab.f64[row + LAST] + silence;
}

/** φ at `at`: 0 before the peer is expected, and for what is no time; finite, ≥ 0, never NaN. */
export function phiAt(slab: PeerSlab, row: number, at: number): number {
  // Kept small: inlined as a whole where φ is asked for, it returns its result without a box.
  const { f64, f32, i32 } = slab;
  const w = 2 * row;
  const last = f64[row + LAST];
  const { hot, model } = slab.profiles[i32[w + FLAGS] >>> PROFILE_SHIFT];
  if (last < slab.quiet[LOOK_BEFORE] || model !== NORMAL) return anyPhiAt(slab, row, at);
  const head = i32[w + HEAD];
  const share = head < 0 ? hot[SHARE] : 1 / head;
  const shift = f64[row + SUM] * share;
  const mean = f32[w + ANCHOR] + shift;
  const stdDev = flooredStdDev(hot, mean, f64[row + SQUARES] * share - shift * shift);
  return phiOfDeviations((at - last - mean - hot[PAUSE]) / stdDev);
}

/** The same for every model, whatever was paused, and before the start. */
function anyPhiAt(slab: PeerSlab, row: number, at: number): number {
  const silence = at - slab.f64[row + LAST] - pausedSince(slab, row, at);
  if ((slab.i32[2 * row + FLAGS] & STARTED) === 0 || Number.isNaN(silence)) return 0;
  const { model, quantiles, hot } = slab.profile(row);
  if (quantiles) {
    return Math.min(slab.ladders.phi(row >> 3, quantiles, silence - hot[PAUSE]), MOST);
  }
  const share = shareOf(slab, row, hot);
  const mean = meanOf(slab, row, share);
  const stdDev = flooredStdDev(hot, mean, varianceOf(slab, row, share));
  if (model === undefined || model === NORMAL) {
    return phiOfDeviations((silence - mean - hot[PAUSE]) / stdDev);
  }
  return Math.min(model.phi(silence, Math.max(mean + hot[PAUSE], LEAST), stdDev), MOST);
}

/** φ of so many standard deviations: finite, and 0 for what is no number. */
function phiOfDeviations(z: number): number {
  return z < 1e154 ? phiOfZ(z) : z > 0 ? MOST : 0;
}

/** What one sample counts; of a full window it is at hand. */
export function shareOf(slab: PeerSlab, row: number, hot: Float64Array): number {
  const head = slab.i32[2 * row + HEAD];
  return head < 0 ? hot[SHARE] : 1 / head;
}

/** The expected time between heartbeats. */
export function mean(slab: PeerSlab, row: number): number {
  const { hot, quantiles } = slab.profile(row);
  if (quantiles) return slab.ladders.cadence(row >> 3);
  return meanOf(slab, row, shareOf(slab, row, hot));
}

/** As measured over the window, before any floor; undefined for the calibrated model. */
export function stdDev(slab: PeerSlab, row: number): number | undefined {
  const { hot, quantiles } = slab.profile(row);
  if (quantiles) return undefined;
  return Math.sqrt(varianceOf(slab, row, shareOf(slab, row, hot)));
}

/** What was learnt from: samples in the window, or heartbeats of the calibrated model. */
export function sampleCount(slab: PeerSlab, row: number): number {
  const { windowSize, quantiles } = slab.profile(row);
  return quantiles ? slab.ladders.count(row >> 3) : countOf(slab, row, windowSize);
}

/** Time of the last accepted heartbeat; undefined before the first. */
export function lastHeartbeat(slab: PeerSlab, row: number): number | undefined {
  const heard = (slab.i32[2 * row + FLAGS] & HEARD) !== 0;
  return heard ? slab.f64[row + LAST] : undefined;
}
