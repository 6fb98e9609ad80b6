/**
 * What was learnt about a peer, as plain JSON: for a rolling deploy, or another machine. Nothing in
 * it depends on the origin of a clock, and the time until it is restored is no silence.
 */
import type { CohortSnapshot } from './model/calibrated/cohort-snapshot.js';
import type { LearntSnapshot } from './model/model.js';
import type { FlapSnapshot } from './monitor/flap-damping.js';
import type { Monitor } from './monitor/monitor.js';
import type { ResolvedOptions, WatchOptions } from './options.js';
import type { AnnouncementSnapshot } from './peers/announcements.js';
import { APART, HEARD, RESTORED, type Slot, STARTED } from './peers/records.js';
import type { SequenceSnapshot } from './peers/sequence.js';
import { givenOptions, optionsUnlike } from './snapshot-options.js';
import {
  checkBoolean,
  checkId,
  checkKeys,
  checkNumber,
  checkObject,
  checkRange,
  checkType,
} from './validate.js';

/** What was told of a peer and counted, beyond when it was heard. */
export interface JournalSnapshot extends SequenceSnapshot, FlapSnapshot, AnnouncementSnapshot {}

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

export function snapshotPeer<Id>(
  monitor: Monitor<Id>,
  slot: Slot,
  at: number,
  defaults: ResolvedOptions,
): PeerSnapshot<Id> {
  const { peers, levels } = monitor;
  const { records } = peers;
  const { model, isMixed } = peers.profile(slot);
  const isStarted = records.has(slot, STARTED);
  const level = levels.level(slot);
  const journal = saveJournal(monitor, slot, at);
  const options = optionsUnlike(peers.options(slot), defaults);
  return {
    peer: peers.id(slot),
    heard: records.has(slot, HEARD),
    silence: isStarted ? monitor.timing.silence(slot, at) : null,
    ...model.save(slot),
    ...(level !== undefined && { level }),
    ...(level !== undefined && isMixed && { crossed: levels.names(slot) }),
    ...(levels.isSuspect(slot) && { recovered: levels.recovered(slot) }),
    ...(journal && { journal }),
    ...(options && { options }),
  };
}

/** Undefined where nothing was told of any peer. */
function saveJournal(
  { peers, flaps }: Pick<Monitor<unknown>, 'peers' | 'flaps'>,
  slot: Slot,
  at: number,
): JournalSnapshot | undefined {
  const { sequences, announcements, records } = peers;
  if (!sequences.isUsed && !flaps.isUsed && !records.has(slot, APART)) return undefined;
  return { ...sequences.save(slot), ...flaps.save(slot, at), ...announcements.save(slot, at) };
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
 * Puts what a snapshot says into a fresh slot; silence goes on at `at` where it stood.
 *
 * @throws TypeError, RangeError that name the part, what was expected and what came
 */
export function restorePeer(
  { peers, levels, flaps, timing }: Pick<Monitor<unknown>, 'peers' | 'levels' | 'flaps' | 'timing'>,
  slot: Slot,
  snapshot: PeerSnapshot<unknown>,
  at: number,
): void {
  const { silence, level, crossed, recovered, journal } = snapshot;
  const { records, sequences, announcements } = peers;
  const heard = checkBoolean('snapshot.heard', snapshot.heard);
  if (silence !== null) {
    checkNumber('snapshot.silence', silence, { least: -LONGEST, most: LONGEST });
  }
  if (recovered !== undefined) {
    checkNumber('snapshot.recovered', recovered, { least: 0, most: 1e9, integer: true });
  }
  if (level !== undefined) {
    checkType('snapshot.level', 'a string', level, typeof level === 'string');
  }
  if (crossed !== undefined) {
    checkType('snapshot.crossed', 'an array of names', crossed, Array.isArray(crossed));
  }
  peers.profile(slot).model.load(slot, snapshot);
  if (journal !== undefined) {
    const name = 'snapshot.journal';
    checkObject(name, journal);
    sequences.load(slot, name, journal);
    flaps.load(slot, name, journal, at);
    announcements.load(slot, name, journal, at);
  }
  if (silence === null) return;
  records.set(slot, STARTED | RESTORED | (heard ? HEARD : 0));
  records.setLast(slot, at - Math.max(silence, 0)); // none is of the future
  timing.expect(slot);
  // Where the levels are others, a suspected peer is suspected still.
  const isSuspect = recovered !== undefined;
  levels.load(slot, { names: crossed ?? [level], last: level, isSuspect });
  levels.setRecovered(slot, recovered ?? 0);
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
