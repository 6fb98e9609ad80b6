/** The calibrated model: φ from the silences themselves, without a distribution. */
import type { ResolvedOptions } from '../../options.js';
import { type Bounds, PHI, SILENCE } from '../../peers/bounds.js';
import {
  CANDIDATES,
  HEARD,
  IRREGULAR,
  OWN_FULL,
  type Records,
  type Slot,
} from '../../peers/records.js';
import {
  checkLearnt,
  EARLIER,
  LATER,
  type LearntSnapshot,
  type Level,
  type Model,
  type ModelContext,
  type ModelExplanation,
  type ModelFactory,
  SLOW,
  SUSPECTED,
  UNSURE,
  UNUSUAL,
} from '../model.js';
import { zOfPhi } from '../phi.js';
import { type CohortPool, CohortPools } from './cohorts.js';
import { QuantileLevels } from './levels.js';
import { QuantileTrackers, supportedPhi } from './trackers.js';

/** The longest silence, where none is given: φ above 5 is a guess. */
const MAX_SILENCE = 30_000;
/** At least so many heartbeat intervals. */
const MAX_INTERVALS = 10;

const MOST = Number.MAX_VALUE;

/** What all calibrated peers of a detector share. */
class CalibratedState {
  readonly trackers = new QuantileTrackers();
  readonly cohorts = new CohortPools();
}

const newState = () => new CalibratedState();

/** What cohorts of a detector have learnt. */
export const cohortsOf = (context: ModelContext): CohortPools => context.shared(newState).cohorts;

class CalibratedModel implements Model {
  readonly #options: ResolvedOptions;
  readonly #key: string;
  readonly #records: Records;
  readonly #bounds: Bounds;
  readonly #trackers: QuantileTrackers;
  readonly #cohorts: CohortPools;
  readonly #levels: QuantileLevels;
  /** What its cohort has learnt; undefined without a cohort. */
  readonly #pool: CohortPool | undefined;
  readonly #pause: number;
  readonly #maxSilence: number;
  readonly #maxIntervals: number;

  constructor(options: ResolvedOptions, context: ModelContext, key: string) {
    const { threshold, maxMistakesPerHour, acceptablePause, maxSilence, cohort } = options;
    const { trackers, cohorts } = context.shared(newState);
    this.#options = options;
    this.#key = key;
    this.#records = context.records;
    this.#bounds = context.bounds;
    this.#trackers = trackers;
    this.#cohorts = cohorts;
    this.#levels = new QuantileLevels(threshold, maxMistakesPerHour);
    this.#pool = cohort === '' ? undefined : cohorts.acquire(key, { ...options, group: '' });
    // A budget of mistakes is to be kept, whatever silence that takes.
    const isLimited = maxMistakesPerHour === undefined;
    this.#pause = acceptablePause;
    this.#maxSilence = maxSilence ?? (isLimited ? MAX_SILENCE : Infinity);
    this.#maxIntervals = isLimited && maxSilence === undefined ? MAX_INTERVALS : 0;
  }

  begin(slot: Slot): void {
    this.#records.clear(slot, OWN_FULL | CANDIDATES);
    this.#trackers.reserve(this.#records.size);
    this.#trackers.begin(slot, this.#levels, this.#options.heartbeatInterval);
    if (this.#pool) this.#trackers.borrow(slot, this.#levels, this.#pool);
  }

  adopt(slot: Slot, from: Model): void {
    if (!(from instanceof CalibratedModel) || !this.#trackers.hasLearnt(slot)) {
      from.end(slot);
      this.begin(slot);
      return;
    }
    const { phi } = from.#levels;
    if (phi.some((level, j) => level !== this.#levels.phi[j])) {
      this.#trackers.relevel(slot, phi, this.#levels);
    }
  }

  end(): void {}

  recordFast(slot: Slot): typeof SLOW | typeof LATER | typeof EARLIER {
    const records = this.#records;
    const { at, slowBefore, slowFrom } = this.#bounds;
    const last = records.last(slot);
    const suspectAt = records.suspectAt(slot);
    const interval = at - last;
    const usual = suspectAt - last - this.#pause;
    const isOrdinary =
      (records.flags(slot) & (HEARD | IRREGULAR)) === HEARD &&
      last >= slowBefore &&
      at < slowFrom &&
      interval > 0 &&
      interval < usual;
    if (!isOrdinary) return SLOW;
    if (interval > 0.5 * usual) {
      const expected = last + this.#trackers.cadence(slot) + this.#pause;
      if (at > expected && at > 0.5 * (expected + suspectAt)) return SLOW; // it is late
    }
    if (this.#pool !== undefined) this.#trackers.teach(slot, interval, this.#pool);
    this.#trackers.learn(slot, this.#levels, interval);
    records.setLast(slot, at);
    const due = at + this.tolerated(slot);
    records.setSuspectAt(slot, due);
    return due < suspectAt ? EARLIER : LATER;
  }

  learn(slot: Slot, interval: number, known: number): void {
    const isAlways = this.#options.learn === 'always';
    if ((known & UNSURE) !== 0 && !isAlways) return;
    const isTolerated = (known & (UNUSUAL | SUSPECTED)) === UNUSUAL && !isAlways;
    if (this.#pool && !isTolerated) this.#trackers.teach(slot, interval, this.#pool);
    this.#trackers.learn(slot, this.#levels, interval, isTolerated);
  }

  measure(slot: Slot): void {
    const bounds = this.#bounds.f64;
    const phi = this.#trackers.phi(slot, this.#levels, bounds[SILENCE] - this.#pause);
    bounds[PHI] = Math.min(phi, MOST);
  }

  level(phi: number): Level {
    if (typeof phi !== 'number' || !(phi > 0 && phi <= 1e300)) zOfPhi(phi); // throws
    return { phi, perMean: 0, perStdDev: 0 };
  }

  reachedAt(slot: Slot, { phi }: Level, since: number): number {
    return since + this.#pause + this.#trackers.silence(slot, this.#levels, phi);
  }

  tolerated(slot: Slot): number {
    const silence = this.#pause + this.#trackers.tolerated(slot, this.#levels);
    return Math.min(silence, this.longest(slot));
  }

  usual(slot: Slot): number {
    return Math.min(this.#trackers.tolerated(slot, this.#levels), this.longest(slot));
  }

  longest(slot: Slot): number {
    return Math.max(this.#maxSilence, this.#maxIntervals * this.#trackers.cadence(slot));
  }

  mean(slot: Slot): number {
    return this.#trackers.cadence(slot);
  }

  sampleCount(slot: Slot): number {
    return this.#trackers.count(slot);
  }

  explain(slot: Slot): ModelExplanation {
    return {
      stdDev: undefined,
      stdDevUsed: undefined,
      floor: undefined,
      supportedPhi: supportedPhi(this.sampleCount(slot)),
    };
  }

  save(slot: Slot): LearntSnapshot {
    return { ladder: this.#trackers.snapshot(slot, this.#levels) };
  }

  load(slot: Slot, given: LearntSnapshot): void {
    checkLearnt(given);
    if (given.ladder !== undefined) this.#trackers.restore(slot, this.#levels, given.ladder);
  }

  release(): void {
    if (this.#pool) this.#cohorts.release(this.#key);
  }
}

export const calibrated: ModelFactory = (options, context, key) =>
  new CalibratedModel(options, context, key);
