/** The detector of many peers: ids in, typed events out, and one timer for all of them. */
import { restoreCohorts, snapshotCohorts } from './cohort-snapshot.js';
import { Crossings } from './crossings.js';
import { Emitter, Events } from './emitter.js';
import type { FailureDetectorEvents } from './events.js';
import type { Explanation } from './explanation.js';
import { Heartbeats } from './heartbeats.js';
import { type HeartbeatInfo, isCount } from './journal.js';
import { DetectorLink, type Link, type LinkOptions } from './link.js';
import { type ResolvedOptions, resolveOptions, type WatchOptions } from './options.js';
import type { DropCounts, HeartbeatOutcome, Status } from './outcomes.js';
import { Peer } from './peer.js';
import { arrival, timeOf } from './peer-record.js';
import { PeerTable, rowOf } from './peer-table.js';
import { LATE_AT, OFFSET } from './process-clock.js';
import { Schedule } from './schedule.js';
import { type FailureDetectorOptions, type ResolvedSettings, resolveSettings } from './settings.js';
import {
  type FailureDetectorSnapshot,
  optionsOf,
  type PeerSnapshot,
  peersOf,
  type RestoreOptions,
  snapshotPeer,
} from './snapshot.js';
import { SteadyClock } from './steady-clock.js';
import { phiAt } from './suspicion.js';
import { checkId, checkRange, isId } from './validate.js';

/** Slots that there are not. */
const NO_ROOM = -1;
const NO_TIME = -2;
const AHEAD = -3;
const STALE = -4;
/** What becomes of heartbeats that have none, by the number that stands for it. */
const REFUSALS = [
  'refused',
  'refused',
  'invalid-time',
  'in-the-future',
  'stale-incarnation',
] as const;

const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

/**
 * Watches any number of peers and says when one is suspected, at the instant at which φ reaches
 * the threshold, and when it is available again. Times are ms of option `clock`.
 */
