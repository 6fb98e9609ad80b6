/** What follows from what was learnt about a peer: φ, and the instants at which it reaches levels. */
import { arrivalModels } from './arrival-model.js';
import { countOf, meanOf, varianceOf } from './interval-window.js';
import type { DetectorLink } from './link.js';
import {
  ANCHOR,
  APART,
  FLAGS,
  HEAD,
  HEARD,
  LAST,
  type PeerSlab,
  PROFILE_SHIFT,
  SQUARES,
  STARTED,
  SUM,
  SUSPECT_AT,
} from './peer-slab.js';
import { phiOfZ } from './phi.js';
import { LOOK_BEFORE } from './process-clock.js';
import {
  FLOOR,
  LEAST,
  LENIENCE,
  type Level,
  MAX_CADENCES,
  MAX_SILENCE,
  PAUSE,
  PER_MEAN,
  PER_STD_DEV,
  RELATIVE_FLOOR,
  SHARE,
} from './profile.js';

const NORMAL = arrivalModels.normal;
const MOST = Number.MAX_VALUE;

/** Intervals since which a link must have been heard to count beside the last one. */
const FEW_INTERVALS = 4;

/**
 * The links by which the peer was heard in its last few intervals; none if its silence counts
 * whatever becomes of them. A link that was closed is no way any more.
 */
function linksOf(slab: PeerSlab, row: number): readonly DetectorLink[] {
  const number = slab.link(row);
  if (number === 0) return [];
  const from = slab.f64[row + LAST] - FEW_INTERVALS * mean(slab, row);
  const links = [number, ...slab.otherLinks(row, from)].map((each) => slab.clock.links.get(each));
  if (links.includes(undefined)) return []; // heard by no link, too
  return (links as DetectorLink[]).filter((link) => !link.isClosed);
}

/** Whether all links by which the peer was heard are down at `at`. */
export function isLinkDown(slab: PeerSlab, row: number, at: number): boolean {
  if (slab.quiet[LOOK_BEFORE] !== Infinity) return false;
  const links = linksOf(slab, row);
  return links.length > 0 && links.every((link) => link.isDownAt(at));
}

/** What was paused since the last heartbeat: it is no silence. */
export function pausedSince(slab: PeerSlab, row: number, at: number): number {
  return pausedBetween(slab, row, slab.f64[row + LAST], at);
}

/** What was paused of the time between two instants. */
export function pausedBetween(slab: PeerSlab, row: number, from: number, to: number): number {
  return from < slab.quiet[LOOK_BEFORE] ? slab.clock.paused(linksOf(slab, row), from, to) : 0;
}

/** How much later than usual the peer's next heartbeat was announced for, in ms; 0 if it was not. */
export function announced(slab: PeerSlab, row: number): number {
  if ((slab.i32[2 * row + FLAGS] & APART) === 0) return 0;
  return slab.journal?.later(row >> 3) ?? 0;
}

/** The silence at `at` without what was paused; none before a heartbeat that was stamped ahead. */
export function silenceAt(slab: PeerSlab, row: number, at: number): number {
  const silence = at - slab.f64[row + LAST] - pausedSince(slab, row, at);
  return silence < 0 ? 0 : silence;
}

/** When the next heartbeat is expected, if nothing is paused. */
export function expectedAt(slab: PeerSlab, row: number): number {
  const pause = slab.profile(row).hot[PAUSE];
  return slab.f64[row + LAST] + mean(slab, row) + pause + announced(slab, row);
}

/** Whether a heartbeat at `at` is later than halfway between its expected time and its deadline. */
export function isLate(slab: PeerSlab, row: number, at: number): boolean {
  const expected = expectedAt(slab, row);
  const counted = at - pausedSince(slab, row, at);
  return counted > expected && counted > 0.5 * (expected + slab.f64[row + SUSPECT_AT]);
}

/** The deadline that follows from the last heartbeat, or the start, and the window. */
export function expect(slab: PeerSlab, row: number): void {
  const { hot, quantiles, options } = slab.profile(row);
  if (options.startupGrace !== undefined && (slab.i32[2 * row + FLAGS] & HEARD) === 0) {
    slab.f64[row + SUSPECT_AT] = slab.f64[row + LAST] + options.startupGrace;
    return;
  }
  const last = slab.f64[row + LAST] + announced(slab, row);
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
export function tolerated(hot: Float64Array, mean: number, variance: number): number {
  const silence = reached(hot, mean, variance, hot[PER_MEAN], hot[PER_STD_DEV]);
  return silence < hot[MAX_SILENCE] ? silence : hot[MAX_SILENCE];
}

/**
 * The silence that would be suspicion without `acceptablePause`: a longer one is tolerated, and no
 * interval of the peer's.
 */
export function usualSilence(slab: PeerSlab, row: number): number {
  const { hot, quantiles } = slab.profile(row);
  const longest = longestSilence(slab, row);
  if (quantiles) return Math.min(slab.ladders.tolerated(row >> 3, quantiles), longest);
  const share = shareOf(slab, row, hot);
  const mean = meanOf(slab, row, share);
  const variance = varianceOf(slab, row, share);
  const silence = reached(hot, mean, variance, hot[PER_MEAN], hot[PER_STD_DEV]);
  return Math.min(silence - hot[LENIENCE], longest);
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
  return slab.f64[row + SUSPECT_AT] + pausedSince(slab, row, Infinity);
}

/** When φ reaches a level if silence goes on and nothing is paused; Infinity before the start. */
export function instantOf(slab: PeerSlab, row: number, level: Level): number {
  if ((slab.i32[2 * row + FLAGS] & STARTED) === 0) return Infinity;
  const { phi, perMean, perStdDev } = level;
  const { hot, quantiles } = slab.profile(row);
  const last = slab.f64[row + LAST] + announced(slab, row);
  if (quantiles) return last + hot[PAUSE] + slab.ladders.silence(row >> 3, quantiles, phi);
  const share = shareOf(slab, row, hot);
  const mean = meanOf(slab, row, share);
  return last + reached(hot, mean, varianceOf(slab, row, share), perMean, perStdDev);
}

/** φ at `at`: 0 before the peer is expected, and for what is no time; finite, ≥ 0, never NaN. */
export function phiAt(slab: PeerSlab, row: number, at: number): number {
  // Kept small: inlined as a whole where φ is asked for, it returns its result without a box.
  const { f64, f32, i32 } = slab;
  const w = 2 * row;
  const last = f64[row + LAST];
  const flags = i32[w + FLAGS];
  const { hot, model } = slab.profiles[flags >>> PROFILE_SHIFT];
  if (last < slab.quiet[LOOK_BEFORE] || model !== NORMAL || (flags & APART) !== 0) {
    return anyPhiAt(slab, row, at);
  }
  const head = i32[w + HEAD];
  const share = head < 0 ? hot[SHARE] : 1 / head;
  const shift = f64[row + SUM] * share;
  const mean = f32[w + ANCHOR] + shift;
  const stdDev = flooredStdDev(hot, mean, f64[row + SQUARES] * share - shift * shift);
  return phiOfDeviations((at - last - mean - hot[PAUSE]) / stdDev);
}

/** The same for every model, whatever was paused, and before the start. */
function anyPhiAt(slab: PeerSlab, row: number, at: number): number {
  const silence = at - slab.f64[row + LAST] - pausedSince(slab, row, at) - announced(slab, row);
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
