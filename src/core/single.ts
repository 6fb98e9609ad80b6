/** The detector of one peer: pure state, for who brings a loop, a clock and events of their own. */
import type { BeatOutcome } from './heartbeat.js';
import { type Model, type ModelContext, SLOW, SUSPECTED, UNUSUAL } from './model/model.js';
import { models } from './model/models.js';
import { type DetectorOptions, resolveDetectorOptions } from './options.js';
import { Bounds, PHI, SILENCE, timeOf } from './peers/bounds.js';
import { HEARD, Records, type Slot, STARTED } from './peers/records.js';
import type { DetectorSnapshot } from './snapshot.js';
import { checkBoolean, checkNumber, checkObject, checkRange } from './validate.js';

const ONLY = 0 as Slot;

/**
 * Watches one peer. Never reads a clock, never sets a timer: every method takes the time in ms,
 * from any monotonic origin.
 */
export class PhiAccrualDetector {
  readonly #model: Model;
  readonly #records = new Records(1);
  readonly #bounds = new Bounds();

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(options?: DetectorOptions) {
    const resolved = resolveDetectorOptions(options);
    const context: ModelContext = {
      records: this.#records,
      bounds: this.#bounds,
      shared: (make) => make(context),
    };
    this.#model = models[resolved.model](resolved, context, '');
    this.#records.begin(ONLY, 0, 0);
    this.#model.begin(ONLY);
  }

  /**
   * The peer is expected from now on, though it has sent no heartbeat yet: one that never does is
   * suspected in the end. Only the first start counts, and only before the first heartbeat.
   */
  start(at: number): void {
    if (this.#records.has(ONLY, STARTED) || !Number.isFinite(at)) return;
    this.#records.set(ONLY, STARTED);
    this.#expectFrom(at);
  }

  /** Moves the deadline to where a heartbeat, or the start, puts it. */
  #expectFrom(at: number): void {
    this.#records.setLast(ONLY, at);
    this.#records.setSuspectAt(ONLY, at + this.#model.tolerated(ONLY));
  }

  /**
   * Records a heartbeat. Only `'accepted'` ones count: a `'duplicate'` has the time of the last
   * one, an `'out-of-order'` one an earlier time, an `'invalid-time'` one none.
   */
  heartbeat(at: number): BeatOutcome {
    this.#bounds.at = timeOf(at);
    return this.#model.recordFast(ONLY) === SLOW ? this.#recordSlow() : 'accepted';
  }

  #recordSlow(): BeatOutcome {
    const records = this.#records;
    const { at } = this.#bounds;
    if (!Number.isFinite(at)) return 'invalid-time';
    if (records.has(ONLY, HEARD)) {
      const interval = at - records.last(ONLY);
      if (!(interval > 0)) return interval === 0 ? 'duplicate' : 'out-of-order';
      const isUnusual = interval >= this.#model.usual(ONLY);
      const isSuspected = !(at < records.suspectAt(ONLY));
      this.#model.learn(ONLY, interval, (isUnusual ? UNUSUAL : 0) | (isSuspected ? SUSPECTED : 0));
    }
    records.set(ONLY, STARTED | HEARD);
    this.#expectFrom(at);
    return 'accepted';
  }

  /** The suspicion level φ at `at`: 0 before start or first heartbeat; finite, never NaN. */
  phi(at: number): number {
    // Small enough to be inlined where φ is asked for: then neither number is boxed.
    const bounds = this.#bounds.f64;
    const isStarted = this.#records.has(ONLY, STARTED);
    bounds[SILENCE] = isStarted ? timeOf(at) - this.#records.last(ONLY) : Number.NaN;
    this.#model.measure(ONLY);
    return bounds[PHI];
  }

  /**
   * When φ reaches `phi` (default: the threshold, or earlier by `maxSilence`) if silence goes on;
   * `Infinity` before start or first heartbeat.
   *
   * @throws RangeError unless 0 < phi ≤ 1e300
   */
  suspectAt(phi?: number): number {
    const records = this.#records;
    if (phi === undefined) return records.suspectAt(ONLY);
    const level = this.#model.level(phi);
    if (!records.has(ONLY, STARTED)) return Infinity;
    return this.#model.reachedAt(ONLY, level, records.last(ONLY));
  }

  /** Whether `at` lies before {@link suspectAt}; the deadline decides, not φ's rounding. */
  isAvailable(at: number): boolean {
    return timeOf(at) < this.suspectAt();
  }

  /** What was learnt, as plain JSON. */
  snapshot(): DetectorSnapshot {
    const isStarted = this.#records.has(ONLY, STARTED);
    return {
      version: 1,
      heard: this.lastHeartbeat !== undefined,
      last: isStarted ? this.#records.last(ONLY) : null,
      ...this.#model.save(ONLY),
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
    checkObject('snapshot', snapshot);
    const { version, last } = snapshot;
    checkRange('snapshot.version', '1', version, version === 1);
    const heard = checkBoolean('snapshot.heard', snapshot.heard);
    const times = { least: -Number.MAX_VALUE, most: Number.MAX_VALUE };
    if (last !== null) checkNumber('snapshot.last', last, times);
    if (at !== undefined) checkNumber('at', at, times);
    detector.#model.load(ONLY, snapshot);
    if (last === null) return detector;
    detector.start(at ?? last);
    if (heard) detector.#records.set(ONLY, HEARD);
    return detector;
  }

  /**
   * Mean of the window in ms, including the two bootstrap samples while they are in it; of the
   * calibrated model, the heartbeat interval.
   */
  get mean(): number {
    return this.#model.mean(ONLY);
  }

  /**
   * Population standard deviation of the window in ms, as measured: before any floor. Undefined for
   * the calibrated model, which has none.
   */
  get stdDev(): number | undefined {
    return this.#model.explain(ONLY).stdDev;
  }

  /**
   * Samples in the window, including the two bootstrap samples while they are in it; of the calibrated
   * model, the heartbeats that it learnt from (counted anew from 100 when the interval changes).
   */
  get sampleCount(): number {
    return this.#model.sampleCount(ONLY);
  }

  /** Time of the last accepted heartbeat; undefined before the first. */
  get lastHeartbeat(): number | undefined {
    return this.#records.has(ONLY, HEARD) ? this.#records.last(ONLY) : undefined;
  }
}
