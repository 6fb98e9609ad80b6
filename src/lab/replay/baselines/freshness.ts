/**
 * Detectors that estimate when the next heartbeat is to arrive from times and numbers of the last
 * ones, and suspect a margin after that. A heartbeat that was overtaken says nothing to them.
 */
import { MAX_RING } from '../../../core/model/ring-pool.js';
import { checkKeys, checkNumber } from '../../../core/validate.js';
import type { MakeTraceDetector, TraceDetector, TraceInfo } from '../trace-detector.js';
import { SummedRing } from './sums.js';

export interface FreshnessOptions {
  /** α: added to the expected arrival, in ms from 0. Higher is slower and surer. */
  margin: number;
  /** Heartbeats that the estimate is made of. Default 1000. */
  windowSize?: number;
}

const MARGINS = { least: 0, most: 1e15, unit: 'ms' };
const SIZES = { least: 1, most: MAX_RING, integer: true };

function resolve(given: FreshnessOptions): Required<FreshnessOptions> {
  const { margin, windowSize = 1000 } = checkKeys('options', given, ['margin', 'windowSize']);
  return {
    margin: checkNumber('margin', margin, MARGINS),
    windowSize: checkNumber('windowSize', windowSize, SIZES),
  };
}

/** EA = mean(A) + η·(l + 1 − mean(s)), with η the slope between the window's ends. */
class Estimate {
  readonly #arrivals: SummedRing;
  readonly #numbers: SummedRing;
  readonly #nominal: number;
  /** The largest number so far, and when it arrived. */
  sequence = -1;
  at = 0;
  /** η in ms: between two numbers. */
  interval: number;
  /** EA in ms: when the number after the last one is to arrive. */
  expected = Infinity;

  constructor(windowSize: number, nominal: number) {
    this.#arrivals = new SummedRing(windowSize);
    this.#numbers = new SummedRing(windowSize);
    this.#nominal = nominal;
    this.interval = nominal;
  }

  get count(): number {
    return this.#numbers.count;
  }

  /** False for a heartbeat that was overtaken. */
  take(at: number, sequence: number): boolean {
    if (sequence <= this.sequence) return false;
    this.sequence = sequence;
    this.at = at;
    const arrivals = this.#arrivals;
    const numbers = this.#numbers;
    arrivals.push(at);
    numbers.push(sequence);
    const span = sequence - numbers.first;
    this.interval = span > 0 ? (at - arrivals.first) / span : this.#nominal;
    this.expected = arrivals.mean + this.interval * (sequence + 1 - numbers.mean);
    return true;
  }
}

/**
 * NFD-E of Chen, Toueg and Aguilera ("On the quality of service of failure detectors", IEEE
 * Transactions on Computers 51(5), 2002): suspects `margin` after the expected arrival.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came
 */
export function chen(options: FreshnessOptions): MakeTraceDetector {
  const { margin, windowSize } = resolve(options);
  return ({ heartbeatInterval }) => {
    const estimate = new Estimate(windowSize, heartbeatInterval);
    return {
      heartbeat: (at, { sequence }) => estimate.take(at, sequence),
      suspectAt: () => estimate.expected + margin,
    };
  };
}

/**
 * The two-window detector of Tomsic, Sens, Garcia, Arantes and Sopena ("2W-FD", IPDPS 2015): the
 * later of what the window and the last heartbeat alone let expect, and `margin`.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came
 */
export function twoWindow(options: FreshnessOptions): MakeTraceDetector {
  const { margin, windowSize } = resolve(options);
  return ({ heartbeatInterval }) => {
    const estimate = new Estimate(windowSize, heartbeatInterval);
    return {
      heartbeat: (at, { sequence }) => estimate.take(at, sequence),
      suspectAt: () => Math.max(estimate.expected, estimate.at + estimate.interval) + margin,
    };
  };
}

export interface BertierOptions {
  /** Heartbeats that the estimate is made of. Default 1000. */
  windowSize?: number;
  /** β: the weight of the mean error. Default 1. */
  beta?: number;
  /** φ, which is no suspicion level: the weight of the mean deviation. Default 4. */
  phi?: number;
  /** γ: what a new error counts, 0 to 1. Default 0.1. */
  gamma?: number;
}

const BERTIER_KEYS = ['windowSize', 'beta', 'phi', 'gamma'];

/**
 * The detector of Bertier, Marin and Sens ("Implementation and performance evaluation of an
 * adaptable failure detector", DSN 2002): Chen's estimate, with a margin that follows its errors
 * as Jacobson's follows round-trip times. It has nothing to tune.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came
 */
export function bertier(options?: BertierOptions): MakeTraceDetector {
  const { windowSize = 1000, ...weights } = checkKeys('options', options, BERTIER_KEYS);
  const { beta = 1, phi = 4, gamma = 0.1 } = weights;
  checkNumber('windowSize', windowSize, SIZES);
  checkNumber('beta', beta, { least: 0, most: 1e6 });
  checkNumber('phi', phi, { least: 0, most: 1e6 });
  checkNumber('gamma', gamma, { least: 0, most: 1 });
  return ({ heartbeatInterval }) =>
    new Bertier(new Estimate(windowSize, heartbeatInterval), { beta, phi, gamma });
}

class Bertier implements TraceDetector {
  readonly #estimate: Estimate;
  readonly #weights: Required<Omit<BertierOptions, 'windowSize'>>;
  #delay = 0;
  #deviation = 0;

  constructor(estimate: Estimate, weights: Required<Omit<BertierOptions, 'windowSize'>>) {
    this.#estimate = estimate;
    this.#weights = weights;
  }

  heartbeat(at: number, { sequence }: TraceInfo): void {
    const estimate = this.#estimate;
    // An error is known where the heartbeat that was expected came: the next number.
    if (sequence === estimate.sequence + 1 && estimate.count > 1) {
      const { gamma } = this.#weights;
      const error = at - estimate.expected - this.#delay;
      this.#delay += gamma * error;
      this.#deviation += gamma * (Math.abs(error) - this.#deviation);
    }
    estimate.take(at, sequence);
  }

  suspectAt(): number {
    const { beta, phi } = this.#weights;
    return this.#estimate.expected + beta * this.#delay + phi * this.#deviation;
  }
}
