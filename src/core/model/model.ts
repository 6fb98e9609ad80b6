/**
 * The seam of the models: what one of them owns, from which φ and every deadline follow. A model is
 * made for a set of options, which it compiles; its state is that of all peers of the detector.
 * Times are ms; a silence is without pauses and without what was announced.
 */
import type { ResolvedOptions } from '../options.js';
import type { Bounds } from '../peers/bounds.js';
import type { Records, Slot } from '../peers/records.js';
import { checkType } from '../validate.js';
import type { LadderSnapshot } from './calibrated/snapshot.js';
import type { WindowSnapshot } from './window.js';

/** A level of φ, as its model turns it into a silence. */
export interface Level {
  readonly phi: number;
  /** A window's: `silence = perMean · mean + perStdDev · σ`. */
  readonly perMean: number;
  readonly perStdDev: number;
}

// Results of Model.recordFast.
export const SLOW = 0;
/** Recorded; the deadline is no earlier than it was. */
export const LATER = 1;
/** Recorded; the deadline is earlier than it was. */
export const EARLIER = 2;

// What is known of an interval when it is learnt, as bits.
/** A pause or a step of the clock lies in it, or its first heartbeat may have waited. */
export const UNSURE = 1;
/** It ended after its suspicion was due. */
export const SUSPECTED = 2;
/** It would have been a suspicion without `acceptablePause`. */
export const UNUSUAL = 4;

/** What was learnt from the heartbeats of one peer. */
export interface LearntSnapshot {
  readonly window?: WindowSnapshot;
  /** Intervals of the peer's own that were learnt into the window, up to 3. */
  readonly learnt?: number;
  /**
   * The intervals that may be a new heartbeat interval: how many, and how many of the latest agree;
   * Σx and Σx² of all but the longest, and that; the sum, the shortest and the longest of those that
   * agree.
   */
  readonly candidates?: readonly number[];
  /** What the calibrated model learnt, instead of these. */
  readonly ladder?: LadderSnapshot;
}

/** @throws TypeError unless there is what one model learnt */
export function checkLearnt(given: LearntSnapshot): void {
  const isOne = (given.window === undefined) !== (given.ladder === undefined);
  checkType('snapshot', 'an object with a window or a ladder', given, isOne);
}

/** How a model came to its answer. */
export interface ModelExplanation {
  /** As measured; undefined where the model has none. */
  readonly stdDev: number | undefined;
  /** As φ is computed with: not below the floors. */
  readonly stdDevUsed: number | undefined;
  /** The floor of option `minStdDev` that was used; undefined when σ is above both. */
  readonly floor: 'absolute' | 'relative' | undefined;
  /** Up to which φ the model knows what it says; undefined for one that always extrapolates. */
  readonly supportedPhi: number | undefined;
}

export interface Model {
  /** Begins with what the options expect, instead of what was learnt. */
  begin(slot: Slot): void;
  /** Goes on from what another model of the same detector learnt, as far as that is of use. */
  adopt(slot: Slot, from: Model): void;
  /** The slot is given back. */
  end(slot: Slot): void;

  /**
   * Records the heartbeat at {@link Bounds.at} if it is an ordinary one: neither late nor a burst,
   * of a peer that has crossed no level. {@link SLOW} if it is not, and nothing has changed then.
   */
  recordFast(slot: Slot): typeof SLOW | typeof LATER | typeof EARLIER;
  /** Learns an interval, as far as the options allow; `known` are the bits above. */
  learn(slot: Slot, interval: number, known: number): void;

  /** Puts φ of the silence that stands in {@link Bounds} there: ≥ 0, finite, never NaN. */
  measure(slot: Slot): void;
  /** @throws RangeError unless 0 < phi ≤ 1e300 */
  level(phi: number): Level;
  /** When φ reaches a level, of a silence that runs from `since`. */
  reachedAt(slot: Slot, level: Level, since: number): number;
  /** The silence that is suspicion, by φ or by `maxSilence`. */
  tolerated(slot: Slot): number;
  /** The same without `acceptablePause`: a longer silence is no interval of the peer's. */
  usual(slot: Slot): number;
  /** The silence that is suspicion whatever φ says. */
  longest(slot: Slot): number;

  /** The expected time between heartbeats. */
  mean(slot: Slot): number;
  /** What was learnt from. */
  sampleCount(slot: Slot): number;
  explain(slot: Slot): ModelExplanation;

  save(slot: Slot): LearntSnapshot;
  /**
   * What another model learnt is of no use to this one, which then stays as it began.
   *
   * @throws TypeError, RangeError that name the part, what was expected and what came
   */
  load(slot: Slot, given: LearntSnapshot): void;
  /** Nobody uses these options any more. */
  release?(): void;
}

/** What the models of a detector share, and what of it is a model's own: see {@link ModelKind}. */
export interface ModelContext {
  readonly records: Records;
  readonly bounds: Bounds;
  /** The state that all models of a kind share, made when it is first asked for. */
  shared<State>(make: (context: ModelContext) => State): State;
}

/** Makes the model for some options; `key` is the same for equal ones. */
export type ModelFactory = (options: ResolvedOptions, context: ModelContext, key: string) => Model;
