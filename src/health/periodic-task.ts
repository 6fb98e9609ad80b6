/** One task of the scheduler: its timer, its run, its state. */
import type { Host } from '../core/host.js';
import { isNotRun } from './check.js';
import { expireIn } from './expiry.js';
import type { ResolvedSchedule } from './schedule.js';

/** `undecided` says nothing of what was checked, and moves neither count. */
export type Verdict = 'pass' | 'fail' | 'undecided';

/** By the counts `rise` and `fall`; `unknown` until one of them was reached for the first time. */
export type State = 'unknown' | 'up' | 'down';

/** One run that is over. Times in ms of the scheduler's clock. */
export interface Run<R> {
  /** When it ended. */
  readonly at: number;
  readonly duration: number;
  readonly verdict: Verdict;
  /** What it returned, if it did in time. */
  readonly value?: R;
  /** There if it threw, with what it threw, or if its time was up. */
  readonly error?: unknown;
}

export interface Work<R> {
  /** Runs the check; `signal` is aborted when its time is up. What it throws fails. */
  run(signal: AbortSignal): R | Promise<R>;
  judge(value: R): Verdict;
  /**
   * Asked before a run that is due takes a place: calls `enter` when it may. The function that is
   * returned gives the wait up. Default: at once.
   */
  admit?(enter: () => void): () => void;
  /** After each run, the state brought up to date. */
  onRun?(run: Run<R>, task: PeriodicTask<R>): void;
}

/** What a task has of its scheduler. */
interface Place {
  readonly host: Host;
  readonly random: () => number;
  due(): void;
  /** A run is over, or beyond its time: its place is free. */
  ended(): void;
  removed(): void;
}

interface Flight {
  readonly controller: AbortController;
  readonly startedAt: number;
  /** Stops the watch over its time. */
  callOff: () => void;
  /** Its time is up. */
  expired: boolean;
  /** Its result is known; it may still be running. */
  decided: boolean;
}

const isThenable = <R>(value: R | Promise<R>): value is Promise<R> =>
  typeof (value as Promise<R> | undefined)?.then === 'function';

export class PeriodicTask<R> {
  readonly schedule: ResolvedSchedule;
  readonly #work: Work<R>;
  readonly #place: Place;
  readonly #runs: Run<R>[] = [];
  #state: State = 'unknown';
  #passes = 0;
  #failures = 0;
  #timer: unknown;
  #flight: Flight | undefined;
  #removed = false;

  constructor(work: Work<R>, schedule: ResolvedSchedule, place: Place) {
    this.#work = work;
    this.schedule = schedule;
    this.#place = place;
  }

  get state(): State {
    return this.#state;
  }

  /** Failures in a row so far; runs that decided nothing are not in it. */
  get failures(): number {
    return this.#failures;
  }

  /** The last runs, newest last. */
  get runs(): readonly Run<R>[] {
    return this.#runs;
  }

  /** For the scheduler: waits for the first run, without jitter: somebody waits for its result. */
  start(): void {
    this.#wait(this.schedule.initialDelay);
  }

  /** For the scheduler: runs now. */
  begin(): void {
    const { host } = this.#place;
    const flight: Flight = {
      controller: new AbortController(),
      startedAt: host.now(),
      callOff: () => {},
      expired: false,
      decided: false,
    };
    this.#flight = flight;
    flight.callOff = expireIn(host, this.schedule.timeout, () => this.#expire(flight));
    try {
      const value = this.#work.run(flight.controller.signal);
      if (!isThenable(value)) this.#onValue(flight, value);
      else
        value.then(
          (settled) => this.#onValue(flight, settled),
          (error) => this.#onError(flight, error),
        );
    } catch (error) {
      this.#onError(flight, error);
    }
  }

  /** Ends it: aborts a run that goes on, and says no more. */
  remove(): void {
    if (this.#removed) return;
    this.#removed = true;
    const flight = this.#flight;
    this.#place.host.clearTimeout(this.#timer);
    this.#place.removed();
    if (flight === undefined || flight.decided) return;
    this.#close(flight);
    flight.controller.abort(new Error('no longer checked'));
  }

  #wait(ms: number): void {
    this.#timer = this.#place.host.setTimeout(() => this.#onDue(), ms);
  }

  #onDue(): void {
    const flight = this.#flight;
    if (flight === undefined) this.#place.due();
    // The last run hangs and ignores its signal: another one beside it would hang as well, and
    // with it whatever it holds, such as one of libuv's four threads.
    else {
      const running = Math.round(this.#place.host.now() - flight.startedAt);
      this.#record(flight, 'fail', { error: this.#timeout(running) });
    }
  }

  #expire(flight: Flight): void {
    if (flight.decided) return;
    flight.expired = true;
    flight.controller.abort(this.#timeout());
    // A check that had not been made at all says so now, before this.
    this.#place.host.setImmediate(() => {
      if (flight.decided) return;
      this.#close(flight);
      this.#record(flight, 'fail', { error: this.#timeout() });
    });
  }

  #timeout(stillAfter?: number): Error {
    const still = stillAfter === undefined ? '' : `, and still running after ${stillAfter}ms`;
    const error = new Error(`timeout after ${this.schedule.timeout}ms${still}`);
    error.name = 'TimeoutError';
    return error;
  }

  #onValue(flight: Flight, value: R): void {
    if (flight.expired) this.#settle(flight, 'fail', { error: this.#timeout() });
    else this.#settle(flight, this.#work.judge(value), { value });
  }

  #onError(flight: Flight, error: unknown): void {
    if (isNotRun(error)) this.#settle(flight, 'undecided', { error });
    else this.#settle(flight, 'fail', { error: flight.expired ? this.#timeout() : error });
  }

  #settle(flight: Flight, verdict: Verdict, what: { value?: R; error?: unknown }): void {
    if (this.#flight === flight) this.#flight = undefined;
    if (flight.decided) return; // it has come back after its time, or after the end
    this.#close(flight);
    this.#record(flight, verdict, what);
  }

  #close(flight: Flight): void {
    flight.decided = true;
    flight.callOff();
    this.#place.ended();
  }

  #record(flight: Flight, verdict: Verdict, what: { value?: R; error?: unknown }): void {
    if (this.#removed) return;
    const at = this.#place.host.now();
    const run = { at, duration: at - flight.startedAt, verdict, ...what };
    this.#runs.push(run);
    if (this.#runs.length > this.schedule.history) this.#runs.shift();
    this.#count(verdict);
    const { interval, jitter } = this.schedule;
    this.#wait(interval * (1 + jitter * this.#place.random()));
    this.#work.onRun?.(run, this);
  }

  #count(verdict: Verdict): void {
    if (verdict === 'pass') {
      this.#passes++;
      this.#failures = 0;
      // Nothing has failed yet that a second pass would have to outweigh.
      if (this.#state === 'unknown' || this.#passes >= this.schedule.rise) this.#state = 'up';
    } else if (verdict === 'fail') {
      this.#failures++;
      this.#passes = 0;
      if (this.#failures >= this.schedule.fall) this.#state = 'down';
    }
  }
}
