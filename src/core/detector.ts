/** The detector of many peers: ids in, typed events out, and one timer for all of them. */
import { Emitter, Events } from './emitter.js';
import type { FailureDetectorEvents } from './events.js';
import { type Explanation, explain } from './explain.js';
import {
  type DropCounts,
  type HeartbeatInfo,
  type HeartbeatOutcome,
  isCount,
  type Status,
} from './heartbeat.js';
import { restoreCohorts, snapshotCohorts } from './model/calibrated/cohort-snapshot.js';
import { cohortsOf } from './model/calibrated/model.js';
import { Monitor } from './monitor/monitor.js';
import { type ResolvedOptions, resolveOptions, type WatchOptions } from './options.js';
import { Peer } from './peer.js';
import { timeOf } from './peers/bounds.js';
import type { Link, LinkOptions } from './peers/link.js';
import { PauseTimeline } from './peers/pauses.js';
import { Peers } from './peers/peers.js';
import { keyOf } from './peers/profile.js';
import type { Slot } from './peers/records.js';
import { Scheduler } from './runtime/scheduler.js';
import { SteadyClock } from './runtime/steady-clock.js';
import { type FailureDetectorOptions, type ResolvedSettings, resolveSettings } from './settings.js';
import {
  type FailureDetectorSnapshot,
  optionsOf,
  type PeerSnapshot,
  peersOf,
  type RestoreOptions,
  restorePeer,
  snapshotPeer,
} from './snapshot.js';
import { checkId, checkRange, isId } from './validate.js';

/** So many ids are looked up before the first of their heartbeats is recorded. */
const AT_ONCE = 64;

