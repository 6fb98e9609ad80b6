/** φ of exponential intervals, φ = silence/(mean·ln 10), with the windows that others keep. */
import { MAX_RING } from '../../../core/model/ring-pool.js';
import { checkKeys, checkNumber } from '../../../core/validate.js';
import type { MakeTraceDetector, TraceDetector } from '../trace-detector.js';
import { SummedRing } from './sums.js';

export interface ExponentialOptions {
  /** φ at which it suspects. Above 0. Higher is slower and surer. */
  threshold: number;
  /** Intervals that are kept. Default 1000. */
  windowSize?: number;
}

/** As {@link cassandra}, but its window begins with the nominal interval and takes all. */
export function exponentialUnbounded(options: ExponentialOptions): MakeTraceDetector {
  return make(options, 1, Infinity);
}

/**
 * Apache Cassandra's rule: the window begins with twice the nominal interval, and intervals longer
 * than that are not learnt. Its numbers to the letter; for the model alone, the core has
 * `model: 'exponential'`.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came
 */
export function cassandra(options: ExponentialOptions): MakeTraceDetector {
  return make(options, 2, 2);
}

function make(given: ExponentialOptions, first: number, longest: number): MakeTraceDetector {
  const keys = ['threshold', 'windowSize'];
  const { threshold, windowSize = 1000 } = checkKeys('options', given, keys);
  checkNumber('threshold', threshold, { least: Number.MIN_VALUE, most: 1e300 });
  checkNumber('windowSize', windowSize, { least: 1, most: MAX_RING, integer: true });
  const means = (threshold as number) * Math.LN10;
  return ({ heartbeatInterval }) =>
    new Exponential(means, windowSize, first * heartbeatInterval, longest * heartbeatInterval);
}

class Exponential implements TraceDetector {
  readonly #window: SummedRing;
  readonly #means: number;
  readonly #longest: number;
  #last = Number.NaN;

  constructor(means: number, windowSize: number, first: number, longest: number) {
    this.#window = new SummedRing(windowSize);
    this.#window.push(first);
    this.#means = means;
    this.#longest = longest;
  }

  heartbeat(at: number): void {
    const interval = at - this.#last;
    if (interval <= this.#longest) this.#window.push(interval);
    this.#last = at;
  }

  suspectAt(): number {
    return this.#last + this.#means * this.#window.mean;
  }

  phi(at: number): number {
    return (at - this.#last) / (this.#window.mean * Math.LN10);
  }
}
