/**
 * The options of a peer as its heartbeats use them: what the model needs to turn mean and σ into
 * instants is worked out once. Peers with equal options share one profile.
 */
import { type ArrivalModel, arrivalModels, type Reach } from './arrival-model.js';
import { type CohortPool, CohortPools } from './cohort-pool.js';
import type { LevelOptions, ResolvedOptions } from './options.js';
import { zOfPhi } from './phi.js';
import { QuantileLevels } from './quantile-levels.js';

/** A level of φ, as the models turn it into an instant. */
export interface Level extends Reach {
  readonly phi: number;
}

/** One level of a peer. */
export interface Rung extends Level {
  readonly name: string;
  /** The silence in ms at which it is crossed whatever φ says; Infinity for none. */
  readonly silence: number;
}

/** φ of a level that has none. */
const NEVER: Level = { phi: Infinity, perMean: 0, perStdDev: 0 };

/** φ stays finite for a σ or a mean that rounds to nothing: neither is ever below a nanosecond. */
export const LEAST = 1e-6;

/** A record has 19 bits for the number of its profile. */
const MAX_PROFILES = 1 << 19;

// Numbers of a profile's `hot` array.
export const PER_MEAN = 0;
export const PER_STD_DEV = 1;
export const PAUSE = 2;
/** The least σ, in ms, and as a share of the mean. */
export const FLOOR = 3;
export const RELATIVE_FLOOR = 4;
export const MAX_SILENCE = 5;
/** 1/windowSize. */
export const SHARE = 6;
/** The share of the tolerated silence below which an interval may be a burst. */
export const SHORTEST = 7;
/** Where the longest silence is not given: at least so many cadences. */
export const MAX_CADENCES = 8;
/** What `acceptablePause` adds to the tolerated silence, in ms. */
export const LENIENCE = 9;

/** The longest silence of the calibrated model: its φ above 5 is a guess. */
const MAX_SILENCE_CALIBRATED = 30_000;
const MAX_CADENCES_CALIBRATED = 10;

const order = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

export class Profile {
  /** Of the window; undefined for the calibrated model, which brings a state of its own. */
  readonly model: ArrivalModel | undefined;
  readonly windowSize: number;
  readonly guarded: boolean;
  /** No suspicion is due before the mean: then a beat after a quarter of that silence is no burst. */
  readonly quick: boolean;
  /** What every heartbeat needs: unboxed, so that reading it costs one load. */
  readonly hot: Float64Array;
  /**
   * Levels by rising φ, `suspect` among them; a level of equal φ stands before it. Those without a φ
   * come last, by rising silence.
   */
  readonly rungs: readonly Rung[];
  /** Some levels have a silence: the order in which they are crossed depends on the peer. */
  readonly mixed: boolean;
  /** Something may be due before the suspicion. */
  readonly early: boolean;
  /** The number of rungs that are crossed once `suspect` is. */
  readonly suspectRung: number;
  /** φ = 1, or the threshold if that is lower: one in ten healthy silences is as long. */
  readonly overdue: Level;
  /** Of the calibrated model; undefined for the others. */
  readonly quantiles: QuantileLevels | undefined;
  /** Peers that use it. */
  users = 0;

  constructor(
    readonly options: ResolvedOptions,
    readonly key: string,
    /** What peers of its cohort have learnt; undefined without a cohort. */
    readonly pool?: CohortPool,
  ) {
    const { threshold, levels, windowSize, minStdDev, learn, model } = options;
    this.model = model === 'calibrated' ? undefined : arrivalModels[model];
    const { maxMistakesPerHour } = options;
    this.quantiles = this.model ? undefined : new QuantileLevels(threshold, maxMistakesPerHour);
    this.windowSize = windowSize;
    this.guarded = learn === 'guarded';
    this.rungs = Object.entries({ ...levels, suspect: threshold })
      .map(([name, level]) => this.#rung(name, level))
      .sort((a, b) => order(a.phi, b.phi) || order(a.silence, b.silence)); // stable
    this.suspectRung = this.rungs.findIndex(({ name }) => name === 'suspect') + 1;
    this.mixed = this.rungs.some(({ silence }) => silence < Infinity);
    this.early = this.mixed || this.suspectRung > 1;
    const { perMean, perStdDev } = this.rungs[this.suspectRung - 1];
    this.overdue = this.level(Math.min(threshold, 1));
    const floor = Math.max(minStdDev.absolute, LEAST);
    // A wish is to be kept, whatever silence that takes.
    const limited = this.quantiles !== undefined && maxMistakesPerHour === undefined;
    const { acceptablePause, maxSilence = limited ? MAX_SILENCE_CALIBRATED : Infinity } = options;
    const cadences = limited && options.maxSilence === undefined ? MAX_CADENCES_CALIBRATED : 0;
    this.quick = perMean >= 1 && perStdDev >= 0 && maxSilence === Infinity;
    this.hot = Float64Array.of(
      perMean,
      perStdDev,
      acceptablePause,
      floor,
      minStdDev.relative,
      maxSilence,
      1 / windowSize,
      this.quick ? 0.25 / perMean : Infinity,
      cadences,
      this.model ? perMean * acceptablePause : acceptablePause,
    );
  }

  #rung(name: string, level: number | LevelOptions): Rung {
    const { phi, silence = Infinity } = typeof level === 'number' ? { phi: level } : level;
    return { name, silence, ...(phi === undefined ? NEVER : this.level(phi)) };
  }

  /** @throws RangeError unless 0 < phi ≤ 1e300 */
  level(phi: number): Level {
    if (typeof phi !== 'number' || !(phi > 0 && phi <= 1e300)) zOfPhi(phi); // throws
    if (this.model !== undefined) return { phi, ...this.model.reach(phi) };
    return { phi, perMean: 0, perStdDev: 0 };
  }
}

/** Equal for equal options, whatever the group; JSON has no Infinity. */
const keyOf = ({ group: _, ...options }: ResolvedOptions): string =>
  JSON.stringify([options, String(options.maxSilence)]);

/** The profiles in use, by number. */
export class Profiles {
  readonly list: Profile[] = [];
  readonly cohorts = new CohortPools();
  readonly #numbers = new Map<string, number>();
  readonly #vacant: number[] = [];
  /** The last one acquired: a million peers with the detector's own options look nothing up. */
  #recent = 0;

  /** The number of the profile for these options; one more peer uses it. */
  acquire(options: ResolvedOptions): number {
    const recent = this.list[this.#recent];
    if (recent?.options === options && recent.users > 0) {
      recent.users++;
      return this.#recent;
    }
    const key = keyOf(options);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#vacant.pop() ?? this.list.length;
      if (number === MAX_PROFILES) {
        throw new RangeError('options: too many different ones in use');
      }
      const pool =
        options.cohort === '' ? undefined : this.cohorts.acquire(key, { ...options, group: '' });
      this.list[number] = new Profile(options, key, pool);
      this.#numbers.set(key, number);
    }
    this.list[number].users++;
    this.#recent = number;
    return number;
  }

  release(number: number): void {
    const profile = this.list[number];
    if (--profile.users > 0) return;
    this.#numbers.delete(profile.key);
    this.#vacant.push(number);
    this.cohorts.release(profile.key);
  }

  /** What peers of such options, of a cohort, have learnt and will learn. */
  pool(options: ResolvedOptions): CohortPool {
    return this.cohorts.get(keyOf(options), options);
  }
}
