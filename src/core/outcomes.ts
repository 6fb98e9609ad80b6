/** What became of a heartbeat, and how a peer stands. */

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
