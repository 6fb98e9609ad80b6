/**
 * How far a cohort believes in lateness: an outage of everybody is as many late heartbeats as there
 * are peers, one upon the other, and yet one event. Believed at once it would teach a cohort of a
 * thousand that silence for as long as the outage is ordinary, and it would take millions of
 * heartbeats to unlearn that.
 *
 * So each level has a credit that every heartbeat raises by four times the share in which lateness
 * is expected, up to a limit, and every late one lowers by 1. Without credit a level is not lifted.
 * What is late by chance seldom uses that up, and a level that is too low rises all the same, four
 * times as fast as it would fall.
 */

import { checkNumber, checkType } from '../../validate.js';
import { LEVELS, type QuantileLevels } from './levels.js';

/** Late heartbeats that are believed at once: so many, */
const MOST = 4;
/** and those expected in so many heartbeats: low levels, where bursts are common, unlearn soon. */
const MEMORY = 500;
const RAISE = 4;

export class LatenessBudget {
  /** Levels without credit, as bits. */
  held = 0;
  readonly #left: Float64Array;

  constructor({ share }: QuantileLevels) {
    this.#left = share.map((each) => MOST + MEMORY * each);
  }

  snapshot(): number[] {
    return [...this.#left];
  }

  /** @throws TypeError, RangeError that name the part, what was expected and what came */
  restore({ share }: QuantileLevels, given: readonly number[], path: string): void {
    const fits = Array.isArray(given) && given.length === LEVELS;
    checkType(path, `an array of ${LEVELS} numbers`, given, fits);
    given.forEach((value, j) => {
      const left = checkNumber(`${path}[${j}]`, value, { least: 0, most: MOST + MEMORY });
      // Of other levels, it may be more than there is to have.
      this.#left[j] = Math.min(left, MOST + MEMORY * share[j]);
    });
    this.#hold();
  }

  /**
   * @param hits the levels that a heartbeat exceeded, as bits
   * @param time ms in which lateness at the level that falls by time is expected
   */
  spend({ share, timed, perMs }: QuantileLevels, hits: number, time: number): void {
    const left = this.#left;
    for (let j = 0; j < LEVELS; j++) {
      const expected = j === timed ? Math.min(perMs * time, 0.5) : share[j];
      const credit = Math.min(left[j] + RAISE * expected, MOST + MEMORY * share[j]);
      left[j] = (hits & (1 << j)) !== 0 && credit >= 1 ? credit - 1 : credit;
    }
    this.#hold();
  }

  #hold(): void {
    let held = 0;
    for (let j = 0; j < LEVELS; j++) if (this.#left[j] < 1) held |= 1 << j;
    this.held = held;
  }
}
