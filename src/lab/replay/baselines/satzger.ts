/** The share of intervals so far that were shorter than the silence: no distribution is assumed. */
import { MAX_RING } from '../../../core/model/ring-pool.js';
import { checkKeys, checkNumber } from '../../../core/validate.js';
import type { MakeTraceDetector, TraceDetector } from '../trace-detector.js';

export interface SatzgerOptions {
  /** The share of intervals at which it suspects: above 0, at most 1. Higher is slower and surer. */
  threshold: number;
  /** Silence counts so much. Default 0.9: it may be a ninth longer. Above 0. */
  scale?: number;
  /** Intervals that are kept. Default 1000. */
  windowSize?: number;
}

/**
 * The adaptive accrual detector of Satzger, Pietzowski, Trumler and Ungerer ("A new adaptive
 * accrual failure detector for dependable distributed systems", SAC 2007): suspects when a share
 * `threshold` of the last intervals is no longer than `scale` of the silence.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came
 */
export function satzger(options: SatzgerOptions): MakeTraceDetector {
  const keys = ['threshold', 'scale', 'windowSize'];
  const { threshold, scale = 0.9, windowSize = 1000 } = checkKeys('options', options, keys);
  checkNumber('threshold', threshold, { least: Number.MIN_VALUE, most: 1 });
  checkNumber('scale', scale, { least: Number.MIN_VALUE, most: 1e6 });
  checkNumber('windowSize', windowSize, { least: 1, most: MAX_RING, integer: true });
  return ({ heartbeatInterval }) =>
    new Satzger(threshold as number, scale, windowSize, heartbeatInterval);
}

class Satzger implements TraceDetector {
  /** By age, and by length: one insertion keeps the order. */
  readonly #ring: Float64Array;
  readonly #sorted: Float64Array;
  readonly #threshold: number;
  readonly #scale: number;
  readonly #nominal: number;
  #count = 0;
  #next = 0;
  #last = Number.NaN;

  constructor(threshold: number, scale: number, windowSize: number, nominal: number) {
    this.#threshold = threshold;
    this.#scale = scale;
    this.#nominal = nominal;
    this.#ring = new Float64Array(windowSize);
    this.#sorted = new Float64Array(windowSize);
  }

  heartbeat(at: number): void {
    if (at >= this.#last) this.#learn(at - this.#last);
    this.#last = at;
  }

  #learn(interval: number): void {
    const ring = this.#ring;
    const sorted = this.#sorted;
    // The place of the oldest is free, or the one behind the last.
    const free = this.#count === ring.length ? this.#rankOf(ring[this.#next]) : this.#count++;
    sorted.copyWithin(free, free + 1, this.#count);
    const place = this.#rankOf(interval, this.#count - 1);
    sorted.copyWithin(place + 1, place, this.#count - 1);
    sorted[place] = interval;
    ring[this.#next] = interval;
    this.#next = this.#next + 1 === ring.length ? 0 : this.#next + 1;
  }

  /** How many of the first `count` by length are shorter. */
  #rankOf(interval: number, count = this.#count): number {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle] < interval) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  suspectAt(): number {
    const n = this.#count;
    const longest = n === 0 ? this.#nominal : this.#sorted[Math.ceil(this.#threshold * n) - 1];
    return this.#last + longest / this.#scale;
  }
}
