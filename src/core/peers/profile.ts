/**
 * The options of a peer as its heartbeats use them: its model, made for them, and its levels in the
 * order of their crossings. Peers with equal options share one profile.
 */
import type { Level, Model, ModelContext } from '../model/model.js';
import { models } from '../model/models.js';
import type { LevelOptions, ResolvedOptions } from '../options.js';
import type { Bounds } from './bounds.js';
import { MAX_PROFILES, type Records } from './records.js';

/** One level of a peer. */
export interface ProfileLevel extends Level {
  readonly name: string;
  /** The silence in ms at which it is crossed whatever φ says; Infinity for none. */
  readonly silence: number;
}

/** φ of a level that has none. */
const NEVER: Level = { phi: Infinity, perMean: 0, perStdDev: 0 };

const order = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

export class Profile {
  readonly model: Model;
  /**
   * Levels by rising φ, `suspect` among them; a level of equal φ stands before it. Those without a φ
   * come last, by rising silence.
   */
  readonly levels: readonly ProfileLevel[];
  /** The place of `suspect` among them. */
  readonly suspect: number;
  /** Some levels have a silence: the order in which they are crossed depends on the peer. */
  readonly isMixed: boolean;
  /** Something may be due before the suspicion. */
  readonly isEarly: boolean;
  /** φ = 1, or the threshold if that is lower: one in ten healthy silences is as long. */
  readonly overdue: Level;
  /** Peers that use it. */
  users = 0;

  constructor(
    readonly options: ResolvedOptions,
    context: ModelContext,
    readonly key = '',
  ) {
    const { threshold, levels, model } = options;
    this.model = models[model](options, context, key);
    this.levels = Object.entries({ ...levels, suspect: threshold })
      .map(([name, level]) => this.#level(name, level))
      .sort((a, b) => order(a.phi, b.phi) || order(a.silence, b.silence)); // stable
    this.suspect = this.levels.findIndex(({ name }) => name === 'suspect');
    this.isMixed = this.levels.some(({ silence }) => silence < Infinity);
    this.isEarly = this.isMixed || this.suspect > 0;
    this.overdue = this.model.level(Math.min(threshold, 1));
  }

  #level(name: string, given: number | LevelOptions): ProfileLevel {
    const { phi, silence = Infinity } = typeof given === 'number' ? { phi: given } : given;
    return { name, silence, ...(phi === undefined ? NEVER : this.model.level(phi)) };
  }
}

/** Equal for equal options, whatever the group; JSON has no Infinity. */
export const keyOf = ({ group: _, ...options }: ResolvedOptions): string =>
  JSON.stringify([options, String(options.maxSilence)]);

/** The profiles in use, by number; and what the models of a detector share. */
export class Profiles implements ModelContext {
  readonly #list: Profile[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #vacant: number[] = [];
  /** The last one acquired: a million peers with the detector's own options look nothing up. */
  #recent = 0;
  /** The last one that was asked for: most peers have the same, and it is at hand then. */
  #askedNumber = -1;
  #asked: Profile | undefined;
  readonly #states = new Map<unknown, unknown>();

  constructor(
    readonly records: Records,
    readonly bounds: Bounds,
  ) {}

  shared<State>(make: (context: ModelContext) => State): State {
    if (!this.#states.has(make)) this.#states.set(make, make(this));
    return this.#states.get(make) as State;
  }

  get(number: number): Profile {
    if (number === this.#askedNumber) return this.#asked as Profile;
    this.#askedNumber = number;
    this.#asked = this.#list[number];
    return this.#asked;
  }

  /** The number of the profile for these options; one more peer uses it. */
  acquire(options: ResolvedOptions): number {
    const recent = this.#list[this.#recent];
    if (recent?.options === options && recent.users > 0) {
      recent.users++;
      return this.#recent;
    }
    const key = keyOf(options);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#vacant.pop() ?? this.#list.length;
      if (number === MAX_PROFILES) {
        throw new RangeError('options: too many different ones in use');
      }
      this.#list[number] = new Profile(options, this, key);
      this.#numbers.set(key, number);
      this.#askedNumber = -1;
    }
    this.#list[number].users++;
    this.#recent = number;
    return number;
  }

  release(number: number): void {
    const profile = this.#list[number];
    if (--profile.users > 0) return;
    this.#numbers.delete(profile.key);
    this.#vacant.push(number);
    profile.model.release?.();
  }
}
