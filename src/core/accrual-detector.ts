/** The detector of one peer: pure state, for who brings a loop, a clock and events of their own. */
import { type DetectorOptions, resolveDetectorOptions } from './options.js';
import { type BeatOutcome, PeerRecords } from './peer-records.js';
import { HEARD } from './peer-slab.js';
import type { Profile } from './profile.js';

const SLOT = 0;

/**
 * Watches one peer. Never reads a clock, never sets a timer: every method takes the time in ms,
 * from any monotonic origin.
 */
export class PhiAccrualDetector {
  readonly #records = new PeerRecords(1);
  readonly #profile: Profile;

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(options?: DetectorOptions) {
    this.#records.add(resolveDetectorOptions(options));
    this.#profile = this.#records.profileOf(SLOT);
  }

  /**
   * The peer is expected from now on, though it has not beaten yet: one that never does is
   * suspected in the end. Only the first start counts, and only before the first heartbeat.
   */
  start(at: number): void {
    this.#records.start(SLOT, at);
  }

  /**
   * Takes a heartbeat in. Only `'accepted'` ones count: a `'duplicate'` has the time of the last
   * one, an `'out-of-order'` one an earlier time, a `'not-finite'` one none.
   */
  heartbeat(at: number): BeatOutcome {
    return this.#records.heartbeat(SLOT, at);
  }

  /** The suspicion level φ at `at`: 0 before start or first heartbeat; finite, never NaN. */
  phi(at: number): number {
    return this.#records.phi(SLOT, at);
  }

  /**
   * When φ reaches `phi` (default: the threshold, or earlier by `maxSilence`) if silence goes on;
   * `Infinity` before start or first heartbeat.
   *
   * @throws RangeError unless 0 < phi ≤ 1e300
   */
  suspectAt(phi?: number): number {
    if (phi === undefined) return this.#records.suspectAtOf(SLOT);
    const { perMean, perStdDev } = this.#profile.model.reach(phi);
    return this.#records.instant(SLOT, perMean, perStdDev);
  }

  /** Whether `at` lies before {@link suspectAt}; the deadline decides, not φ's rounding. */
  isAvailable(at: number): boolean {
    return at < this.suspectAt();
  }

  /** Mean of the window in ms, the two prior samples included while they are in it. */
  get mean(): number {
    return this.#records.mean(SLOT);
  }

  /** Population standard deviation of the window in ms, as measured: before any floor. */
  get stdDev(): number {
    return this.#records.stdDev(SLOT);
  }

  /** Samples in the window, the two prior ones included while they are in it. */
  get sampleCount(): number {
    return this.#records.sampleCount(SLOT);
  }

  /** Time of the last accepted heartbeat; undefined before the first. */
  get lastHeartbeat(): number | undefined {
    const heard = (this.#records.flagsOf(SLOT) & HEARD) !== 0;
    return heard ? this.#records.lastOf(SLOT) : undefined;
  }
}
