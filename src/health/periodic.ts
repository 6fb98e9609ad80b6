/** The one scheduler of checks that run in the background, of deep checks and of probes. */
import type { Host } from '../core/host.js';
import { type Clock, resolveSettings } from '../core/settings.js';
import { checkNumber, checkType } from '../core/validate.js';
import { PeriodicTask, type Work } from './periodic-task.js';
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

/**
 * Runs many tasks, each on a schedule of its own, with a cap on how many run at once. The cap
 * counts runs within their time: one that goes on after its time-out and ignores its signal gives
 * its place away, or a few hung checks would end all others. What bounds those is that a task never
 * runs beside itself.
 */
export class Periodic {
  readonly #host: Host;
  readonly #random: () => number;
  readonly #concurrency: number;
  readonly #tasks = new Set<PeriodicTask<unknown>>();
  /** Due, and without a place; in the order in which they fell due. */
  readonly #queue = new Set<PeriodicTask<unknown>>();
  readonly #signal: AbortSignal | undefined;
  #running = 0;
  #pumping = false;
  #closed = false;

  /** @throws TypeError, RangeError with the option's name */
  constructor({ clock, concurrency = 8, random = Math.random, signal }: PeriodicOptions = {}) {
    this.#host = resolveSettings({ clock, signal }).host;
    const numbers = { least: 1, most: 100_000, integer: true };
    this.#concurrency = checkNumber('concurrency', concurrency, numbers);
    checkType('random', 'a function', random, typeof random === 'function');
    this.#random = random;
    this.#signal = signal;
    if (signal?.aborted) this.#closed = true;
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Its time and timers. */
  get host(): Host {
    return this.#host;
  }

  /** How many tasks there are, how many run within their time, and how many wait for a place. */
  get stats(): { readonly tasks: number; readonly running: number; readonly waiting: number } {
    return { tasks: this.#tasks.size, running: this.#running, waiting: this.#queue.size };
  }

  /** Its time, in ms. */
  now(): number {
    return this.#host.now();
  }

  /** A task from now on; one of a closed scheduler never runs. */
  add<R>(work: Work<R>, schedule: ResolvedSchedule): PeriodicTask<R> {
    let giveUp = () => {};
    const enter = () => {
      this.#queue.add(task as PeriodicTask<unknown>);
      this.#pump();
    };
    const task: PeriodicTask<R> = new PeriodicTask(work, schedule, {
      host: this.#host,
      random: this.#random,
      due: () => {
        if (work.admit) giveUp = work.admit(enter);
        else enter();
      },
      ended: () => {
        this.#running--;
        this.#pump();
      },
      removed: () => {
        giveUp();
        this.#queue.delete(task as PeriodicTask<unknown>);
        this.#tasks.delete(task as PeriodicTask<unknown>);
      },
    });
    if (this.#closed) return task;
    this.#tasks.add(task as PeriodicTask<unknown>);
    task.start();
    return task;
  }

  /** Ends all tasks; their signals are aborted, and their results come no more. */
  close(): void {
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    for (const task of [...this.#tasks]) task.remove();
  }

  readonly #onAbort = (): void => this.close();

  /** Runs whoever waits, as far as there are places. A run may end before `begin` returns. */
  #pump(): void {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    for (const task of this.#queue) {
      if (this.#running >= this.#concurrency) break;
      this.#queue.delete(task);
      this.#running++;
      task.begin();
    }
    this.#pumping = false;
  }
}
