/**
 * What is learnt about a peer, and what follows from it: the one place where a heartbeat turns
 * into a window, and a window into φ and instants. One peer or a million: the same code on the
 * same layout.
 */
import type { Reach } from './arrival-model.js';
import { clear, meanOf, push, samplesOf, stdDevOf } from './interval-window.js';
import { learnGuarded, seed } from './learning.js';
import {
  FLAGS,
  HEAD,
  HEARD,
  LAST,
  type PeerSlab,
  PROFILE_SHIFT,
  STARTED,
  SUSPECT_AT,
  WATCH,
} from './peer-slab.js';
import { LEAST } from './profile.js';

/** What became of a heartbeat of a watched peer; only `'accepted'` ones count. */
export type BeatOutcome = 'accepted' | 'duplicate' | 'out-of-order' | 'not-finite';

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
  const old = slab.profile(row).windowSize;
  const size = slab.profiles[profile].windowSize;
  const flags = slab.i32[2 * row + FLAGS];
  slab.i32[2 * row + FLAGS] = (flags & ((1 << PROFILE_SHIFT) - 1)) | (profile << PROFILE_SHIFT);
  if (size !== old) {
    const samples = samplesOf(slab, row, old);
    clear(slab, row, old);
    for (const x of samples.subarray(-size)) push(slab, row, size, x);
  }
  if ((flags & STARTED) !== 0) expectFrom(slab, row, slab.f64[row + LAST]);
}

/** The peer is expected from `at` on; without effect once it is, or when `at` is not finite. */
export function start(slab: PeerSlab, row: number, at: number): void {
  if ((slab.i32[2 * row + FLAGS] & STARTED) !== 0 || !Number.isFinite(at)) return;
  slab.i32[2 * row + FLAGS] |= STARTED;
  expectFrom(slab, row, at);
}

/** Takes a heartbeat in: learns its interval as the profile says and moves the deadline. */
export function beat(slab: PeerSlab, row: number, at: number): BeatOutcome {
  if (!Number.isFinite(at)) return 'not-finite';
  const flags = slab.i32[2 * row + FLAGS];
  if ((flags & HEARD) === 0) {
    slab.i32[2 * row + FLAGS] = flags | STARTED | HEARD;
  } else {
    const last = slab.f64[row + LAST];
    if (!(at > last)) return at === last ? 'duplicate' : 'out-of-order';
    const { guarded, windowSize, options } = slab.profile(row);
    const spans = !(at < slab.f64[row + SUSPECT_AT]);
    if (guarded) learnGuarded(slab, row, windowSize, at - last, spans);
    else if (!spans || options.learn === 'always') push(slab, row, windowSize, at - last);
  }
  expectFrom(slab, row, at);
  return 'accepted';
}

/** Silence counts from `at`. */
function expectFrom(slab: PeerSlab, row: number, at: number): void {
  const { suspect, options } = slab.profile(row);
  slab.f64[row + LAST] = at;
  slab.f64[row + SUSPECT_AT] = at + Math.min(silenceFor(slab, row, suspect), options.maxSilence);
}

/** The silence that reaches a level: perMean·(mean + pause) + perStdDev·σ. */
function silenceFor(slab: PeerSlab, row: number, { perMean, perStdDev }: Reach): number {
  const pause = slab.profile(row).options.acceptablePause;
  return perMean * (mean(slab, row) + pause) + perStdDev * stdDevUsed(slab, row);
}

/** When φ reaches a level if silence goes on; Infinity before the start. */
export function instantOf(slab: PeerSlab, row: number, reach: Reach): number {
  const started = (slab.i32[2 * row + FLAGS] & STARTED) !== 0;
  return started ? slab.f64[row + LAST] + silenceFor(slab, row, reach) : Infinity;
}

/** φ at `at`: 0 before the peer is expected, and for what is no time; finite, ≥ 0, never NaN. */
export function phiAt(slab: PeerSlab, row: number, at: number): number {
  const started = (slab.i32[2 * row + FLAGS] & STARTED) !== 0;
  if (!started || typeof at !== 'number' || Number.isNaN(at)) return 0;
  const { model, options } = slab.profile(row);
  const expected = Math.max(mean(slab, row) + options.acceptablePause, LEAST);
  const phi = model.phi(at - slab.f64[row + LAST], expected, stdDevUsed(slab, row));
  return Math.min(phi, Number.MAX_VALUE);
}

export function mean(slab: PeerSlab, row: number): number {
  return meanOf(slab, row, slab.profile(row).windowSize);
}

/** As measured over the window, before any floor. */
export function stdDev(slab: PeerSlab, row: number): number {
  return stdDevOf(slab, row, slab.profile(row).windowSize);
}

/** Not below the floors of the profile. */
function stdDevUsed(slab: PeerSlab, row: number): number {
  const { floor, relativeFloor } = slab.profile(row);
  return Math.max(stdDev(slab, row), floor, relativeFloor * mean(slab, row));
}

/** Time of the last accepted heartbeat; undefined before the first. */
export function lastHeartbeat(slab: PeerSlab, row: number): number | undefined {
  const heard = (slab.i32[2 * row + FLAGS] & HEARD) !== 0;
  return heard ? slab.f64[row + LAST] : undefined;
}
