/** The detector of one peer: pure state, for who brings a loop, a clock and events of their own. */
import { type DetectorOptions, resolveDetectorOptions } from './options.js';
import type { BeatOutcome } from './outcomes.js';
import { arrival, beat, begin, start, timeOf } from './peer-record.js';
import { FLAGS, HEARD, LAST, PeerSlab, STARTED, SUSPECT_AT } from './peer-slab.js';
import { Profile } from './profile.js';
import { RingPool } from './ring-pool.js';
import { type DetectorSnapshot, learntOf, putLearnt } from './snapshot.js';
import { instantOf, lastHeartbeat, mean, phiAt, sampleCount, stdDev } from './suspicion.js';
import { checkBoolean, checkNumber, checkObject, checkRange } from './validate.js';

/**
 * Watches one peer. Never reads a clock, never sets a timer: every method takes the time in ms,
 * from any monotonic origin.
 */
export class PhiAccrualDetector {
  readonly #profile: Profile;
  readonly #slab: PeerSlab;

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(options?: DetectorOptions) {
    this.#profile = new Profile(resolveDetectorOptions(options), '');
    this.#slab = new PeerSlab(1, new RingPool(), [this.#profile]);
    begin(this.#slab, 0, 0, 0);
  }

  /**
   * The peer is expected from now on, though it has not beaten yet: one that never does is
   * suspected in the end. Only the first start counts, and only before the first heartbeat.
   */
  start(at: number): void {
    start(this.#slab, 0, at);
  }

  /**
   * Takes a heartbeat in. Only `'accepted'` ones count: a `'duplicate'` has the time of the last
   * one, an `'out-of-order'` one an earlier time, an `'invalid-time'` one none.
   */
  heartbeat(at: number): BeatOutcome {
    arrival[0] = timeOf(at);
    return beat(this.#slab, 0);
  }

  /** The suspicion level φ at `at`: 0 before start or first heartbeat; finite, never NaN. */
  phi(at: number): number {
    return phiAt(this.#slab, 0, timeOf(at));
  }

  /**
   * When φ reaches `phi` (default: the threshold, or earlier by `maxSilence`) if silence goes on;
   * `Infinity` before start or first heartbeat.
   *
   * @throws RangeError unless 0 < phi ≤ 1e300
   */
  suspectAt(phi?: number): number {
    return phi === undefined
      ? this.#slab.f64[SUSPECT_AT]
      : instantOf(this.#slab, 0, this.#profile.level(phi));
  }

  /** Whether `at` lies before {@link suspectAt}; the deadline decides, not φ's rounding. */
  isAvailable(at: number): boolean {
    return timeOf(at) < this.suspectAt();
  }

  /** What was learnt, as plain JSON. */
  snapshot(): DetectorSnapshot {
    const started = (this.#slab.i32[FLAGS] & STARTED) !== 0;
    const heard = this.lastHeartbeat !== undefined;
    return {
      version: 1,
      heard,
      last: started ? this.#slab.f64[LAST] : null,
      ...learntOf(this.#slab, 0),
    };
  }

  /**
   * A detector that goes on where another stood.
   *
   * @param at the silence of a peer that was expected begins anew here; by default it goes on
   * @throws TypeError, RangeError for what is no snapshot
   */
  static restore(
    snapshot: DetectorSnapshot,
    options?: DetectorOptions,
    at?: number,
  ): PhiAccrualDetector {
    const detector = new PhiAccrualDetector(options);
    const slab = detector.#slab;
    checkObject('snapshot', snapshot);
    const { version, last } = snapshot;
    checkRange('snapshot.version', '1', version, version === 1);
    const heard = checkBoolean('snapshot.heard', snapshot.heard);
    const times = { least: -Number.MAX_VALUE, most: Number.MAX_VALUE };
    if (last !== null) checkNumber('snapshot.last', last, times);
    if (at !== undefined) checkNumber('at', at, times);
    putLearnt(slab, 0, snapshot);
    if (last === null) return detector;
    start(slab, 0, at ?? last);
    if (heard) slab.i32[FLAGS] |= HEARD;
    return detector;
  }

  /**
   * Mean of the window in ms, the two prior samples included while they are in it; of the calibrated
   * model, the cadence.
   */
  get mean(): number {
    return mean(this.#slab, 0);
  }

  /**
   * Population standard deviation of the window in ms, as measured: before any floor. Undefined for
   * the calibrated model, which has none.
   */
  get stdDev(): number | undefined {
    return stdDev(this.#slab, 0);
  }

  /**
   * Samples in the window, the two prior ones included while they are in it; of the calibrated
   * model, the heartbeats that it learnt from (counted anew from 100 when the cadence changes).
   */
  get sampleCount(): number {
    return sampleCount(this.#slab, 0);
  }

  /** Time of the last accepted heartbeat; undefined before the first. */
  get lastHeartbeat(): number | undefined {
    return lastHeartbeat(this.#slab, 0);
  }
}
