/** The detector of many peers: ids in, typed events out, and one timer for all of them. */
import { Events, type FailureDetectorEvents, type ListenOptions } from './events.js';
import {
  type FailureDetectorOptions,
  type ResolvedOptions,
  type ResolvedSettings,
  resolveOptions,
  resolveSettings,
  type WatchOptions,
} from './options.js';
import type { DropCounts, HeartbeatOutcome, Status } from './outcomes.js';
import { Peer } from './peer.js';
import { arrival, phiAt, timeOf } from './peer-record.js';
import { DONE, MOVED, PeerTable, rowOf, SAID } from './peer-table.js';
import { WakeTimer } from './wake-timer.js';

const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

/** The timer works in slices of this many ms, so that a mass death does not block the process. */
const SLICE = 8;
const STEPS_PER_LOOK = 64;

/**
 * Watches any number of peers and says when one is suspected, at the instant at which φ reaches
 * the threshold, and when it is available again. Times are ms of option `clock`.
 */
export class FailureDetector<Id = string> {
  readonly #settings: ResolvedSettings;
  readonly #events = new Events<FailureDetectorEvents<Id>>();
  readonly #timer: WakeTimer;
  readonly #table: PeerTable<Id>;
  readonly #now: () => number;
  readonly #abort = () => this.close();
  #advancing = false;
  #closed = false;

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(options?: FailureDetectorOptions) {
    this.#settings = resolveSettings(options);
    const { host, timers, signal } = this.#settings;
    this.#now = host.now;
    this.#timer = new WakeTimer(host, () => this.#wake());
    this.#table = new PeerTable(host.now, this.#events, (at) => {
      if (timers && at < this.#timer.at && !this.#advancing) this.#timer.arm(at);
    });
    if (signal?.aborted) this.close();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Expects a peer from now on: one that never beats is suspected in the end. For a peer that is
   * watched already, `options` change what they name and keep what was learnt; a new
   * `heartbeatInterval` counts only while nothing was. Returns a handle that skips the look-up of
   * the id; beyond `maxPeers`, one that refuses.
   *
   * @throws TypeError, RangeError that name the option, what was expected and what came
   */
  watch(id: Id, options?: WatchOptions): Peer<Id> {
    const table = this.#table;
    let slot = table.slots.get(id);
    if (slot !== undefined) {
      if (options !== undefined) {
        const current = table.slab(slot).profile(rowOf(slot)).options;
        table.reconfigure(slot, resolveOptions(options, current));
      }
    } else {
      const { defaults } = this.#settings;
      slot = this.#admit(id, options ? resolveOptions(options, defaults) : defaults);
      if (slot >= 0) table.start(slot, this.#now());
    }
    return new Peer(id, table, slot);
  }

  /**
   * Takes a heartbeat of a peer in, at `at` (now by default), and says at once what it changes.
   * An unknown id is watched from now on, unless `autoWatch` is false. Never throws.
   */
  heartbeat(id: Id, at = this.#now()): HeartbeatOutcome {
    // Small enough to be inlined where it is called: then the time need not be boxed.
    arrival[0] = timeOf(at);
    const slot = this.#table.slots.get(id);
    return slot === undefined ? this.#firstHeartbeat(id) : this.#beat(slot);
  }

  #firstHeartbeat(id: Id): HeartbeatOutcome {
    if (!Number.isFinite(arrival[0])) {
      this.#table.dropped['not-finite']++;
      return 'not-finite';
    }
    if (!this.#settings.autoWatch) return this.#table.refuse();
    const slot = this.#admit(id, this.#settings.defaults);
    return slot < 0 ? 'refused' : this.#beat(slot);
  }

  #beat(slot: number): HeartbeatOutcome {
    return this.#table.heartbeat(this.#table.slab(slot), rowOf(slot));
  }