/** What {@link FailureDetector} has instead of a slot where there is none. */
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
  readonly #peers: Peers<Id>;
  readonly #monitor: Monitor<Id>;
  readonly #scheduler: Scheduler;
  readonly #steady: SteadyClock;
  readonly #abort = () => this.close();
  #isClosed = false;
  /** For the slots of {@link heartbeats}. */
  #found: Int32Array | undefined;
  /** What handles need. */
  readonly #owner: {
    readonly monitor: Monitor<Id>;
    readonly read: () => number;
    readonly explain: (slot: Slot, at: number) => Explanation<Id>;
  };

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(options?: FailureDetectorOptions) {
    const given = resolveSettings(options);
    const peers = new Peers<Id>();
    const pauses = new PauseTimeline(peers.bounds);
    const { signal, stallGuard, platform } = given;
    const around = (after: boolean) => scheduler.around(after);
    const events = new Events<FailureDetectorEvents<Id>>(stallGuard && around, (payload) =>
      steady.inClock(payload),
    );
    super(events);
    const steady = new SteadyClock(given.host.now, peers.bounds, platform, (by) => {
      scheduler.stepped();
      events.post('clock-step', { at: steady.now(), by });
    });
    const settings = { ...given, host: { ...given.host, now: steady.now } };
    const scheduler = new Scheduler(settings, peers.bounds, pauses, steady, (at, duration) =>
      events.post('stall', { at, duration }),
    );
    const monitor = new Monitor(peers, pauses, settings, events, scheduler);
    scheduler.run(monitor);
    this.#settings = settings;
    this.#peers = peers;
    this.#monitor = monitor;
    this.#scheduler = scheduler;
    this.#steady = steady;
    this.#owner = {
      monitor,
      read: steady.read,
      explain: (slot, at) => explain(monitor, slot, at, scheduler.draining),
    };
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
    let slot: Slot | undefined = this.#peers.slots.get(id);
    if (slot !== undefined) {
      if (options !== undefined) {
        this.#monitor.reconfigure(slot, resolveOptions(options, this.#peers.options(slot)));
      }
    } else {
      checkId('id', id);
      const { defaults } = this.#settings;
      slot = this.#admit(id, options ? resolveOptions(options, defaults) : defaults);
      if (slot === undefined) this.#monitor.refuse('refused');
      else this.#monitor.start(slot, this.#steady.now());
    }
    if (link !== undefined && slot !== undefined) this.#monitor.heardBy(slot, link);
    return new Peer(id, this.#owner, slot);
  }

  /**
   * Records a heartbeat of a peer at `at` (now by default), and emits the events that it causes.
   * An unknown id is watched from now on, unless `autoWatch` is false; one that is undefined, null
   * or NaN is refused. Never throws.
   */
  heartbeat(id: Id, at = this.#steady.read(), info?: HeartbeatInfo): HeartbeatOutcome {
    // Small enough to be inlined where it is called: then the time need not be boxed.
    const monitor = this.#monitor;
    monitor.setTime(timeOf(at));
    const slot = this.#peers.slots.get(id) ?? this.#newcomer(id, info);
    if (slot < 0) return monitor.refuse(REFUSALS[-slot]);
    return !info ? monitor.record(slot as Slot) : monitor.recordWithInfo(slot as Slot, info);
  }

  /**
   * Records heartbeats of many peers that arrived at the same time, in their order, as so many calls
   * of {@link heartbeat} do; faster where there are many peers, since all ids are looked up before
   * the first is recorded. `infos` are by the place of the id. Returns how many were accepted; the
   * others are counted in {@link dropped}. Never throws.
   */
  heartbeats(
    ids: readonly Id[],
    at = this.#steady.read(),
    infos?: readonly (HeartbeatInfo | undefined)[],
  ): number {
    const { slots } = this.#peers;
    const found = this.#found ?? new Int32Array(AT_ONCE);
    this.#found = undefined; // a listener may call this, too
    let accepted = 0;
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const to = Math.min(from + AT_ONCE, ids.length);
      for (let i = from; i < to; i++) found[i - from] = slots.get(ids[i]) ?? NO_ROOM;
      const { version } = this.#peers;
      for (let i = from; i < to; i++) {
        const slot = found[i - from];
        // Slots may be others once a peer has come or gone.
        const isKnown = slot >= 0 && version === this.#peers.version;
        const outcome = isKnown
          ? this.#record(slot as Slot, at, infos?.[i])
          : this.heartbeat(ids[i], at, infos?.[i]);
        if (outcome === 'accepted') accepted++;
      }
    }
    this.#found = found;
    return accepted;
  }

  #record(slot: Slot, at: number, info: HeartbeatInfo | undefined): HeartbeatOutcome {
    const monitor = this.#monitor;
    monitor.setTime(timeOf(at));
    return !info ? monitor.record(slot) : monitor.recordWithInfo(slot, info);
  }

  /** A slot for a peer that sends a heartbeat unwatched. */
  #newcomer(id: Id, info: HeartbeatInfo | undefined): number {
    if (!isId(id)) return NO_ROOM;
    const { bounds } = this.#peers;
    if (!Number.isFinite(bounds.at)) return NO_TIME;
    if (bounds.at >= bounds.slowFrom && !this.#scheduler.admits()) return AHEAD;
    const straggler = this.#monitor.farewells.refuses(id, info, bounds.at);
    if (straggler !== undefined) return straggler === 'refused' ? NO_ROOM : STALE;
    if (!this.#settings.autoWatch) return NO_ROOM;
    return this.#admit(id, this.#settings.defaults) ?? NO_ROOM;
  }

  /** A slot for a new peer; undefined when there is no room for it. */
  #admit(id: Id, options: ResolvedOptions): Slot | undefined {
    const peers = this.#peers;
    if (this.#isClosed || peers.slots.size >= this.#settings.maxPeers) return undefined;
    const left = this.#monitor.farewells.take(id);
    const slot = peers.add(id, options);
    if (left !== undefined) peers.sequences.expectAfter(slot, left);
    return slot;
  }

  /** The handle of a watched peer; undefined if it is not watched. */
  peer(id: Id): Peer<Id> | undefined {
    const slot = this.#peers.slots.get(id);
    return slot === undefined ? undefined : new Peer(id, this.#owner, slot);
  }

  /** The suspicion level φ of a peer at `at` (now by default); undefined if it is not watched. */
  phi(id: Id, at = this.#steady.read()): number | undefined {
    const slot = this.#peers.slots.get(id);
    if (slot === undefined) return undefined;
    return this.#monitor.timing.phi(slot, this.#monitor.timeFrom(timeOf(at)));
  }

  /** Current status of a peer; `'starting'` until it is heard or suspected. */
  status(id: Id): Status | undefined {
    const slot = this.#peers.slots.get(id);
    return slot === undefined ? undefined : this.#monitor.levels.status(slot);
  }

  /** The level that was crossed last and still is, `'suspect'` among them; undefined for none. */
  level(id: Id): string | undefined {
    const slot = this.#peers.slots.get(id);
    return slot === undefined ? undefined : this.#monitor.levels.level(slot);
  }

  /** What led to the present answer about a peer, at `at` (now by default); undefined if unwatched. */
  explain(id: Id, at = this.#steady.read()): Explanation<Id> | undefined {
    const slot = this.#peers.slots.get(id);
    if (slot === undefined) return undefined;
    return this.#owner.explain(slot, this.#monitor.timeFrom(timeOf(at)));
  }

  /**
   * A way by which heartbeats come, to be named in their `info.link`: while all links by which a
   * peer was heard in its last few intervals are down, its silence does not count.
   *
   * @throws TypeError, RangeError that name the option
   */
  link(options?: LinkOptions): Link {
    return this.#monitor.links.open(this.#settings.defaults.heartbeatInterval, options);
  }

  /**
   * What was learnt about all peers, as plain JSON; `JSON.stringify` it, or write
   * {@link snapshotPeers} line by line where there are many.
   */
  snapshot(): FailureDetectorSnapshot<Id> {
    const cohorts = snapshotCohorts(cohortsOf(this.#peers.profiles), this.#settings.defaults);
    return { version: 1, peers: [...this.snapshotPeers()], ...(cohorts && { cohorts }) };
  }

  /** What was learnt about each peer, but not by cohorts, one at a time, in the order of the watches. */
  *snapshotPeers(): IterableIterator<PeerSnapshot<Id>> {
    for (const id of this.#peers.slots.keys()) yield this.snapshotPeer(id) as PeerSnapshot<Id>;
  }

  /** What was learnt about one peer, but not by its cohort; undefined if it is not watched. */
  snapshotPeer(id: Id): PeerSnapshot<Id> | undefined {
    const slot = this.#peers.slots.get(id);
    if (slot === undefined) return undefined;
    return snapshotPeer(this.#monitor, slot, this.#steady.now(), this.#settings.defaults);
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
        detector.#monitor.refuse('refused');
        if (onError) onError(error as Error, peer);
        else errors.push(error as Error);
      }
    };
    try {
      for (const peer of peersOf(snapshot)) attempt(() => detector.#restore(peer), peer);
      const pools = cohortsOf(detector.#peers.profiles);
      const { defaults } = detector.#settings;
      const { cohorts } = snapshot as FailureDetectorSnapshot<Id>;
      restoreCohorts(cohorts, defaults, (own) => pools.get(keyOf(own), own), attempt);
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
    if (this.#peers.slots.has(peer)) return false;
    const slot = this.#admit(peer, options);
    if (slot === undefined) return false;
    try {
      restorePeer(this.#monitor, slot, snapshot, this.#steady.now());
    } catch (error) {
      this.#monitor.remove(slot);
      throw error;
    }
    this.#monitor.restored(slot);
    return true;
  }

  /** Stops watching a peer and frees what it used; false if it was not watched. No event. */
  forget(id: Id): boolean {
    const slot = this.#peers.slots.get(id);
    if (slot === undefined) return false;
    this.#monitor.remove(slot);
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
    const slot = this.#peers.slots.get(id);
    if (slot !== undefined) return this.#monitor.leave(slot, info);
    if (!isId(id) || this.#isClosed) return false;
    const incarnation = isCount(info?.incarnation) ? info.incarnation : undefined;
    const patience = 2 * this.#settings.defaults.heartbeatInterval;
    this.#monitor.farewells.remember(id, incarnation, this.#steady.now(), patience);
    return false;
  }

  /** The watched peers, in the order of their watches. */
  peers(): IterableIterator<Id> {
    return this.#peers.slots.keys();
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
    for (const [id, slot] of this.#peers.slots) {
      if (this.#monitor.levels.status(slot) === status) yield id;
    }
  }

  /** Watched peers. */
  get size(): number {
    return this.#peers.slots.size;
  }

  /** Heartbeats, and watches beyond `maxPeers`, that were dropped, by reason, since the start. */
  get dropped(): Readonly<DropCounts> {
    return { ...this.#monitor.dropped };
  }

  /** The detector's time, in ms. */
  now(): number {
    return this.#steady.read();
  }

  /**
   * Emits all events due at or before `at` (now by default), in the order in which they were due. Returns the
   * next instant worth calling at: the next crossing, or one before it where many stand close
   * together; Infinity if silence alone changes nothing. Needed with `timers: false` only.
   */
  advance(at = this.#steady.read()): number {
    return this.#scheduler.advance(timeOf(at));
  }

  /** Forgets all peers and listeners and stops the timer, for good. No event comes after it. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#settings.signal?.removeEventListener('abort', this.#abort);
    this.removeAllListeners();
    this.#scheduler.close();
    for (const slot of this.#peers.slots.values()) this.#monitor.remove(slot);
  }

  /** {@link close}, for `using`. */
  [DISPOSE](): void {
    this.close();
  }
}
