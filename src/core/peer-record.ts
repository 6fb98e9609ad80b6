/**
 * What is learnt about a peer, and what follows from it: the one place where a heartbeat turns
 * into a window, and a window into φ and instants. One peer or a million: the same code on the
 * same layout.
 */
import { arrivalModels, type Reach } from './arrival-model.js';
import {
  clear,
  meanOf,
  measure,
  moments,
  pending,
  push,
  pushPending,
  samplesOf,
  varianceOf,
} from './interval-window.js';
import { learn, seed } from './learning.js';
import type { BeatOutcome } from './outcomes.js';
import {
  CANDIDATES,
  FLAGS,
  HEAD,
  HEARD,
  LAST,
  OWN_FULL,
  type PeerSlab,
  PROFILE_SHIFT,
  STARTED,
  SUSPECT_AT,
  WATCH,
} from './peer-slab.js';
import { phiOfZ } from './phi.js';
import {
  FLOOR,
  LEAST,
  MAX_SILENCE,
  PAUSE,
  PER_MEAN,
  PER_STD_DEV,
  RELATIVE_FLOOR,
} from './profile.js';

/** φ of more standard deviations than these would not be finite. */
const HUGE = 1e154;

/** Makes the record that of a new peer, its window seeded with what its profile expects. */
export function begin(slab: PeerSlab, row: number, profile: number, watch: number): void {
  slab.f64[row + LAST] = -Infinity;
  slab.f64[row + SUSPECT_AT] = Infinity;
  slab.i32[2 * row + HEAD] = 0;
  slab.i32[2 * row + FLAGS] = profile << PROFILE_SHIFT;
  slab.i32[2 * row + WATCH] = watch;
  const { windowSize, heartbeatInterval } = slab.profiles[profile].options;
  seed(slab, row, windowSize, heartbeatInterval);
}

/** Gives the peer another profile; what was learnt stays, as far as the window holds it. */
export function reprofile(slab: PeerSlab, row: number, profile: number): void {
  const { windowSize: old, model } = slab.profile(row);
  const size = slab.profiles[profile].windowSize;
  const flags = slab.i32[2 * row + FLAGS];
  slab.i32[2 * row + FLAGS] = (flags & ((1 << PROFILE_SHIFT) - 1)) | (profile << PROFILE_SHIFT);
  if (model !== slab.profiles[profile].model || (flags & OWN_FULL) === 0) {
    // A new model learns anew; where nothing but the prior was learnt, the new one takes its place.
    slab.i32[2 * row + FLAGS] &= ~(OWN_FULL | CANDIDATES);
    clear(slab, row, old);
    seed(slab, row, size, slab.profiles[profile].options.heartbeatInterval);
  } else if (size !== old) {
    const samples = samplesOf(slab, row, old);
    clear(slab, row, old);
    for (const x of samples.subarray(-size)) push(slab, row, size, x);
  }
  if ((flags & STARTED) === 0) return;
  measure(slab, row, size);
  expect(slab, row, slab.profile(row).hot);
}

/** The peer is expected from `at` on; without effect once it is, or when `at` is not finite. */
export function start(slab: PeerSlab, row: number, at: number): void {
  if ((slab.i32[2 * row + FLAGS] & STARTED) !== 0 || !Number.isFinite(at)) return;
  slab.i32[2 * row + FLAGS] |= STARTED;
  const { windowSize, hot } = slab.profile(row);
  measure(slab, row, windowSize);
  slab.f64[row + LAST] = at;
  expect(slab, row, hot);
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
  const at = arrival[0];
  if (!Number.isFinite(at)) return 'not-finite';
  const { f64, i32 } = slab;
  const flags = i32[2 * row + FLAGS];
  const profile = slab.profiles[flags >>> PROFILE_SHIFT];
  const last = f64[row + LAST];
  const due = f64[row + SUSPECT_AT];
  if ((flags & HEARD) === 0) {
    i32[2 * row + FLAGS] = flags | STARTED | HEARD;
    measure(slab, row, profile.windowSize);
  } else {
    if (!(at > last)) return at === last ? 'duplicate' : 'out-of-order';
    pending[0] = at - last;
    // Plainly ordinary, without a look at the window: in time, and no burst (see `quick`).
    const settled = (flags & (OWN_FULL | CANDIDATES)) === OWN_FULL;
    if (settled && profile.quick && at < due && 4 * (at - last) >= due - last) {
      pushPending(slab, row, profile.windowSize);
    } else {
      learn(slab, row, profile, !(at < due));
    }
  }
  f64[row + LAST] = at;
  expect(slab, row, profile.hot);
  return 'accepted';
}

