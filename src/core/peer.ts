/** A handle on one watched peer: all that can be asked of it, without looking its id up. */
import type { Crossings } from './crossings.js';
import type { Explanation } from './explanation.js';
import type { Heartbeats } from './heartbeats.js';
import type { HeartbeatInfo } from './journal.js';
import type { HeartbeatOutcome, Status } from './outcomes.js';
import { arrival, timeOf } from './peer-record.js';
import { type PeerSlab, WATCH } from './peer-slab.js';
import { rowOf, slotOf } from './peer-table.js';
import { OFFSET } from './process-clock.js';
import {
  deadline,
  instantOf,
  lastHeartbeat,
  mean,
  pausedSince,
  phiAt,
  sampleCount,
  stdDev,
} from './suspicion.js';

/**
 * A watched peer, as `FailureDetector.watch` returns it. Once the peer is forgotten, or its
 * detector closed, heartbeats are `'refused'` and φ is 0, for good: a peer that is watched anew
 * under the same id has another handle.
 */
export class Peer<Id = string> {
  readonly id: Id;
  readonly #heartbeats: Heartbeats<Id>;
  readonly #crossings: Crossings<Id>;
  /** The record, which is this peer's as long as the number of its watch is the same. */
  readonly #record: PeerSlab | undefined;
  readonly #row: number;
  readonly #watch: number;

  /** @internal handles come from `FailureDetector.watch`; slot −1 makes one that is refused */
  constructor(id: Id, heartbeats: Heartbeats<Id>, crossings: Crossings<Id>, slot: number) {
    const { table } = crossings;
    this.id = id;
    this.#heartbeats = heartbeats;
    this.#crossings = crossings;
    this.#record = slot < 0 ? undefined : table.slab(slot);
    this.#row = rowOf(slot);
    this.#watch = slot < 0 ? 0 : table.ordinalOf(slot);
  }

  /** The record, as long as it is this peer's. */
  get #slab(): PeerSlab | undefined {
    const slab = this.#record;
    return slab !== undefined && slab.i32[2 * this.#row + WATCH] === this.#watch ? slab : undefined;
  }

  get #slot(): number {
    return slotOf(this.#record as PeerSlab, this.#row);
  }

  /** As `FailureDetector.heartbeat`; `at` in ms of the detector's clock, now by default. */
  heartbeat(at = this.#crossings.read(), info?: HeartbeatInfo): HeartbeatOutcome {
    // Small enough to be inlined where it is called: then the time need not be boxed.
    const slab = this.#slab;
    const heartbeats = this.#heartbeats;
    if (!slab) return heartbeats.refuse('refused');
    arrival[0] = timeOf(at) + slab.quiet[OFFSET];
    if (info) return heartbeats.heartbeatWithInfo(slab, this.#row, info);
    return heartbeats.heartbeat(slab, this.#row);
  }

  /** The suspicion level φ at `at` (now by default): finite, never NaN. */
  phi(at = this.#crossings.read()): number {
    const slab = this.#slab;
    return slab ? phiAt(slab, this.#row, timeOf(at) + slab.quiet[OFFSET]) : 0;
  }

  /**
   * When φ reaches `phi` (default: the threshold, or earlier by `maxSilence`) if silence goes on;
   * Infinity once forgotten.
   *
   * @throws RangeError unless 0 < phi ≤ 1e300
   */
  suspectAt(phi?: number): number {
    const slab = this.#slab;
    const row = this.#row;
    if (!slab) return Infinity;
    const offset = slab.quiet[OFFSET];
    if (phi === undefined) return deadline(slab, row) - offset;
    const level = slab.profile(row).level(phi);
    return instantOf(slab, row, level) + pausedSince(slab, row, Infinity) - offset;
  }

  /** What led to the present answer, at `at` (now by default); undefined once forgotten. */
  explain(at = this.#crossings.read()): Explanation<Id> | undefined {
    const slab = this.#slab;
    return slab && this.#crossings.explain(this.#slot, timeOf(at) + slab.quiet[OFFSET]);
  }

  /** Undefined once forgotten. */
  get status(): Status | undefined {
    return this.#slab && this.#crossings.table.status(this.#slot);
  }

  /** The level that was crossed last and still is, `'suspect'` among them; undefined for none. */
  get level(): string | undefined {
    return this.#slab && this.#crossings.table.level(this.#slot);
  }

  /**
   * Mean of the window in ms, the two prior samples included, or the cadence of the calibrated
   * model; undefined once forgotten.
   */
  get mean(): number | undefined {
    return this.#slab && mean(this.#slab, this.#row);
  }

  /**
   * Standard deviation of the window in ms, before any floor; undefined for the calibrated model,
   * and once forgotten.
   */
  get stdDev(): number | undefined {
    return this.#slab && stdDev(this.#slab, this.#row);
  }

  /**
   * Samples in the window, the two prior ones included, or heartbeats that the calibrated model
   * learnt from; 0 once forgotten.
   */
  get sampleCount(): number {
    return this.#slab ? sampleCount(this.#slab, this.#row) : 0;
  }

  /** Time of the last accepted heartbeat; undefined before the first, and once forgotten. */
  get lastHeartbeat(): number | undefined {
    const slab = this.#slab;
    const last = slab && lastHeartbeat(slab, this.#row);
    return last === undefined ? undefined : last - (slab as PeerSlab).quiet[OFFSET];
  }

  /** Stops watching the peer and frees what it used; false when that was done before. */
  forget(): boolean {
    if (!this.#slab) return false;
    this.#crossings.remove(this.#slot);
    return true;
  }

  /** As `FailureDetector.leave`; false when the peer was forgotten before. */
  leave(info?: HeartbeatInfo): boolean {
    const slab = this.#slab;
    return slab !== undefined && this.#heartbeats.leave(slab, this.#row, info);
  }
}
