/** What a detector says. */
import type { ListenerError } from './emitter.js';
import type { HeartbeatInfo, HeartbeatOutcome } from './heartbeat.js';
import type { MassSilenceEvent } from './monitor/mass-silence.js';

/**
 * Why a peer changed. `'first-heartbeat'`: it was watched, or not even that; `'restored'`: it came
 * from a snapshot, as `available`, or was not heard since then; `'heartbeat'`: it was suspected, or
 * had crossed a level; the others are kinds of silence.
 */
export type Reason =
  | 'first-heartbeat'
  | 'silence'
  | 'max-silence'
  | 'mass-silence'
  | 'stall'
  | 'heartbeat'
  | 'restored'
  | 'left';

/** A peer crossed a level, upwards or downwards. Times in ms of the detector's clock. */
export interface Transition<Id = string> {
  readonly peer: Id;
  /** φ at `at`; for what a heartbeat causes, φ just before it. */
  readonly phi: number;
  /** The computed instant of the crossing; for what a heartbeat causes, its time. */
  readonly due: number;
  /** When it was said. */
  readonly at: number;
  /** Since the last heartbeat, or since the watch began if there was none. */
  readonly silence: number;
  /**
   * The level that is crossed from now on, `'suspect'` among them, and of several the one that was
   * crossed last: where none has a silence, the highest. Undefined for none.
   */
  readonly level: string | undefined;
  /** That of before. */
  readonly previous: string | undefined;
  readonly reason: Reason;
}

/**
 * A heartbeat came later than halfway between its expected time (the mean after the last one,
 * and the pause) and its deadline. Times in ms of the detector's clock.
 */
export interface LateHeartbeat<Id = string> {
  readonly peer: Id;
  readonly at: number;
  readonly expected: number;
  /** The instant at which silence would have been, or was, suspected. */
  readonly due: number;
  readonly silence: number;
  /** φ just before the heartbeat. */
  readonly phi: number;
}

/** This process could not run: time in which silence does not count. */
export interface Stall {
  /** When it was noticed, in ms of the detector's clock. */
  readonly at: number;
  /** In ms. */
  readonly duration: number;
}

/** The clock was set: what peers are silent for does not change with it. */
export interface ClockStep {
  /** When it was noticed, in ms of the detector's clock as it is now. */
  readonly at: number;
  /** In ms, negative for a clock that was set back; what passed unseen meanwhile is not in it. */
  readonly by: number;
}

/** A suspected peer is heard, but what it says is refused. Times in ms of the detector's clock. */
export interface RefusedHeartbeat<Id = string> {
  readonly peer: Id;
  readonly at: number;
  /** Why it was refused. */
  readonly outcome: Exclude<HeartbeatOutcome, 'accepted' | 'refused'>;
  /** What the heartbeat said of itself, as far as it was numbered. */
  readonly info: Pick<HeartbeatInfo, 'incarnation' | 'sequence'>;
  /** The highest incarnation that is known of the peer. */
  readonly incarnation: number | undefined;
}

/** The events of a detector, by name. */
export interface FailureDetectorEvents<Id = string> {
  /** φ reached the threshold, or the silence `maxSilence`. */
  suspect: Transition<Id>;
  /** A peer was heard for the first time, was restored as available, or has earned its return. */
  available: Transition<Id>;
  /** φ, or the silence, crossed a level of option `levels`, upwards or downwards. */
  level: Transition<Id>;
  late: LateHeartbeat<Id>;
  /** A peer left on purpose, and is watched no longer. */
  left: Transition<Id>;
  /** Once for each outcome while the peer is suspected. */
  refused: RefusedHeartbeat<Id>;
  stall: Stall;
  'clock-step': ClockStep;
  'mass-silence': MassSilenceEvent;
  error: ListenerError;
}
