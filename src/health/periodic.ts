/** Tasks that run in the background, of deep checks and of probes: one scheduler, one cap. */
import type { Host } from '../core/host.js';
import { type Clock, resolveSettings } from '../core/settings.js';
import { checkNumber, checkType } from '../core/validate.js';
import { isNotRun } from './check.js';
import { expireIn, Slots } from './limits.js';
import type { ResolvedSchedule } from './schedule.js';

export interface PeriodicOptions {
  /** Default the platform's. */
  clock?: Clock;
  /** The most runs at once, over all tasks; more wait their turn. Default 8. */
  concurrency?: number;
  /** In [0, 1), for the jitter. Default `Math.random`. */
  random?: () => number;
  /** Closes it when it is aborted. */
  signal?: AbortSignal;
}

/** An `undecided` run tells nothing of what was checked, and moves neither count. */
export type Decision = 'pass' | 'fail' | 'undecided';

/** By the counts `rise` and `fall`; `unknown` until one of them was reached for the first time. */
export type State = 'unknown' | 'up' | 'down';

/** One run that is over. Times in ms of the scheduler's clock. */
export interface Run<R> {
  /** When it ended. */
  readonly at: number;
  readonly duration: number;
  readonly decision: Decision;
  /** What it returned, if it did in time. */
  readonly value?: R;
  /** There if it threw, with what it threw, or if its time was up. */
  readonly error?: unknown;
}

export interface Work<R> {
  /** Runs the check; `signal` is aborted when its time is up. What it throws fails. */
  run(signal: AbortSignal): R | Promise<R>;
  /** Whether what it returned is a pass. */
  passes(value: R): boolean;
  /**
   * Called before a run that is due takes a place: it calls `enter` when the run may go on, and
   * returns a function that ends the wait. Default: at once.
   */
  admit?(enter: () => void): () => void;
  /** Called after each run, once the state is up to date. */
  onRun?(run: Run<R>, task: PeriodicTask<R>): void;
}

/**
 * Runs many tasks, each on a schedule of its own, with a cap on how many run at once. The cap
 * counts runs within their time: a run that goes on after its time-out and ignores its signal gives
 * its place away, or a few hung checks would stop all others. What bounds those is that a task never
 * runs beside itself.
 */
export class Periodic {
  readonly #shared: Shared;
  readonly #tasks = new Set<{ remove(): void }>();
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => this.close();
  #closed = false;

