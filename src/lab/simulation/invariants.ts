/** What must hold in every simulated world, and which guard of the detector it takes. */
import type { Guard } from './detector-port.js';

export const INVARIANTS = {
  complete: 'a silent peer is suspected at its computed instant, or within the stated bounds of it',
  early: 'nobody is suspected before the instant computed at the last heartbeat',
  tolerance: 'the silence that is tolerated fits the cadence of the peer',
  stall: 'what the observer slept through is not taken for silence of its peers',
  outage: 'an outage of all peers, shorter than the longest hold, makes nobody suspected',
  returns: 'peers that fall silent together and return one after another are not suspected for it',
  groups: 'a group that is silent for a while is not suspected; who dies in another is, at once',
  held: 'nobody is suspected while a mass silence is held, nor while the observer stands still',
  links: 'who is heard by several links is suspected in time while some of them are down',
  clock: 'a clock that is set back is told once it shows an earlier time, and told only then',
  order: 'suspect and available alternate, levels change one by one, each with a cause',
  set: 'the set of available peers that is kept from events alone is that of the detector',
  outages: 'after an outage a silence is found out as fast as before it',
  pauses: 'so it is after a pause that `acceptablePause` alone tolerated',
  naps: 'who announces its next heartbeat is tolerated as usual, but from then on, and once',
  farewells: 'who leaves is told once, and comes back by a later incarnation alone, but at once',
  levels: 'a level by silence is crossed after as long a silence, and falls with a heartbeat',
  cadence: 'a lasting change of cadence causes at most ten transitions',
  budget: 'a budget of mistakes holds where intervals alternate: each change costs three at most',
  arithmetic: 'φ is finite, never negative, grows with silence, and is the threshold when due',
  'heartbeat-info': 'heartbeats of an older life, or of a number seen before, do not count',
  ahead: 'a heartbeat whose time lies too far ahead is refused',
  snapshot: 'a detector restored from its snapshot cannot be told from it',
} as const;

export type Invariant = keyof typeof INVARIANTS;

/** Where a guard is off, what it would have prevented is counted as excused. */
export const NEEDS: Readonly<Partial<Record<Invariant, Guard>>> = {
  stall: 'stallGuard',
  outage: 'massSilence',
  returns: 'massSilence',
  groups: 'massSilence',
};

/** A broken invariant. */
export interface Violation {
  readonly invariant: Invariant;
  /** In ms from the start. */
  readonly at: number;
  readonly observer: number;
  readonly node: number;
  readonly message: string;
}

/** What the guards promise, in ms. */
export const BOUNDS = {
  /** Of a stall, and of a mass silence: how long verdicts may be held. */
  maxHold: 30_000,
  /** After a stall: until all that waits was read. */
  drain: 500,
  /** Timers count whole ms. */
  timer: 2,
  /** Shorter stalls, and the beginning of each, may go unnoticed: slack and tick. */
  unnoticed: 150,
  /** And so much of the time to the next deadline, where it is far. */
  unnoticedShare: 0.1,
} as const;
