/**
 * The options of a peer as its heartbeats use them: what the model needs to turn mean and σ into
 * instants is worked out once. Peers with equal options share one profile.
 */
import { type ArrivalModel, arrivalModels, type Reach } from './arrival-model.js';
import type { ResolvedOptions } from './options.js';
import { MAX_PROFILES } from './peer-slab.js';

/** One level of a peer's ladder. */
export interface Rung extends Reach {
  readonly name: string;
  readonly phi: number;
}

/** φ stays finite for a σ or a mean that rounds to nothing: neither is ever below a nanosecond. */
export const LEAST = 1e-6;

export class Profile {
  readonly model: ArrivalModel;
  readonly windowSize: number;
  readonly pause: number;
  readonly floor: number;
  readonly relativeFloor: number;
  readonly maxSilence: number;
  readonly learnsAll: boolean;
  readonly guarded: boolean;
  readonly recoverAfter: number;
  readonly suspectPerMean: number;
  readonly suspectPerStdDev: number;
  /** Levels by rising φ, `suspect` among them; a level of equal φ stands before it. */
  readonly rungs: readonly Rung[];
  /** The number of rungs that are crossed once `suspect` is. */
  readonly suspectRung: number;
  /** Peers that use it. */
  users = 0;

  constructor(
    readonly options: ResolvedOptions,
    readonly key: string,
  ) {
    this.model = arrivalModels[options.model];
    this.windowSize = options.windowSize;
    this.pause = options.acceptablePause;
    this.floor = Math.max(options.minStdDev.absolute, LEAST);
    this.relativeFloor = options.minStdDev.relative;
    this.maxSilence = options.maxSilence;
    this.learnsAll = options.learn === 'always';
    this.guarded = options.learn === 'guarded';
    this.recoverAfter = options.recoverAfter;
    const suspect = this.#rung('suspect', options.threshold);
    this.rungs = Object.entries(options.levels)
      .map(([name, phi]) => this.#rung(name, phi))
      .concat(suspect)
      .sort((a, b) => a.phi - b.phi); // stable
    this.suspectRung = this.rungs.indexOf(suspect) + 1;
    this.suspectPerMean = suspect.perMean;
    this.suspectPerStdDev = suspect.perStdDev;
  }

  #rung(name: string, phi: number): Rung {
    return { name, phi, ...this.model.reach(phi) };
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
        throw new RangeError(`options: more than ${MAX_PROFILES} different ones in use`);
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