export class FailureDetector<Id = string> extends Emitter<FailureDetectorEvents<Id>> {
  readonly #settings: ResolvedSettings;
  readonly #events: Events<FailureDetectorEvents<Id>>;
  readonly #table = new PeerTable<Id>();
  readonly #crossings: Crossings<Id>;
  readonly #heartbeats: Heartbeats<Id>;
  readonly #schedule: Schedule;
  /** The time that all is stored in. */
  readonly #now: () => number;
  /** The clock's, which callers have. */
  readonly #read: () => number;
  readonly #quiet: Float64Array;
  readonly #abort = () => this.close();
  #closed = false;

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(options?: FailureDetectorOptions) {
    const given = resolveSettings(options);
    const { signal, stallGuard } = given;
    const around = (after: boolean) => schedule.around(after);
    const events = new Events<FailureDetectorEvents<Id>>(stallGuard && around, (payload) =>
      steady.inClock(payload),
    );
    super(events);
    const { clock } = this.#table;
    const steady = new SteadyClock(given.host.now, clock.quiet, given.platform, (by) => {
      schedule.stepped();
      events.post('clock-step', { at: steady.now(), by });
    });
    const settings = { ...given, host: { ...given.host, now: steady.now } };
    this.#settings = settings;
    this.#now = steady.now;
    this.#read = steady.read;
    this.#quiet = clock.quiet;
    this.#events = events;
    const schedule = new Schedule(settings, clock, steady, (at, duration) =>
      events.post('stall', { at, duration }),
    );
    this.#schedule = schedule;
    this.#crossings = new Crossings(this.#table, this.#events, settings, schedule, steady.read);
    this.#heartbeats = new Heartbeats(
      this.#table,
      this.#events,
      settings.flapDamping,
      this.#crossings,
      schedule,
    );
    schedule.run(this.#crossings, this.#heartbeats);
    if (signal?.aborted) this.close();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Expects a peer from now on: one that never beats is suspected in the end. For a peer that is
   * watched already, `options` change what they name and keep what was learnt; a new
   * `heartbeatInterval` counts only while nothing was. Returns a handle that skips the look-up of
   * the id; beyond `maxPeers`, one that refuses. `link` names the way by which it is going to be heard.
   *
   * @throws TypeError for an id that is undefined, null or NaN; TypeError, RangeError that name the option, what was expected and what came
   */
  watch(id: Id, given?: WatchOptions & { readonly link?: Link | undefined }): Peer<Id> {
    const { link, ...named } = given ?? {};
    const options = Object.keys(named).length > 0 ? named : undefined;
    const table = this.#table;
    let slot = table.slots.get(id);
    if (slot !== undefined) {
      if (options !== undefined) {
        const current = table.options(slot);
        this.#crossings.reconfigure(slot, resolveOptions(options, current));
      }
    } else {
      checkId('id', id);
      const { defaults } = this.#settings;
      slot = this.#admit(id, options ? resolveOptions(options, defaults) : defaults);
      if (slot >= 0) this.#crossings.start(slot, this.#now());
      else this.#heartbeats.refuse('refused');
    }
    if (link !== undefined && slot >= 0) {
      this.#crossings.heardBy(table.slab(slot), rowOf(slot), link);
    }
    return new Peer(id, this.#heartbeats, this.#crossings, slot);
  }

  /**
   * Takes a heartbeat of a peer in, at `at` (now by default), and says at once what it changes.
   * An unknown id is watched from now on, unless `autoWatch` is false; one that is undefined, null
   * or NaN is refused. Never throws.
   */
  heartbeat(id: Id, at = this.#read(), info?: HeartbeatInfo): HeartbeatOutcome {
    // Small enough to be inlined where it is called: then the time need not be boxed.
    arrival[0] = timeOf(at) + this.#quiet[OFFSET];
    const slot = this.#table.slots.get(id) ?? this.#newcomer(id, info);
    if (slot < 0) return this.#heartbeats.refuse(REFUSALS[-slot]);
    const slab = this.#table.slab(slot);
    if (info) return this.#heartbeats.heartbeatWithInfo(slab, rowOf(slot), info);
    return this.#heartbeats.heartbeat(slab, rowOf(slot));
  }

  /** A slot for a peer that beats unwatched. */
  #newcomer(id: Id, info: HeartbeatInfo | undefined): number {
    if (!isId(id)) return NO_ROOM;
    const at = arrival[0];
    if (!Number.isFinite(at)) return NO_TIME;
    if (at >= this.#table.clock.quiet[LATE_AT] && !this.#schedule.admits()) return AHEAD;
    const straggler = this.#heartbeats.farewells.refuses(id, info, arrival[0]);
    if (straggler !== undefined) return straggler === 'refused' ? NO_ROOM : STALE;
    return this.#settings.autoWatch ? this.#admit(id, this.#settings.defaults) : NO_ROOM;
  }

  /** A slot for a new peer; negative when there is no room for it. */
  #admit(id: Id, options: ResolvedOptions): number {
    if (this.#closed || this.#table.slots.size >= this.#settings.maxPeers) {
      return NO_ROOM;
    }
    const left = this.#heartbeats.farewells.take(id);
    const slot = this.#table.add(id, options);
    if (left !== undefined) {
      this.#table
        .slab(slot)
        .writtenJournal()
        .expectAfter(rowOf(slot) >> 3, left);
    }
    return slot;
  }

  /** The handle of a watched peer; undefined if it is not watched. */
  peer(id: Id): Peer<Id> | undefined {
    const slot = this.#table.slots.get(id);
    return slot === undefined ? undefined : new Peer(id, this.#heartbeats, this.#crossings, slot);
  }

  /** The suspicion level φ of a peer at `at` (now by default); undefined if it is not watched. */
  phi(id: Id, at = this.#read()): number | undefined {
    const slot = this.#table.slots.get(id);
    if (slot === undefined) return undefined;
    return phiAt(this.#table.slab(slot), rowOf(slot), timeOf(at) + this.#quiet[OFFSET]);
  }

  /** What was last said of a peer; `'starting'` until it is heard or suspected. */
  status(id: Id): Status | undefined {
    const slot = this.#table.slots.get(id);
    return slot === undefined ? undefined : this.#table.status(slot);
  }

  /** The level that was crossed last and still is, `'suspect'` among them; undefined for none. */
  level(id: Id): string | undefined {
    const slot = this.#table.slots.get(id);
    return slot === undefined ? undefined : this.#table.level(slot);
  }

  /** What led to the present answer about a peer, at `at` (now by default); undefined if unwatched. */
  explain(id: Id, at = this.#read()): Explanation<Id> | undefined {
    const slot = this.#table.slots.get(id);
    if (slot === undefined) return undefined;
    return this.#crossings.explain(slot, timeOf(at) + this.#quiet[OFFSET]);
  }

  /**
   * A way by which heartbeats come, to be named in their `info.link`: while all links by which a
   * peer was heard in its last few intervals are down, its silence does not count.
   *
   * @throws TypeError, RangeError that name the option
   */
  link(options?: LinkOptions): Link {
    return new DetectorLink(this.#crossings, this.#settings.defaults.heartbeatInterval, options);
  }

  /**
   * What was learnt about all peers, as plain JSON; `JSON.stringify` it, or write
   * {@link snapshotPeers} line by line where there are many.
   */
  snapshot(): FailureDetectorSnapshot<Id> {
    const cohorts = snapshotCohorts(this.#table.cohorts, this.#settings.defaults);
    return { version: 1, peers: [...this.snapshotPeers()], ...(cohorts && { cohorts }) };
  }

  /** What was learnt about each peer, but not by cohorts, one at a time, in the order of the watches. */
  *snapshotPeers(): IterableIterator<PeerSnapshot<Id>> {
    for (const id of this.#table.slots.keys()) yield this.snapshotPeer(id) as PeerSnapshot<Id>;
  }

  /** What was learnt about one peer, but not by its cohort; undefined if it is not watched. */
  snapshotPeer(id: Id): PeerSnapshot<Id> | undefined {
    const slot = this.#table.slots.get(id);
    if (slot === undefined) return undefined;
    const table = this.#table;
    const { defaults } = this.#settings;
    const own = table.options(slot);
    return snapshotPeer(table.slab(slot), rowOf(slot), id, this.#now(), own, defaults);
  }

  /**
   * A detector that goes on where another stood; the time between is no silence. A peer that cannot
   * be restored (it is damaged, has no id, is there twice, or there is no room by `maxPeers`) is
   * left out, counted in `dropped.refused`, and reported; all others are restored.
   *
   * @param snapshot as {@link snapshot} or {@link snapshotPeers} gave it
   * @throws TypeError, RangeError for what is no snapshot
   */
  static restore<Id = string>(
    snapshot: FailureDetectorSnapshot<Id> | Iterable<PeerSnapshot<Id>>,
    options?: FailureDetectorOptions,
    { onError }: RestoreOptions = {},
  ): FailureDetector<Id> {
    const detector = new FailureDetector<Id>(options);
    const errors: Error[] = [];
    const attempt = (restore: () => void, peer?: unknown) => {
      try {
        restore();
      } catch (error) {
        detector.#heartbeats.refuse('refused');
        if (onError) onError(error as Error, peer);
        else errors.push(error as Error);
      }
    };
    try {
      for (const peer of peersOf(snapshot)) attempt(() => detector.#restore(peer), peer);
      const table = detector.#table;
      const { defaults } = detector.#settings;
      const { cohorts } = snapshot as FailureDetectorSnapshot<Id>;
      restoreCohorts(cohorts, defaults, (own) => table.pool(own), attempt);
    } catch (error) {
      detector.close();
      throw error;
    }
    if (errors.length > 0) {
      const parts = errors.length === 1 ? '1 part' : `${errors.length} parts`;
      console.error(`phi-accrual: ${parts} of a snapshot were left out; the first:`, errors[0]);
    }
    return detector;
  }

  #restore(peer: PeerSnapshot<Id>): void {
    const restored = this.restorePeer(peer);
    checkRange('snapshot.peer', 'one that has room and is not there yet', peer.peer, restored);
  }

  /**
   * Watches one more peer, from its snapshot; false when it is watched already or there is no room.
   * One that is available again is event `available`; nothing is said again of one that is suspect.
   *
   * @throws TypeError, RangeError for what is no snapshot of a peer
   */
  restorePeer(snapshot: PeerSnapshot<Id>): boolean {
    const options = resolveOptions(optionsOf(snapshot), this.#settings.defaults);
    const { peer } = snapshot;
    if (this.#table.slots.has(peer)) return false;
    const slot = this.#admit(peer, options);
    if (slot < 0) return false;
    try {
      this.#crossings.restore(slot, snapshot);
    } catch (error) {
      this.#crossings.remove(slot);
      throw error;
    }
    return true;
  }

  /** Stops watching a peer and frees what it used; false if it was not watched. No event. */
  forget(id: Id): boolean {
    const slot = this.#table.slots.get(id);
    if (slot === undefined) return false;
    this.#crossings.remove(slot);
    return true;
  }

  /**
   * The peer has left on purpose: event `left` instead of a suspicion, and it is watched no longer.
   * Heartbeats of it that are still under way are refused: those of the incarnation in `info`, or
   * the last one known, as `'stale-incarnation'`; without incarnations, all for about as long as it
   * would have taken to suspect the peer, as `'refused'`. A later incarnation is watched at once.
   * False if the peer was not watched, or has a later incarnation than the one in `info`.
   */
  leave(id: Id, info?: HeartbeatInfo): boolean {
    const slot = this.#table.slots.get(id);
    if (slot !== undefined)
      return this.#heartbeats.leave(this.#table.slab(slot), rowOf(slot), info);
    if (!isId(id) || this.#closed) return false;
    const incarnation = isCount(info?.incarnation) ? info.incarnation : undefined;
    const patience = 2 * this.#settings.defaults.heartbeatInterval;
    this.#heartbeats.farewells.remember(id, incarnation, this.#now(), patience);
    return false;
  }

  /** The watched peers, in the order of their watches. */
  peers(): IterableIterator<Id> {
    return this.#table.slots.keys();
  }

  /** The peers that were heard and are not suspected, in the order of their watches. O(watched peers). */
  available(): IterableIterator<Id> {
    return this.#withStatus('available');
  }

  /** The peers that are suspected, in the order of their watches. O(watched peers). */
  suspects(): IterableIterator<Id> {
    return this.#withStatus('suspect');
  }

  *#withStatus(status: Status): IterableIterator<Id> {
    for (const [id, slot] of this.#table.slots) {
      if (this.#table.status(slot) === status) yield id;
    }
  }

  /** Watched peers. */
  get size(): number {
    return this.#table.slots.size;
  }

  /** Heartbeats, and watches beyond `maxPeers`, that were dropped, by reason, since the start. */
  get dropped(): Readonly<DropCounts> {
    return { ...this.#heartbeats.dropped };
  }

  /** The detector's time, in ms. */
  now(): number {
    return this.#read();
  }

  /**
   * Says all that is due by `at` (now by default), in the order in which it was due. Returns the
   * next instant worth calling at: the next crossing, or one before it where many stand close
   * together; Infinity if silence alone changes nothing. Needed with `timers: false` only.
   */
  advance(at = this.#read()): number {
    return this.#schedule.advance(timeOf(at));
  }

  /** Forgets all peers and listeners and stops the timer, for good. No event comes after it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#settings.signal?.removeEventListener('abort', this.#abort);
    this.removeAllListeners();
    this.#schedule.close();
    for (const slot of this.#table.slots.values()) this.#crossings.remove(slot);
  }

  /** {@link close}, for `using`. */
  [DISPOSE](): void {
    this.close();
  }
}