  /** @throws TypeError, RangeError with the option's name */
  constructor({ clock, concurrency = 8, random = Math.random, signal }: PeriodicOptions = {}) {
    const { host } = resolveSettings({ clock, signal });
    const numbers = { least: 1, most: 100_000, integer: true };
    const slots = new Slots(checkNumber('concurrency', concurrency, numbers));
    checkType('random', 'a function', random, typeof random === 'function');
    this.#shared = { host, random, slots };
    this.#signal = signal;
    if (signal?.aborted) this.#closed = true;
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Its time and timers. */
  get host(): Host {
    return this.#shared.host;
  }

  /** How many tasks there are, how many run within their time, and how many wait for a place. */
  get stats(): { readonly tasks: number; readonly running: number; readonly waiting: number } {
    const { taken: running, waiting } = this.#shared.slots;
    return { tasks: this.#tasks.size, running, waiting };
  }

  /** Its time, in ms. */
  now(): number {
    return this.host.now();
  }

  /** Starts a task; one of a closed scheduler never runs. */
  add<R>(work: Work<R>, schedule: ResolvedSchedule): PeriodicTask<R> {
    const task: PeriodicTask<R> = new PeriodicTask<R>(work, schedule, this.#shared, () =>
      this.#tasks.delete(task),
    );
    if (this.#closed) return task;
    this.#tasks.add(task);
    task.start();
    return task;
  }

  /** Removes all tasks: their signals are aborted, and none of them tells a result any more. */
  close(): void {
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    // The places that running tasks give back are for nobody.
    this.#shared.slots.close();
    for (const task of [...this.#tasks]) task.remove();
  }
}

/** What tasks have of their scheduler. */
interface Shared {
  readonly host: Host;
  readonly random: () => number;
  readonly slots: Slots;
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
  readonly #shared: Shared;
  readonly #forget: () => void;
  readonly #runs: Run<R>[] = [];
  #state: State = 'unknown';
  #passes = 0;
  #failures = 0;
  #timer: unknown;
  /** What ends its waits: to be admitted, and for a place. */
  #waits: (() => void)[] = [];
  #flight: Flight | undefined;
  #removed = false;

  /** @param forget called once it is removed */
  constructor(work: Work<R>, schedule: ResolvedSchedule, shared: Shared, forget: () => void) {
    this.#work = work;
    this.schedule = schedule;
    this.#shared = shared;
    this.#forget = forget;
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

  #begin(): void {
    const { host } = this.#shared;
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
    this.#shared.host.clearTimeout(this.#timer);
    for (const end of this.#waits) end();
    this.#forget();
    if (flight === undefined || flight.decided) return;
    this.#close(flight);
    flight.controller.abort(new Error('no longer checked'));
  }

  #wait(ms: number): void {
    this.#timer = this.#shared.host.setTimeout(() => this.#onDue(), ms);
  }

  #onDue(): void {
    const flight = this.#flight;
    if (flight === undefined) this.#queue();
    // The last run hangs and ignores its signal: another one beside it would hang as well, and
    // with it whatever it holds, such as one of libuv's four threads.
    else {
      const running = Math.round(this.#shared.host.now() - flight.startedAt);
      this.#record(flight, 'fail', { error: this.#timeout(running) });
    }
  }

  #queue(): void {
    const { admit } = this.#work;
    const waits: (() => void)[] = [];
    this.#waits = waits;
    const enter = () => waits.push(this.#shared.slots.take(() => this.#begin()));
    if (admit) waits.push(admit(enter));
    else enter();
  }

  #expire(flight: Flight): void {
    if (flight.decided) return;
    flight.expired = true;
    flight.controller.abort(this.#timeout());
    // A check that had not been made at all says so now, before this.
    this.#shared.host.setImmediate(() => {
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
    else this.#settle(flight, this.#work.passes(value) ? 'pass' : 'fail', { value });
  }

  #onError(flight: Flight, error: unknown): void {
    if (isNotRun(error)) this.#settle(flight, 'undecided', { error });
    else this.#settle(flight, 'fail', { error: flight.expired ? this.#timeout() : error });
  }

  #settle(flight: Flight, decision: Decision, what: { value?: R; error?: unknown }): void {
    if (this.#flight === flight) this.#flight = undefined;
    if (flight.decided) return; // it has come back after its time, or after the end
    this.#close(flight);
    this.#record(flight, decision, what);
  }

  #close(flight: Flight): void {
    flight.decided = true;
    flight.callOff();
    this.#shared.slots.give();
  }

  #record(flight: Flight, decision: Decision, what: { value?: R; error?: unknown }): void {
    if (this.#removed) return;
    const at = this.#shared.host.now();
    const run = { at, duration: at - flight.startedAt, decision, ...what };
    this.#runs.push(run);
    if (this.#runs.length > this.schedule.history) this.#runs.shift();
    this.#count(decision);
    const { interval, jitter } = this.schedule;
    this.#wait(interval * (1 + jitter * this.#shared.random()));
    this.#work.onRun?.(run, this);
  }

  #count(decision: Decision): void {
    if (decision === 'pass') {
      this.#passes++;
      this.#failures = 0;
      // Nothing has failed yet that a second pass would have to outweigh.
      if (this.#state === 'unknown' || this.#passes >= this.schedule.rise) this.#state = 'up';
    } else if (decision === 'fail') {
      this.#failures++;
      this.#passes = 0;
      if (this.#failures >= this.schedule.fall) this.#state = 'down';
    }
  }
}
