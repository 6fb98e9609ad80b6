/**
 * The options of a peer as its heartbeats use them: what the model needs to turn mean and σ into
 * instants is worked out once. Peers with equal options share one profile.
 */
import { type ArrivalModel, arrivalModels, type Reach } from './arrival-model.js';
import type { ResolvedOptions } from './options.js';

/** One level of a peer's ladder. */
export interface Rung extends Reach {
  readonly name: string;
  readonly phi: number;
}

/** φ stays finite for a σ or a mean that rounds to nothing: neither is ever below a nanosecond. */
export const LEAST = 1e-6;

/** A record has 20 bits for the number of its profile. */
const MAX_PROFILES = 1 << 20;

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

export class Profile {
  readonly model: ArrivalModel;
  readonly windowSize: number;
  readonly guarded: boolean;
  /** No suspicion is due before the mean: then a beat after a quarter of that silence is no burst. */
  readonly quick: boolean;
  /** What every heartbeat needs: unboxed, so that reading it costs one load. */
  readonly hot: Float64Array;
  /** Levels by rising φ, `suspect` among them; a level of equal φ stands before it. */
  readonly rungs: readonly Rung[];
  /** The number of rungs that are crossed once `suspect` is. */
  readonly suspectRung: number;
  /** φ = 1, or the threshold if that is lower: one in ten healthy silences is as long. */
  readonly overdue: Reach;
  /** Peers that use it. */
  users = 0;

  constructor(
    readonly options: ResolvedOptions,
    readonly key: string,
  ) {
    const { threshold, levels, windowSize, minStdDev, learn, model } = options;
    this.model = arrivalModels[model];
    this.windowSize = windowSize;
    this.guarded = learn === 'guarded';
    const all = Object.entries(levels).concat([['suspect', threshold]]);
    this.rungs = all
      .map(([name, phi]) => ({ name, phi, ...this.model.reach(phi) }))
      .sort((a, b) => a.phi - b.phi); // stable
    this.suspectRung = this.rungs.findIndex(({ name }) => name === 'suspect') + 1;
    const { perMean, perStdDev } = this.rungs[this.suspectRung - 1];
    this.overdue = this.model.reach(Math.min(threshold, 1));
    const floor = Math.max(minStdDev.absolute, LEAST);
    const { acceptablePause, maxSilence } = options;
    this.quick = perMean >= 1 && perStdDev >= 0 && maxSilence === Infinity;
    this.hot = Float64Array.of(
      perMean,
      perStdDev,
      acceptablePause,
      floor,
      minStdDev.relative,
      maxSilence,
      1 / windowSize,
      this.quick ? 0.25 : Infinity,
    );
  }
}

/** The profiles in use, by number. */
export class Profiles {
  readonly list: Profile[] = [];
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
    const key = JSON.stringify([options, options.maxSilence === Infinity]);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#vacant.pop() ?? this.list.length;
      if (number === MAX_PROFILES) {
        throw new RangeError('options: too many different ones in use');
      }
      this.list[number] = new Profile(options, key);
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
  }
}
