/**
 * One check: run once for all who ask at the same time, cached, never for longer than its time-out.
 *
 * A check that ignores its signal goes on after its time-out. Until it ends it is not started again
 * beside itself, and whoever asks meanwhile is told at once: however many ask, one runs.
 */
import type { Host } from '../core/host.js';
import { type Answer, answered, type Check, failure, thrown } from './check.js';
import { expireIn, type Slots } from './limits.js';

/** What became of one run. Times in ms. */
export interface Outcome extends Answer {
  /** When it was asked for, on the clock of the health object. */
  readonly at: number;
  readonly duration: number;
}

export interface RunOptions {
  readonly timeout: number;
  readonly cacheMs: number;
}

export class CheckRun {
  readonly #check: Check;
  readonly #options: RunOptions;
  readonly #host: Host;
  readonly #slots: Slots;
  readonly #settled: (outcome: Outcome) => void;
  #current: Promise<Outcome> | undefined;
  #last: Outcome | undefined;
  #freshUntil = -Infinity;
  /** When the run began that did not end though its time was up; undefined for none. */
  #overdue: number | undefined;

  /** @param settled told of every run, once */
  constructor(
    check: Check,
    options: RunOptions,
    host: Host,
    slots: Slots,
    settled: (outcome: Outcome) => void,
  ) {
    this.#check = check;
    this.#options = options;
    this.#host = host;
    this.#slots = slots;
    this.#settled = settled;
  }

  /** Since when a run goes on whose time is up, in ms of the clock; undefined for none. */
  get overdue(): number | undefined {
    return this.#overdue;
  }

  /** The result: of the present run, of the last one while it is fresh, or of a new one. */
  ask(): Promise<Outcome> {
    if (this.#current) return this.#current;
    const fresh = this.#overdue !== undefined || this.#host.now() < this.#freshUntil;
    if (this.#last && fresh) return Promise.resolve(this.#last);
    let resolve!: (outcome: Outcome) => void;
    const run = new Promise<Outcome>((settle) => {
      resolve = settle;
    });
    // Before it begins: a check may ask for itself, and may answer at once.
    this.#current = run;
    this.#run(resolve);
    return run;
  }

  #run(resolve: (outcome: Outcome) => void): void {
    const { timeout, cacheMs } = this.#options;
    const at = this.#host.now();
    const abort = new AbortController();
    const notRun = failure(`not run: the places for checks were taken for ${timeout}ms`);
    let state: 'waiting' | 'running' | 'settled' = 'waiting';

    const settle = (answer: Answer) => {
      const now = this.#host.now();
      if (state === 'running') this.#slots.give();
      state = 'settled';
      callOff();
      const outcome: Outcome = { ...answer, at, duration: now - at };
      this.#current = undefined;
      this.#last = outcome;
      this.#freshUntil = now + cacheMs;
      this.#settled(outcome);
      resolve(outcome);
    };
    const end = (answer: Answer) => {
      this.#overdue = undefined;
      if (state === 'running') settle(answer);
    };
    const expire = () => {
      if (state === 'settled') return;
      if (state === 'waiting') {
        leave();
        settle(notRun);
        return;
      }
      this.#overdue = at;
      settle(failure(`timeout after ${timeout}ms`));
      abort.abort(new DOMException(`timeout after ${timeout}ms`, 'TimeoutError'));
    };
    const callOff = expireIn(this.#host, timeout, expire, true);
    const leave = this.#slots.take(() => {
      // Its time went by while it waited.
      if (this.#host.now() - at >= timeout) {
        settle(notRun);
        this.#slots.give();
        return;
      }
      state = 'running';
      this.#call(abort.signal, end);
    });
  }

  #call(signal: AbortSignal, end: (answer: Answer) => void): void {
    // Whatever it is, also a thenable of somebody else's, and a getter that throws.
    try {
      const value: unknown = this.#check(signal);
      if (typeof (value as PromiseLike<unknown> | undefined | null)?.then !== 'function') {
        end(answered(value));
        return;
      }
      Promise.resolve(value).then(
        (result) => end(answered(result)),
        (error) => end(thrown(error)),
      );
    } catch (error) {
      end(thrown(error));
    }
  }
}
