/**
 * readyz: whether something goes on, as a commit index does. It is sampled in the background; a
 * probe compares the newest sample with the one that the probe before saw. Probes that come faster
 * than samples see the same sample and say the same.
 */
import { checkType } from '../core/validate.js';
import { type Check, type CheckResult, reasonOf } from './check.js';
import type { Periodic, PeriodicTask } from './periodic.js';
import { resolveSchedule } from './schedule.js';

/** What can be compared: another value is progress. */
export type Mark = number | bigint | string;
/** An object is another one each time, which is no progress. */
const MARKS = ['number', 'bigint', 'string'];

export interface ProgressOptions {
  /** Which group has the check. Default `'readyz'`. */
  group?: string;
  /** From one sample to the next, in ms. Default 5000. Shorter than probes are apart. */
  interval?: number;
  /** How long a sample may take, in ms; at most `interval`. Default 1000, or `interval`. */
  timeout?: number;
  /** Whether there is nothing to do: then no progress is no failure. Default never. */
  idle?: () => boolean;
}

/** What is watched for progress, until it is closed. */
export interface Progress {
  readonly name: string;
  /** It is sampled no more and its check is gone. */
  close(): void;
}

export type Sample = (signal: AbortSignal) => Mark | Promise<Mark>;

export class ProgressCheck {
  readonly #task: PeriodicTask<Mark>;
  readonly #idle: () => boolean;
  #taken = 0;
  #value: Mark | undefined;
  #error: unknown;
  #failed = false;
  /** What the last probe saw, and was told. */
  #seen: { readonly taken: number; readonly value: Mark } | undefined;
  #answer: CheckResult = { ok: true };

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(periodic: Periodic, sample: Sample, options: ProgressOptions) {
    const { interval = 5000, timeout = Math.min(1000, interval), idle = () => false } = options;
    checkType('sample', 'a function', sample, typeof sample === 'function');
    checkType('idle', 'a function', idle, typeof idle === 'function');
    this.#idle = idle;
    const schedule = resolveSchedule({ interval, timeout, jitter: 0, history: 1 });
    this.#task = periodic.add<Mark>(
      {
        run: sample,
        passes: (value) => MARKS.includes(typeof value),
        onRun: ({ decision, value, error }) => {
          this.#failed = decision !== 'pass';
          // A sample without an error that failed is no mark.
          const type = value === null ? 'null' : typeof value;
          this.#error = error ?? new Error(`it is ${type}, not a number or text`);
          if (this.#failed) return;
          this.#value = value;
          this.#taken++;
        },
      },
      schedule,
    );
  }

  readonly check: Check = () => {
    if (this.#failed) return `no sample: ${reasonOf(this.#error)}`;
    if (this.#taken === 0) return 'not sampled yet';
    if (this.#seen?.taken !== this.#taken) this.#compare(this.#value as Mark);
    return this.#answer;
  };

  close(): void {
    this.#task.remove();
  }

  #compare(value: Mark): void {
    // NaN, which is not equal to itself, is none either.
    const goesOn = this.#seen === undefined || !Object.is(this.#seen.value, value) || this.#idle();
    this.#seen = { taken: this.#taken, value };
    const figures = typeof value === 'number' && { figures: { mark: value } };
    this.#answer = goesOn
      ? { ok: true, ...figures }
      : { ok: false, reason: `no progress since the last probe: still at ${value}`, ...figures };
  }
}
