/**
 * What the peers of a cohort have learnt of lateness together: one more ladder for each cohort, taught
 * by all its peers in units of their own cadence, from which a new one starts.
 */

import type { ResolvedOptions } from '../../options.js';
import { LatenessBudget } from './lateness-budget.js';
import { QuantileLevels } from './levels.js';
import { ONLY, QuantileTrackers, type Taught } from './trackers.js';

/** Cohorts without a peer that are remembered; of more, those that were left first are forgotten. */
const MOST_IDLE = 256;

export class CohortPool implements Taught {
  readonly ladder = new QuantileTrackers();
  readonly levels: QuantileLevels;
  readonly credit: LatenessBudget;

  constructor(readonly options: ResolvedOptions) {
    this.levels = new QuantileLevels(options.threshold, options.maxMistakesPerHour, true);
    this.credit = new LatenessBudget(this.levels);
    this.ladder.reserve(1);
    this.ladder.begin(ONLY, this.levels, 1);
  }

  get isEmpty(): boolean {
    return this.ladder.count(ONLY) === 0;
  }
}

/** The cohorts of a detector, by the key of their peers' profile. */
export class CohortPools {
  readonly #used = new Map<string, CohortPool>();
  /** In the order in which their last peers left. */
  readonly #idle = new Map<string, CohortPool>();

  /** The pool of a profile that comes into use. */
  acquire(key: string, options: ResolvedOptions): CohortPool {
    const pool = this.#idle.get(key) ?? new CohortPool(options);
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
  get(key: string, options: ResolvedOptions): CohortPool {
    const known = this.#used.get(key) ?? this.#idle.get(key);
    if (known !== undefined) return known;
    const pool = new CohortPool(options);
    this.#keep(key, pool);
    return pool;
  }

  /** Those that have learnt anything. */
  *[Symbol.iterator](): IterableIterator<CohortPool> {
    for (const pools of [this.#used, this.#idle]) {
      for (const pool of pools.values()) if (!pool.isEmpty) yield pool;
    }
  }

  #keep(key: string, pool: CohortPool): void {
    this.#idle.set(key, pool);
    if (this.#idle.size <= MOST_IDLE) return;
    const [oldest] = this.#idle.keys();
    this.#idle.delete(oldest);
  }
}