  /** A slot for a new peer; −1, and counted, when there is no room for it. */
  #admit(id: Id, options: ResolvedOptions): number {
    if (this.#closed || this.#table.slots.size >= this.#settings.maxPeers) {
      this.#table.refuse();
      return -1;
    }
    return this.#table.add(id, options);
  }

  /** The handle of a watched peer; undefined if it is not watched. */
  peer(id: Id): Peer<Id> | undefined {
    const slot = this.#table.slots.get(id);
    return slot === undefined ? undefined : new Peer(id, this.#table, slot);
  }

  /** The suspicion level φ of a peer at `at` (now by default); undefined if it is not watched. */
  phi(id: Id, at = this.#now()): number | undefined {
    const slot = this.#table.slots.get(id);
    return slot === undefined ? undefined : phiAt(this.#table.slab(slot), rowOf(slot), timeOf(at));
  }

  /** What was last said of a peer; `'starting'` until it is heard or suspected. */
  status(id: Id): Status | undefined {
    const slot = this.#table.slots.get(id);
    return slot === undefined ? undefined : this.#table.status(slot);
  }

  /** The highest level that φ has crossed, `'suspect'` among them; undefined for none. */
  level(id: Id): string | undefined {
    const slot = this.#table.slots.get(id);
    return slot === undefined ? undefined : this.#table.level(slot);
  }

  /** Stops watching a peer and frees what it used; false if it was not watched. No event. */
  forget(id: Id): boolean {
    const slot = this.#table.slots.get(id);
    if (slot === undefined) return false;
    this.#table.remove(slot);
    return true;
  }

  /** The watched peers, in the order of their watches. */
  peers(): IterableIterator<Id> {
    return this.#table.slots.keys();
  }

  /** The peers that are suspected, in the order of their watches. O(watched peers). */
  *suspects(): IterableIterator<Id> {
    for (const [id, slot] of this.#table.slots) {
      if (this.#table.status(slot) === 'suspect') yield id;
    }
  }

  /** Watched peers. */
  get size(): number {
    return this.#table.slots.size;
  }

  /** Heartbeats, and watches beyond `maxPeers`, that were dropped, by reason, since the start. */
  get dropped(): Readonly<DropCounts> {
    return { ...this.#table.dropped };
  }

  /** The detector's time, in ms. */
  now(): number {
    return this.#now();
  }

  /**
   * Says all that is due by `at` (now by default), in the order in which it was due. Returns the
   * next instant worth calling at: the next crossing, or one before it where many stand close
   * together; Infinity if silence alone changes nothing. Needed with `timers: false` only.
   */
  advance(at = this.#now()): number {
    if (Number.isFinite(at)) this.#process(at);
    return this.#rearm();
  }

  /** Says all that is due by `at`. */
  #process(at: number): void {
    const nested = this.#advancing;
    this.#advancing = true;
    while (!this.#closed && this.#table.step(at) !== DONE);
    this.#advancing = nested;
  }

  /** Says what is due, as long as it takes, but not for longer than a slice at a time. */
  #wake(): void {
    let now = this.#now();
    const until = now + SLICE;
    let result = MOVED;
    this.#advancing = true;
    for (let n = 1; !this.#closed && result !== DONE && now < until; n++) {
      result = this.#table.step(now);
      // Listeners take time: what comes after them is said then.
      if (result === SAID || n % STEPS_PER_LOOK === 0) now = this.#now();
    }
    this.#advancing = false;
    if (result === DONE) this.#rearm();
    else if (!this.#closed) this.#timer.arm(now); // the rest after other work
  }

  #rearm(): number {
    if (this.#closed) return Infinity;
    const next = this.#table.earliest();
    if (this.#settings.timers) this.#timer.arm(next);
    return next;
  }

  /** Calls `listener` at each `event`; what it throws comes as event `error`. */
  on<E extends keyof FailureDetectorEvents>(
    event: E,
    listener: (payload: FailureDetectorEvents<Id>[E]) => void,
    options?: ListenOptions,
  ): this {
    this.#events.add(event, listener, false, options?.signal);
    return this;
  }

  /** Calls `listener` at the next `event` only. */
  once<E extends keyof FailureDetectorEvents>(
    event: E,
    listener: (payload: FailureDetectorEvents<Id>[E]) => void,
    options?: ListenOptions,
  ): this {
    this.#events.add(event, listener, true, options?.signal);
    return this;
  }

  /** Removes a listener. */
  off<E extends keyof FailureDetectorEvents>(
    event: E,
    listener: (payload: FailureDetectorEvents<Id>[E]) => void,
  ): this {
    this.#events.off(event, listener);
    return this;
  }

  /** Forgets all peers and listeners and stops the timer, for good. No event comes after it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#settings.signal?.removeEventListener('abort', this.#abort);
    this.#events.off();
    this.#timer.arm(Infinity);
    for (const slot of this.#table.slots.values()) this.#table.remove(slot);
  }

  /** {@link close}, for `using`. */
  [DISPOSE](): void {
    this.close();
  }
}
