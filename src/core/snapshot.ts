/**
 * What was learnt about a peer, as plain JSON: for a rolling deploy, or another machine. Nothing in
 * it depends on the origin of a clock, and the time until it is restored is no silence.
 */
import type { CohortSnapshot } from './cohort-snapshot.js';
import { putWindow, type WindowSnapshot, windowOf } from './interval-window.js';
import type { JournalSnapshot } from './journal.js';
import { crossedNames, isSuspect, keepCrossed, levelOf } from './ladder.js';
import type { LadderSnapshot } from './ladder-snapshot.js';
import { candidatesOf, putCandidates } from './learning.js';
import type { ResolvedOptions, WatchOptions } from './options.js';
import {
  APART,
  CANDIDATES,
  FLAGS,
  HEARD,
  LAST,
  OWN_FULL,
  OWN_ONE,
  type PeerSlab,
  RECOVERED,
  RESTORED,
  STARTED,
} from './peer-slab.js';
import { givenOptions, optionsUnlike } from './snapshot-options.js';
import { expect, silenceAt } from './suspicion.js';
import {
  checkBoolean,
  checkId,
  checkKeys,
  checkNumber,
  checkObject,
  checkRange,
  checkType,
} from './validate.js';

/** What was learnt from the heartbeats of one peer. */
export interface LearntSnapshot {
  readonly window?: WindowSnapshot;
  /** Intervals of the peer's own that were learnt into the window, up to 3. */
  readonly learnt?: number;
  /**
   * The intervals that may be a new cadence: how many, and how many of the latest agree; Σx and Σx²
   * of all but the longest, and that; the sum, the shortest and the longest of those that agree.
   */
  readonly candidates?: readonly number[];
  /** What the calibrated model learnt, instead of these. */
  readonly ladder?: LadderSnapshot;
}

/** A `PhiAccrualDetector`, in the time of its own. */
export interface DetectorSnapshot extends LearntSnapshot {
  readonly version: 1;
  readonly heard: boolean;
  /** Time of the last heartbeat, or of the start; null before either. */
  readonly last: number | null;
}

