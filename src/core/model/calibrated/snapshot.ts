/** What the calibrated model learnt about a peer, as plain JSON, and what may be such. */

import { checkNumber, checkObject, checkRange, checkType } from '../../validate.js';
import { CHANGE_NUMBERS } from './interval-change.js';
import { LEVELS } from './levels.js';

/** What the calibrated model learnt about a peer, as plain JSON. */
export interface LadderSnapshot {
  /** φ of the levels. */
  readonly levels: readonly number[];
  /** ln of their excess over the cadence, in units. */
  readonly quantiles: readonly number[];
  /** In ms. */
  readonly cadence: number;
  readonly unit: number;
  readonly heartbeats: number;
  readonly queued: number;
  readonly lateRun: number;
  /** The levels that the last heartbeat exceeded, as bits. */
  readonly hits: number;
  /** How many of `heartbeats` were those of others of its cohort; not there for none. */
  readonly borrowed?: number;
  /**
   * Where a change of the interval stands: the interval of before, that when the present row began,
   * silences in a row beyond the threshold, their sum, shortest and longest, and heartbeats in a row
   * at the interval of before. Not there for none.
   */
  readonly change?: readonly number[];
}

const LEAST_CADENCE = 1e-6;
const LONGEST = 2e15;

/**
 * The snapshot, once it may be one.
 *
 * @throws TypeError, RangeError that name the part, what was expected and what came
 */
export function checkLadder(given: LadderSnapshot, path = 'snapshot.ladder'): LadderSnapshot {
  checkObject(path, given);
  const check = (part: keyof LadderSnapshot, least: number, most: number, integer = false) =>
    checkNumber(`${path}.${part}`, given[part], { least, most, integer });
  checkRising(`${path}.levels`, given.levels, 1, 1e300);
  checkRising(`${path}.quantiles`, given.quantiles, -1e3, 1e3);
  checkRange(`${path}.levels`, 'the first to be 1', given.levels[0], given.levels[0] === 1);
  check('cadence', LEAST_CADENCE, LONGEST);
  check('unit', LEAST_CADENCE, LONGEST);
  const heartbeats = check('heartbeats', 0, 1e300);
  check('queued', 0, 1e300);
  check('hits', 0, 2 ** LEVELS - 1, true);
  check('lateRun', 0, 1e9, true);
  if (given.change !== undefined) checkChange(`${path}.change`, given.change);
  if (given.borrowed !== undefined) check('borrowed', 0, Math.min(heartbeats, 1000), true);
  return given;
}

function checkChange(name: string, given: readonly number[]): void {
  const fits = Array.isArray(given) && given.length === CHANGE_NUMBERS;
  checkType(name, `an array of ${CHANGE_NUMBERS} numbers`, given, fits);
  given.forEach((value, i) => {
    checkNumber(`${name}[${i}]`, value, { least: 0, most: 3 * LONGEST });
  });
}

function checkRising(name: string, given: readonly number[], least: number, most: number): void {
  const fits = Array.isArray(given) && given.length === LEVELS;
  checkType(name, `an array of ${LEVELS} numbers`, given, fits);
  given.forEach((value, j) => {
    checkNumber(`${name}[${j}]`, value, { least: j > 0 ? given[j - 1] : least, most });
    const rises = j === 0 || value > given[j - 1];
    checkRange(`${name}[${j}]`, 'more than the one before', value, rises);
  });
}
