/** What is wished of a detector. */
import { checkKeys, checkNumber, checkRange } from '../../core/validate.js';
import type { Examination, Trial } from './trial.js';

/** At least one of them; with both, the fastest that keeps both. */
export interface TuneGoal {
  /**
   * λ_M: how many times an hour a sender that lives may be suspected. Fewer is slower, and takes a
   * longer trace to show: three hours without a mistake for one an hour.
   */
  readonly maxMistakesPerHour?: number;
  /** Ms in which 99 of 100 crashes are to be detected, from the last heartbeat's arrival on. */
  readonly detectWithin?: number;
}

/** @throws TypeError, RangeError that name the wish, what was expected and what came */
export function checkGoal(given: TuneGoal): TuneGoal {
  const goal = checkKeys<TuneGoal>('goal', given, ['maxMistakesPerHour', 'detectWithin']);
  const { maxMistakesPerHour, detectWithin } = goal;
  const some = maxMistakesPerHour !== undefined || detectWithin !== undefined;
  checkRange('goal', 'maxMistakesPerHour, detectWithin or both', undefined, some);
  const numbers = { least: Number.MIN_VALUE, most: 1e15 };
  if (maxMistakesPerHour !== undefined) {
    checkNumber('goal.maxMistakesPerHour', maxMistakesPerHour, numbers);
  }
  if (detectWithin !== undefined) checkNumber('goal.detectWithin', detectWithin, numbers);
  return goal;
}

/** How much is left between what was seen and what is wished. */
export interface Caution {
  /** The rate is kept with this confidence. */
  readonly confidence: number;
  /** Slow detections are so much faster than wished. */
  readonly margin: number;
}

/** From the most cautious to none. */
export const CAUTIONS: readonly Caution[] = [
  { confidence: 0.9999, margin: 1.5 },
  { confidence: 0.999, margin: 1.25 },
  { confidence: 0.99, margin: 1.1 },
  { confidence: 0.95, margin: 1.05 },
  { confidence: 0.8, margin: 1.02 },
  { confidence: 0.5, margin: 1 },
];

/** The best of what was tried that keeps the goal, with that caution; undefined if nothing does. */
export function best<T extends { readonly trial: Trial }>(
  tried: readonly T[],
  { maxMistakesPerHour, detectWithin }: TuneGoal,
  { confidence, margin }: Caution,
): T | undefined {
  const keeping = tried
    .map((candidate) => {
      const { mean, p99 } = candidate.trial.score.detectionTime;
      return { candidate, mean, p99, rate: candidate.trial.rateUpTo(confidence) };
    })
    .filter(
      ({ rate, p99 }) =>
        (maxMistakesPerHour === undefined || rate <= maxMistakesPerHour) &&
        (detectWithin === undefined || p99 * margin <= detectWithin),
    );
  const fewer = maxMistakesPerHour === undefined;
  // Of those that make equally few mistakes the slowest is the surest; in time it is all the same.
  keeping.sort((a, b) => (fewer ? a.rate - b.rate || b.mean - a.mean : a.mean - b.mean));
  return keeping[0]?.candidate;
}

/** Whether a trial on heartbeats that nothing was chosen by shows that the goal is kept. */
export function shows(
  { rate, slowDetectionTime }: Examination,
  { maxMistakesPerHour, detectWithin }: TuneGoal,
): boolean {
  return (
    (maxMistakesPerHour === undefined || rate.high <= maxMistakesPerHour) &&
    (detectWithin === undefined || slowDetectionTime.high <= detectWithin)
  );
}
