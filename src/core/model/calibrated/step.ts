/** What the calibrated model keeps of a peer, and one step of it: the stochastic approximation itself. */
import { LEVELS, type QuantileLevels } from './levels.js';

// A record of 128 bytes: doubles `f64[base + …]`, after the levels.
/** m. */
export const CADENCE = LEVELS;
/** U, and its logarithm. */
export const UNIT = 10;
export const LOG_UNIT = 11;
/** Heartbeats learnt from; fewer after a change of cadence. */
export const COUNT = 12;
/** Queued heartbeats that may still come. */
export const DEBT = 13;
// Words `i32[2 * base + …]`.
/** Which levels the last heartbeat exceeded, as bits. */
export const HITS = 28;
export const LATE_RUN = 29;
/** How many of the heartbeats learnt from were others', of its cohort. */
export const BORROWED = 30;
/** 1 where something is kept of a change of the interval: see interval-change.ts. */
export const CHANGES = 31;
export const SIZE = 16;

/** Levels keep this distance, in ln of the excess. */
export const LEAST_STEP = 0.002;

const LEAST_GAIN = 0.05;
const MOST_GAIN = 0.7;
/** Seen so often, a level is its own: what lifts the one below does not push it. */
const SEEN = 3;

/** y of a heartbeat without excess. */
const NO_EXCESS = -50;
/** Cadences that a silence may lower the level that falls by time for. */
const LONGEST_FALL = 100;

/** The ms of an interval for which a level that falls by time falls. */
export const fallTime = (x: number, cadence: number): number =>
  x < LONGEST_FALL * cadence ? x : LONGEST_FALL * cadence;

/**
 * Moves the levels of a ladder, whose count has this heartbeat in it, by an interval of x ms as the
 * peer sees it: the same ladder, or another one that teaches it. Whatever else is a double is read
 * here, as each one that is handed over would be boxed.
 *
 * @param held levels that nothing may lift, as bits
 */
export function moveLevels(
  f64: Float64Array,
  i32: Int32Array,
  base: number,
  levels: QuantileLevels,
  x: number,
  peer: Float64Array,
  peerBase: number,
  held: number,
): void {
  const cadence = peer[peerBase + CADENCE];
  const y = x > cadence ? Math.log(x - cadence) - peer[peerBase + LOG_UNIT] : NO_EXCESS;
  const n = f64[base + COUNT];
  const logUnit = f64[base + LOG_UNIT];
  const before = i32[2 * base + HITS];
  const { share: shares, gain: gains, least, most, timed, perMs } = levels;
  const slowing = 1 / Math.sqrt(n * Math.sqrt(n)); // n^−0.75
  let hits = 0;
  let below = 0;
  for (let j = 0; j < LEVELS; j++) {
    const share = shares[j];
    let gain = gains[j] * slowing;
    gain = gain < LEAST_GAIN ? LEAST_GAIN : gain > MOST_GAIN ? MOST_GAIN : gain;
    let fall = share;
    if (j === timed) {
      fall = perMs * fallTime(x, cadence);
      if (fall > 0.5) fall = 0.5;
    }
    const old = f64[base + j];
    let level = old;
    if (y > level) {
      let lift = (held & (1 << j)) === 0 ? gain * (1 - fall) : 0;
      // Two in a row have one cause: the second lifts no further than to what was seen.
      if ((before & (1 << j)) !== 0 && lift > y - level) lift = y - level;
      level += lift;
      hits |= 1 << j;
      if (j + 1 < LEVELS) {
        const above = f64[base + j + 1];
        const limit = above - LEAST_STEP > old ? above - LEAST_STEP : old;
        const firm = y <= above ? n * shares[j + 1] >= SEEN : (held & (2 << j)) !== 0;
        if (firm && level > limit) level = limit;
      }
    } else level -= gain * fall;
    if (level < least[j] - logUnit) level = least[j] - logUnit;
    if (j > 0) {
      // Nothing was seen beyond it: the start must not hold it far off.
      if (n * share < 1 && level > below + most[j]) level = below + most[j];
      if (level < below + LEAST_STEP) level = below + LEAST_STEP;
    }
    f64[base + j] = level;
    below = level;
  }
  i32[2 * base + HITS] = hits;
}