/** One peer of a {@link FailureDetectorSnapshot}. */
export interface PeerSnapshot<Id = string> extends LearntSnapshot {
  readonly peer: Id;
  readonly heard: boolean;
  /** In ms, at the time of the snapshot; null if the peer was not expected yet. */
  readonly silence: number | null;
  /** The level that was said last to be crossed, and still is. */
  readonly level?: string;
  /** All levels that are crossed, where some of the peer's have a silence; not there for none. */
  readonly crossed?: readonly string[];
  /** Beats in time since the suspicion; only of a peer that is suspected. */
  readonly recovered?: number;
  readonly journal?: JournalSnapshot;
  /** Options that differ from those of the detector; null stands for Infinity. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** All peers of a detector, and their cohorts. */
export interface FailureDetectorSnapshot<Id = string> {
  readonly version: 1;
  readonly peers: readonly PeerSnapshot<Id>[];
  /** What peers of a cohort have learnt together; not there for none. */
  readonly cohorts?: readonly CohortSnapshot[];
}

const LONGEST = 1e15;

export function learntOf(slab: PeerSlab, row: number): LearntSnapshot {
  const { quantiles, windowSize } = slab.profile(row);
  if (quantiles) return { ladder: slab.ladders.snapshot(row >> 3, quantiles) };
  const flags = slab.i32[2 * row + FLAGS];
  const learnt = (flags & OWN_FULL) / OWN_ONE;
  const window = windowOf(slab, row, windowSize);
  if ((flags & CANDIDATES) === 0) return { window, learnt };
  return { window, learnt, candidates: candidatesOf(slab, row) };
}

/** @throws TypeError, RangeError that name the part, what was expected and what came */
export function putLearnt(slab: PeerSlab, row: number, given: LearntSnapshot): void {
  const { window, learnt, candidates, ladder } = given;
  const { quantiles, windowSize } = slab.profile(row);
  const one = (window === undefined) !== (ladder === undefined);
  checkType('snapshot', 'an object with a window or a ladder', given, one);
  // What another model learnt is of no use to this one: it learns anew.
  if ((quantiles === undefined) !== (ladder === undefined)) return;
  if (quantiles) {
    slab.ladders.restore(row >> 3, quantiles, ladder as LadderSnapshot);
    return;
  }
  const own = checkNumber('snapshot.learnt', learnt, { least: 0, most: 3, integer: true });
  if (candidates !== undefined) putCandidates(slab, row, candidates);
  putWindow(slab, row, windowSize, window as WindowSnapshot);
  const flags = slab.i32[2 * row + FLAGS] & ~(OWN_FULL | CANDIDATES);
  slab.i32[2 * row + FLAGS] = flags | (own * OWN_ONE) | (candidates ? CANDIDATES : 0);
}

export function snapshotPeer<Id>(
  slab: PeerSlab,
  row: number,
  peer: Id,
  at: number,
  own: ResolvedOptions,
  defaults: ResolvedOptions,
): PeerSnapshot<Id> {
  const flags = slab.i32[2 * row + FLAGS];
  const started = (flags & STARTED) !== 0;
  const level = levelOf(slab, row);
  const journal = slab.journal?.snapshot(row >> 3, at, (flags & APART) !== 0);
  const { mixed } = slab.profile(row);
  const options = optionsUnlike(own, defaults);
  return {
    peer,
    heard: (flags & HEARD) !== 0,
    silence: started ? silenceAt(slab, row, at) : null,
    ...learntOf(slab, row),
    ...(level !== undefined && { level }),
    ...(level !== undefined && mixed && { crossed: crossedNames(slab, row) }),
    ...(isSuspect(slab, row) && { recovered: slab.coldI32[row + RECOVERED] }),
    ...(journal && { journal }),
    ...(options && { options }),
  };
}

const KEYS = [
  'peer',
  'heard',
  'silence',
  'window',
  'learnt',
  'candidates',
  'ladder',
  'level',
  'crossed',
  'recovered',
  'journal',
  'options',
];

/** The options of a peer's snapshot, to be resolved; checks that it may be one. */
export function optionsOf(snapshot: PeerSnapshot<unknown>): WatchOptions {
  checkObject('snapshot', snapshot);
  checkKeys('snapshot', snapshot, KEYS);
  checkId('snapshot.peer', snapshot.peer);
  return givenOptions('snapshot.options', snapshot.options);
}

/**
 * Puts what a snapshot says into a fresh record; silence goes on at `at` where it stood.
 *
 * @throws TypeError, RangeError that name the part, what was expected and what came
 */
export function restorePeer(
  slab: PeerSlab,
  row: number,
  snapshot: PeerSnapshot<unknown>,
  at: number,
): void {
  const { silence, level, crossed, recovered, journal } = snapshot;
  const heard = checkBoolean('snapshot.heard', snapshot.heard);
  if (silence !== null)
    checkNumber('snapshot.silence', silence, { least: -LONGEST, most: LONGEST });
  if (recovered !== undefined) {
    checkNumber('snapshot.recovered', recovered, { least: 0, most: 1e9, integer: true });
  }
  if (level !== undefined)
    checkType('snapshot.level', 'a string', level, typeof level === 'string');
  if (crossed !== undefined)
    checkType('snapshot.crossed', 'an array of names', crossed, Array.isArray(crossed));
  putLearnt(slab, row, snapshot);
  if (journal !== undefined) slab.writtenJournal().restore(row >> 3, journal, at);
  if (silence === null) return;
  const apart = journal?.later !== undefined ? APART : 0;
  slab.i32[2 * row + FLAGS] |= STARTED | RESTORED | (heard ? HEARD : 0) | apart;
  slab.f64[row + LAST] = at - Math.max(silence, 0); // none is of the future
  expect(slab, row);
  // Where the levels are others, a suspected peer is suspected still.
  keepCrossed(slab, row, crossed ?? [level], level, recovered !== undefined);
  slab.coldI32[row + RECOVERED] = recovered ?? 0;
}

export interface RestoreOptions {
  /**
   * Called for each peer that cannot be restored, and for each cohort, whose `peer` is undefined;
   * the others are restored all the same. What it throws ends the restoration. Default: one
   * line with `console.error` that says how many there were, and why the first one.
   */
  onError?: (error: Error, peer: unknown) => void;
}

/** The peers of a snapshot of either form. */
export function peersOf<Id>(
  snapshot: FailureDetectorSnapshot<Id> | Iterable<PeerSnapshot<Id>>,
): Iterable<PeerSnapshot<Id>> {
  const isIterable = (value: unknown): value is Iterable<PeerSnapshot<Id>> =>
    typeof value === 'object' && value !== null && Symbol.iterator in value;
  if (isIterable(snapshot)) return snapshot;
  checkObject('snapshot', snapshot);
  checkRange('snapshot.version', '1', snapshot.version, snapshot.version === 1);
  checkType('snapshot.peers', 'an array', snapshot.peers, isIterable(snapshot.peers));
  return snapshot.peers;
}
