/** Whether it may be chance that nobody of a group is heard. */

/** Above this, the silence of the others is taken for chance. */
const CHANCE = 0.3;

/**
 * The chance that nobody of healthy peers is heard for `silent` ms, each beating once in its period:
 * the product of 1 − silent/period, at least 0. The most frequent one is left out, as it may be the
 * one that has died.
 */
export function chanceOfSilence(periods: Iterable<number>, silent: number): number {
  let others = 1;
  let least = 1;
  for (const period of periods) {
    const one = Math.max(1 - silent / period, 0);
    others *= Math.max(one, least);
    least = Math.min(one, least);
  }
  return others;
}

/** Whether that is likely enough to say nothing about the group. */
export const isChance = (periods: Iterable<number>, silent: number): boolean =>
  chanceOfSilence(periods, silent) > CHANCE;
