/** When a trace cannot show what is wished: what it can, and what to do. */
import type { DetectorOptions } from '../../core/options.js';
import { rateUpTo } from './confidence.js';
import type { TuneGoal } from './goal.js';
import type { Tuned } from './search.js';
import { rounded } from './settings.js';
import { formatHours } from './words.js';

/** The least rate of mistakes that so many hours can show, if there is none in them. */
export const leastShown = (hours: number): number => rateUpTo(0, hours);

/** Why nothing is promised. */
export function refusal(
  { maxMistakesPerHour: wish, detectWithin }: TuneGoal,
  [, hours]: readonly [number, number],
  best: Tuned | undefined,
): string {
  // Even without a mistake, the second half shows no more than this.
  const least = leastShown(hours);
  if (wish !== undefined && least > wish) {
    const needed = rounded((2 * leastShown(1)) / wish);
    return (
      `The trace is too short for that wish: ${formatHours(hours)} to test it on, even without ` +
      `a mistake, show no more than "at most ${rounded(least)} an hour". Record at least ` +
      `${needed} hours, or wish for less.`
    );
  }
  const joined = wish === undefined ? '' : ' with';
  const within = detectWithin === undefined ? '' : `${joined} detection within ${detectWithin} ms`;
  const wished = wish === undefined ? '' : ` at most ${rounded(wish)} mistakes an hour`;
  if (best === undefined) return `No setting that was tried keeps${wished}${within} on this trace.`;
  const { mistakesPerHour, slowDetectionTime } = best.second;
  return (
    `No setting that was chosen on the first half keeps${wished}${within} on the second: the best ` +
    `one makes up to ${rounded(mistakesPerHour.high)} mistakes an hour and takes up to ` +
    `${rounded(slowDetectionTime.high)} ms.`
  );
}

/** What may keep the wish all the same. */
export function unproven(
  { maxMistakesPerHour }: TuneGoal,
  interval: number,
  best: Tuned | undefined,
): DetectorOptions | undefined {
  if (maxMistakesPerHour === undefined) return best?.options;
  // Its φ means what it says, as far as that was learnt.
  const wish = Number(`${Math.floor(maxMistakesPerHour * 1e6) / 1e6}`) || maxMistakesPerHour;
  return { model: 'calibrated', maxMistakesPerHour: wish, heartbeatInterval: rounded(interval) };
}
