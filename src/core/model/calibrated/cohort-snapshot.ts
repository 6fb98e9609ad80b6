/** What the cohorts of a detector have learnt, as plain JSON. */

import { type ResolvedOptions, resolveOptions } from '../../options.js';
import { givenOptions, optionsUnlike } from '../../snapshot-options.js';
import { checkKeys, checkObject, checkType } from '../../validate.js';
import type { CohortPool, CohortPools } from './cohorts.js';
import type { LadderSnapshot } from './snapshot.js';
import { ONLY } from './trackers.js';

/** What the peers of one cohort have learnt together. */
export interface CohortSnapshot
  extends Pick<LadderSnapshot, 'levels' | 'quantiles' | 'heartbeats' | 'hits'> {
  /** How many late heartbeats more are believed at once, for each level. */
  readonly credit: readonly number[];
  /** Those of its peers that differ from the detector's, as of a peer; null stands for Infinity. */
  readonly options?: Readonly<Record<string, unknown>>;
}

const KEYS = ['levels', 'quantiles', 'heartbeats', 'hits', 'credit', 'options'];

/** Undefined where no cohort has learnt anything. */
export function snapshotCohorts(
  pools: CohortPools,
  defaults: ResolvedOptions,
): CohortSnapshot[] | undefined {
  const cohorts = Array.from(pools, (pool) => snapshotCohort(pool, defaults));
  return cohorts.length > 0 ? cohorts : undefined;
}

function snapshotCohort(
  { ladder, levels: own, credit, options: all }: CohortPool,
  defaults: ResolvedOptions,
): CohortSnapshot {
  const { levels, quantiles, heartbeats, hits } = ladder.snapshot(ONLY, own);
  const options = optionsUnlike(all, defaults);
  const kept = { levels, quantiles, heartbeats, hits, credit: credit.snapshot() };
  return options ? { ...kept, options } : kept;
}

/**
 * Puts what cohorts learnt into their pools; one that the new detector's options make none of is of
 * no use, as what another model learnt.
 *
 * @param poolOf the pool of peers with such options
 * @param attempt calls what throws a TypeError or RangeError, for one cohort
 */
export function restoreCohorts(
  cohorts: readonly CohortSnapshot[] | undefined,
  defaults: ResolvedOptions,
  poolOf: (options: ResolvedOptions) => CohortPool,
  attempt: (restore: () => void) => void,
): void {
  if (cohorts === undefined) return;
  if (!Array.isArray(cohorts)) {
    attempt(() => checkType('snapshot.cohorts', 'an array', cohorts, false));
    return;
  }
  for (const [i, given] of cohorts.entries()) {
    attempt(() => restoreCohort(`snapshot.cohorts[${i}]`, given, defaults, poolOf));
  }
}

function restoreCohort(
  name: string,
  given: CohortSnapshot,
  defaults: ResolvedOptions,
  poolOf: (options: ResolvedOptions) => CohortPool,
): void {
  checkObject(name, given);
  const { options: own, credit, ...ladder } = checkKeys<CohortSnapshot>(name, given, KEYS);
  const options = resolveOptions(givenOptions(`${name}.options`, own), defaults);
  if (options.cohort === '') return;
  const { ladder: pool, levels, credit: left } = poolOf(options);
  const unit = { cadence: 1, unit: 1, queued: 0, lateRun: 0 };
  pool.restore(ONLY, levels, { ...(ladder as LadderSnapshot), ...unit }, name);
  left.restore(levels, credit as number[], `${name}.credit`);
}
