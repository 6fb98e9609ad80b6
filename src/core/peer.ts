/** A handle on one watched peer: all that can be asked of it, without looking its id up. */
import { HEARD } from './peer-slab.js';
import type { HeartbeatOutcome, PeerTable, Status } from './peer-table.js';

/**
 * A watched peer, as `FailureDetector.watch` returns it. Once the peer is forgotten, or its
 * detector closed, heartbeats are `'refused'` and φ is 0, for good: a peer that is watched anew
 * under the same id has another handle.
 */
export class Peer<Id = string> {
  readonly id: Id;
  readonly #table: PeerTable<Id>;
  readonly #slot: number;
  readonly #watch: number;
  readonly #now: () => number;

  /** @internal handles come from `FailureDetector.watch`; slot −1 makes one that is refused */
  constructor(id: Id, table: PeerTable<Id>, slot: number, now: () => number) {
    this.id = id;
    this.#table = table;
    this.#slot = slot;
    this.#watch = slot < 0 ? 0 : table.records.watchOf(slot);
    this.#now = now;
  }

  get #live(): boolean {
    return this.#slot >= 0 && this.#table.records.watchOf(this.#slot) === this.#watch;
  }

  /** As `FailureDetector.heartbeat`; `at` in ms of the detector's clock, now by default. */
  heartbeat(at = this.#now()): HeartbeatOutcome {
    if (this.#live) return this.#table.heartbeat(this.#slot, at);
    this.#table.dropped.refused++;
    return 'refused';
  }

  /** The suspicion level φ at `at` (now by default): finite, never NaN. */
  phi(at = this.#now()): number {
    return this.#live ? this.#table.records.phi(this.#slot, at) : 0;
  }

  /**
   * When φ reaches `phi` (default: the threshold, or earlier by `maxSilence`) if silence goes on;
   * Infinity once forgotten.
   *
   * @throws RangeError unless 0 < phi ≤ 1e300
   */
  suspectAt(phi?: number): number {
    if (!this.#live) return Infinity;
    const { records } = this.#table;
    if (phi === undefined) return records.suspectAtOf(this.#slot);
    const { perMean, perStdDev } = records.profileOf(this.#slot).model.reach(phi);
    return records.instant(this.#slot, perMean, perStdDev);
  }

  /** Undefined once forgotten. */
  get status(): Status | undefined {
    return this.#live ? this.#table.status(this.#slot) : undefined;
  }

  /** The highest level that φ has crossed, `'suspect'` among them; undefined for none. */
  get level(): string | undefined {
    return this.#live ? this.#table.level(this.#slot) : undefined;
  }

  /** Mean of the window in ms, the two prior samples included; undefined once forgotten. */
  get mean(): number | undefined {
    return this.#live ? this.#table.records.mean(this.#slot) : undefined;
  }

  /** Standard deviation of the window in ms, before any floor; undefined once forgotten. */
  get stdDev(): number | undefined {
    return this.#live ? this.#table.records.stdDev(this.#slot) : undefined;
  }

  /** Samples in the window, the two prior ones included; 0 once forgotten. */
  get sampleCount(): number {
    return this.#live ? this.#table.records.sampleCount(this.#slot) : 0;
  }

  /** Time of the last accepted heartbeat; undefined before the first, and once forgotten. */
  get lastHeartbeat(): number | undefined {
    const { records } = this.#table;
    const heard = this.#live && (records.flagsOf(this.#slot) & HEARD) !== 0;
    return heard ? records.lastOf(this.#slot) : undefined;
  }

  /** Stops watching the peer and frees what it used; false when that was done before. */
  forget(): boolean {
    if (!this.#live) return false;
    this.#table.remove(this.#slot);
    return true;
  }
}
