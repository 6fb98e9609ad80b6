/**
 * What the peers of a class have learnt of lateness together: one more ladder for each class, taught
 * by all its peers in units of their own cadence, from which a new one starts.
 */
import { ClassCredit } from './class-credit.js';
import type { ResolvedOptions } from './options.js';
import { QuantileLadders, type Taught } from './quantile-ladder.js';
import { QuantileLevels } from './quantile-levels.js';

/** Classes without a peer that are remembered; of more, those that were left first are forgotten. */
const MOST_IDLE = 256;

export class ClassPool implements Taught {
  readonly ladder = new QuantileLadders(1);
  readonly levels: QuantileLevels;
  readonly credit: ClassCredit;

  constructor(readonly options: ResolvedOptions) {
    this.levels = new QuantileLevels(options.threshold, options.maxMistakesPerHour, true);
    this.credit = new ClassCredit(this.levels);
    this.ladder.begin(0, this.levels, 1);
  }

  get isEmpty(): boolean {
    return this.ladder.count(0) === 0;
  }
}

/** The classes of a detector, by the key of their peers' profile. */
export class ClassPools {
  readonly #used = new Map<string, ClassPool>();
  /** In the order in which their last peers left. */
  readonly #idle = new Map<string, ClassPool>();

  /** The pool of a profile that comes into use. */
  acquire(key: string, options: ResolvedOptions): ClassPool {
    const pool = this.#idle.get(key) ?? new ClassPool(options);
    this.#idle.delete(key);
    this.#used.set(key, pool);
    return pool;
  }

  /** The profile has no peer any more: whoever comes next still starts from what was learnt. */
  release(key: string): void {
    const pool = this.#used.get(key);
    if (pool === undefined) return;
    this.#used.delete(key);
    if (!pool.isEmpty) this.#keep(key, pool);
  }

  /** The pool as it is, or a new one that waits for its first peer. */
  get(key: string, options: ResolvedOptions): ClassPool {
    const known = this.#used.get(key) ?? this.#idle.get(key);
    if (known !== undefined) return known;
    const pool = new ClassPool(options);
    this.#keep(key, pool);
    return pool;
  }

  /** Those that have learnt anything. */
  *[Symbol.iterator](): IterableIterator<ClassPool> {
    for (const pools of [this.#used, this.#idle]) {
      for (const pool of pools.values()) if (!pool.isEmpty) yield pool;
    }
  }

  #keep(key: string, pool: ClassPool): void {
    this.#idle.set(key, pool);
    if (this.#idle.size <= MOST_IDLE) return;
    const [oldest] = this.#idle.keys();
    this.#idle.delete(oldest);
  }
}
