/** What a heartbeat says of itself, what becomes of it, and how a peer stands. */
import type { Link } from './peers/link.js';

/** What became of a heartbeat of a watched peer; only `'accepted'` ones count. */
export type BeatOutcome = 'accepted' | 'duplicate' | 'out-of-order' | 'invalid-time';

/**
 * What became of a heartbeat. Only `'accepted'` ones count; all others are dropped and counted.
 * `'in-the-future'`: its time is later than the detector's own by more than `maxAhead`.
 * `'stale-incarnation'`: it is of an older incarnation of the sender. `'refused'`: the peer is not
 * watched, and may not be (`maxPeers`, `autoWatch`, closed).
 */
export type HeartbeatOutcome = BeatOutcome | 'in-the-future' | 'stale-incarnation' | 'refused';

/** Heartbeats that were dropped, by reason. */
export type DropCounts = Record<Exclude<HeartbeatOutcome, 'accepted'>, number>;

/** `'starting'`: watched, not heard yet, not suspected yet. */
export type Status = 'starting' | 'available' | 'suspect';

/** What a heartbeat says of itself. */
export interface HeartbeatInfo {
  /**
   * Incarnation number, an integer from 0; must increase at each restart of the sender. Heartbeats
   * of an older incarnation are dropped; a newer one is a restart, whose gap is not learnt.
   */
  readonly incarnation?: number;
  /** Number of the heartbeat in that incarnation, an integer from 0: tells duplicates, order and loss. */
  readonly sequence?: number;
  /** The link that the heartbeat came by, as `detector.link()` gave it; another object is none. */
  readonly link?: Pick<Link, 'down' | 'up'> | undefined;
  /**
   * In ms, until the sender's next heartbeat, where that is not the usual interval: a nap, a
   * back-off, a night. The deadline moves with it, once, and the interval is not learnt. Above 0, at
   * most 1e15; anything else says nothing.
   */
  readonly next?: number | undefined;
  /**
   * False for a sign of life that is no regular heartbeat, such as other traffic: silence begins
   * anew with it, but the interval between regular heartbeats goes on.
   */
  readonly learn?: boolean | undefined;
}

/** Whether it is a number that counts: an integer from 0. */
export const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
