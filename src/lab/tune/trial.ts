/** One setting on one stretch of a trace: its score, and how sure that is. */
import { mean } from 'simple-statistics';
import type { DetectorOptions } from '../../core/options.js';
import { PhiAccrualDetector } from '../../core/single.js';
import { type Arrivals, nearestRank } from '../replay/arrivals.js';
import { type Score, Scorer, SessionScore, warmUpOf } from '../replay/score.js';
import {
  bootstrapInterval,
  dispersion,
  type Interval,
  rateInterval,
  rateUpTo,
} from './confidence.js';

/** Blocks are drawn anew as wholes: long against how long a network stays in one mood. */
const BLOCKS = 20;

export class Trial {
  readonly options: DetectorOptions;
  readonly score: Score;
  /** Mistakes in each block. */
  readonly #mistakes: readonly number[];

  /** @param look is shown T_D of each scored arrival, in blocks, before they are gone */
  constructor(
    sessions: readonly Arrivals[],
    options: DetectorOptions,
    look?: (blocks: Float64Array[]) => void,
  ) {
    this.options = options;
    const scorer = new Scorer(sessions.reduce((sum, { at }) => sum + at.length, 0));
    for (const arrivals of sessions) {
      const detector = new PhiAccrualDetector(options);
      const run = new SessionScore(scorer, arrivals, {
        // Without phi: the φ of every gap is not wanted here.
        heartbeat: (at) => detector.heartbeat(at),
        suspectAt: () => detector.suspectAt(),
      });
      run.advance(arrivals.at.length);
    }
    const detection = scorer.detection.subarray(0, scorer.detections);
    const size = Math.ceil(detection.length / BLOCKS);
    this.#mistakes = mistakesIn(sessions, detection, size);
    look?.(Array.from(this.#mistakes, (_, i) => detection.subarray(i * size, (i + 1) * size)));
    this.score = scorer.result(options.heartbeatInterval as number); // reorders them
  }

  /** λ_M. */
  get rate(): Interval {
    return rateInterval(this.#mistakes, this.score.mistakes, this.score.hours);
  }

  /** The mistakes an hour that are not exceeded, with this confidence. */
  rateUpTo(confidence: number): number {
    return rateUpTo(this.score.mistakes, this.score.hours, dispersion(this.#mistakes), confidence);
  }
}

/** A trial by which something is to be shown. */
export class Examination extends Trial {
  /** The mean of T_D, in ms. */
  readonly detectionTime: Interval;
  /** Its 99th percentile. */
  readonly slowDetectionTime: Interval;

  constructor(sessions: readonly Arrivals[], options: DetectorOptions) {
    const seen: [Interval, Interval][] = [];
    super(sessions, options, (blocks) => {
      seen.push([
        bootstrapInterval(blocks, (values) => mean(values as unknown as number[])),
        bootstrapInterval(blocks, (values) => nearestRank(values, 0.99)),
      ]);
    });
    [this.detectionTime, this.slowDetectionTime] = seen[0];
  }
}

/** Mistakes in each block of `size` scored arrivals. */
function mistakesIn(
  sessions: readonly Arrivals[],
  detection: Float64Array,
  size: number,
): readonly number[] {
  const blocks: number[] = new Array(Math.ceil(detection.length / size)).fill(0);
  let scored = 0;
  for (const { at } of sessions) {
    for (let k = warmUpOf(at.length); k < at.length; k++, scored++) {
      const late = k + 1 < at.length && at[k + 1] - at[k] > detection[scored];
      if (late) blocks[Math.floor(scored / size)]++;
    }
  }
  return blocks;
}