/** The deadline that follows from the last heartbeat, or the start, and the moments. */
function expect(slab: PeerSlab, row: number, hot: Float64Array): void {
  const silence = silenceFor(hot, hot[PER_MEAN], hot[PER_STD_DEV]);
  const most = hot[MAX_SILENCE];
  slab.f64[row + SUSPECT_AT] = slab.f64[row + LAST] + (silence < most ? silence : most);
}

/** The silence that reaches a level: perMean·(mean + pause) + perStdDev·σ. */
function silenceFor(hot: Float64Array, perMean: number, perStdDev: number): number {
  return perMean * (moments[0] + hot[PAUSE]) + perStdDev * flooredStdDev(hot);
}

/** The measured σ as it is used: not below the floors. No root is taken of what they cover. */
function flooredStdDev(hot: Float64Array): number {
  const relative = hot[RELATIVE_FLOOR] * moments[0];
  const floor = relative > hot[FLOOR] ? relative : hot[FLOOR];
  const variance = moments[1];
  return variance > floor * floor ? Math.sqrt(variance) : floor;
}

/** When φ reaches a level if silence goes on; Infinity before the start. */
export function instantOf(slab: PeerSlab, row: number, { perMean, perStdDev }: Reach): number {
  const started = (slab.i32[2 * row + FLAGS] & STARTED) !== 0;
  if (!started) return Infinity;
  const { windowSize, hot } = slab.profile(row);
  measure(slab, row, windowSize);
  return slab.f64[row + LAST] + silenceFor(hot, perMean, perStdDev);
}

/** φ at `at`: 0 before the peer is expected, and for what is no time; finite, ≥ 0, never NaN. */
export function phiAt(slab: PeerSlab, row: number, at: number): number {
  const flags = slab.i32[2 * row + FLAGS];
  const silence = timeOf(at) - slab.f64[row + LAST];
  if ((flags & STARTED) === 0 || Number.isNaN(silence)) return 0;
  const { model, hot, windowSize } = slab.profiles[flags >>> PROFILE_SHIFT];
  measure(slab, row, windowSize);
  // The default model without a call through a variable, for which three doubles would be boxed.
  if (model === arrivalModels.normal) {
    const z = (silence - moments[0] - hot[PAUSE]) / flooredStdDev(hot);
    return z < HUGE ? phiOfZ(z) : Number.MAX_VALUE;
  }
  const expected = Math.max(moments[0] + hot[PAUSE], LEAST);
  return Math.min(model.phi(silence, expected, flooredStdDev(hot)), Number.MAX_VALUE);
}

export function mean(slab: PeerSlab, row: number): number {
  return meanOf(slab, row, slab.profile(row).windowSize);
}

/** As measured over the window, before any floor. */
export function stdDev(slab: PeerSlab, row: number): number {
  return Math.sqrt(varianceOf(slab, row, slab.profile(row).windowSize));
}

/** Time of the last accepted heartbeat; undefined before the first. */
export function lastHeartbeat(slab: PeerSlab, row: number): number | undefined {
  const heard = (slab.i32[2 * row + FLAGS] & HEARD) !== 0;
  return heard ? slab.f64[row + LAST] : undefined;
}
