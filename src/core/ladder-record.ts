/** The layout of a ladder of the calibrated model: 128 bytes. */
import { LEVELS } from './quantile-levels.js';

// A record: doubles `f64[base + …]`, after the levels.
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
