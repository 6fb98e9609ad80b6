/** A handle on one watched peer: all that can be asked of it, without looking its id up. */
import type { Explanation } from './explain.js';
import type { HeartbeatInfo, HeartbeatOutcome, Status } from './heartbeat.js';
import type { Monitor } from './monitor/monitor.js';
import { timeOf } from './peers/bounds.js';
import type { Slot } from './peers/records.js';

/** What a handle needs of its detector. */
export interface PeerOwner<Id> {
  readonly monitor: Monitor<Id>;
  read(): number;
  explain(slot: Slot, at: number): Explanation<Id>;
}

/**
 * A watched peer, as `FailureDetector.watch` returns it. Once the peer is forgotten, or its
 * detector closed, heartbeats are `'refused'` and φ is 0, for good: a peer that is watched anew
 * under the same id has another handle.
 */
export class Peer<Id = string> {
  readonly id: Id;
  readonly #owner: PeerOwner<Id>;
  readonly #monitor: Monitor<Id>;
  readonly #slot: Slot;
  /** The slot is this peer's as long as the number of its watch is the same. */
  readonly #watch: number;

  /** @internal handles come from `FailureDetector.watch`; undefined makes one that is refused */
  constructor(id: Id, owner: PeerOwner<Id>, slot: Slot | undefined) {
    this.id = id;
    this.#owner = owner;
    this.#monitor = owner.monitor;
    this.#slot = slot ?? (0 as Slot);
    this.#watch = slot === undefined ? Number.NaN : owner.monitor.peers.records.watch(slot);
  }

  /** Whether the slot is this peer's. */
  get #isWatched(): boolean {
    return this.#monitor.peers.records.watch(this.#slot) === this.#watch;
  }

  /** As `FailureDetector.heartbeat`; `at` in ms of the detector's clock, now by default. */
  heartbeat(at = this.#owner.read(), info?: HeartbeatInfo): HeartbeatOutcome {
    // Small enough to be inlined where it is called: then the time need not be boxed.
    const monitor = this.#monitor;
    if (!this.#isWatched) return monitor.refuse('refused');
    monitor.setTime(timeOf(at));
    return !info ? monitor.record(this.#slot) : monitor.recordWithInfo(this.#slot, info);
  }

  /** The suspicion level φ at `at` (now by default): finite, never NaN. */
  phi(at = this.#owner.read()): number {
    const monitor = this.#monitor;
    return this.#isWatched ? monitor.timing.phi(this.#slot, monitor.timeFrom(timeOf(at))) : 0;
  }

  /**
   * When φ reaches `phi` (default: the threshold, or earlier by `maxSilence`) if silence goes on;
   * Infinity once forgotten.
   *
   * @throws RangeError unless 0 < phi ≤ 1e300
   */
  suspectAt(phi?: number): number {
    if (!this.#isWatched) return Infinity;
    const { timing, peers } = this.#monitor;
    const slot = this.#slot;
    const { offset } = peers.bounds;
    if (phi === undefined) return timing.suspectAt(slot) - offset;
    const level = peers.profile(slot).model.level(phi);
    return timing.instantOf(slot, level) + timing.pausedSince(slot, Infinity) - offset;
  }

  /** What led to the present answer, at `at` (now by default); undefined once forgotten. */
  explain(at = this.#owner.read()): Explanation<Id> | undefined {
    if (!this.#isWatched) return undefined;
    return this.#owner.explain(this.#slot, this.#monitor.timeFrom(timeOf(at)));
  }

  /** Undefined once forgotten. */
  get status(): Status | undefined {
    return this.#isWatched ? this.#monitor.levels.status(this.#slot) : undefined;
  }

  /** The level that was crossed last and still is, `'suspect'` among them; undefined for none. */
  get level(): string | undefined {
    return this.#isWatched ? this.#monitor.levels.level(this.#slot) : undefined;
  }

  /**
   * Mean of the window in ms, including the two bootstrap samples, or the heartbeat interval of the
   * calibrated model; undefined once forgotten.
   */
  get mean(): number | undefined {
    return this.#isWatched ? this.#monitor.timing.mean(this.#slot) : undefined;
  }

  /**
   * Standard deviation of the window in ms, before any floor; undefined for the calibrated model,
   * and once forgotten.
   */
  get stdDev(): number | undefined {
    if (!this.#isWatched) return undefined;
    return this.#monitor.peers.profile(this.#slot).model.explain(this.#slot).stdDev;
  }

  /**
   * Samples in the window, including the two bootstrap samples, or heartbeats that the calibrated
   * model learnt from; 0 once forgotten.
   */
  get sampleCount(): number {
    if (!this.#isWatched) return 0;
    return this.#monitor.peers.profile(this.#slot).model.sampleCount(this.#slot);
  }

  /** Time of the last accepted heartbeat; undefined before the first, and once forgotten. */
  get lastHeartbeat(): number | undefined {
    if (!this.#isWatched) return undefined;
    const last = this.#monitor.timing.lastHeartbeat(this.#slot);
    return last === undefined ? undefined : last - this.#monitor.peers.bounds.offset;
  }

  /** Stops watching the peer and frees what it used; false when that was done before. */
  forget(): boolean {
    if (!this.#isWatched) return false;
    this.#monitor.remove(this.#slot);
    return true;
  }

  /** As `FailureDetector.leave`; false when the peer was forgotten before. */
  leave(info?: HeartbeatInfo): boolean {
    return this.#isWatched && this.#monitor.leave(this.#slot, info);
  }
}
