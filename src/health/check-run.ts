/**
 * One check of a group, and what became of its runs. It is run once for all who ask at the same
 * time, its result is cached, and no run takes longer than its time-out.
 *
 * A check that ignores its signal goes on after its time-out. Until it ends it is not started again
 * beside itself, and whoever asks meanwhile is told at once: however many ask, one runs.
 */
import { type Answer, answered, type Check, failure, isImmediate, thrown } from './check.js';
import type { ResolvedHealthOptions } from './health-options.js';
import { expireIn, type Slots } from './limits.js';
import type { CheckRecord } from './reports.js';

export interface CheckRunOptions {
  readonly group: string;
  readonly name: string;
  readonly timeout: number;
  readonly critical: boolean;
  readonly excludeWith: string | undefined;
}

export class CheckRun {
  readonly group: string;
  readonly name: string;
  readonly critical: boolean;
  readonly excludeWith: string | undefined;
  /** The last runs, oldest first. */
  readonly history: CheckRecord[] = [];
  /** How many runs passed, and how many failed. */
  readonly counts = { success: 0, error: 0 };
  readonly #check: Check;
  readonly #timeout: number;
  readonly #cacheMs: number;
  readonly #options: ResolvedHealthOptions;
  readonly #slots: Slots;
  readonly #settled: (record: CheckRecord) => void;
  #current: Promise<CheckRecord> | undefined;
  #last: CheckRecord | undefined;
  #freshUntil = -Infinity;
  #overdue: number | undefined;

  /** @param settled called after each run, once */
  constructor(
    check: Check,
    { group, name, timeout, critical, excludeWith }: CheckRunOptions,
    options: ResolvedHealthOptions,
    slots: Slots,
    settled: (record: CheckRecord) => void,
  ) {
    this.group = group;
    this.name = name;
    this.critical = critical;
    this.excludeWith = excludeWith;
    this.#check = check;
    this.#timeout = timeout;
    this.#cacheMs = isImmediate(check) ? 0 : options.cacheMs;
    this.#options = options;
    this.#slots = slots;
    this.#settled = settled;
  }

  /** The last run; undefined until it has run. */
  get last(): CheckRecord | undefined {
    return this.#last;
  }

  /** When the run began that goes on though its time is up, in ms of the clock; undefined for none. */
  get overdue(): number | undefined {
    return this.#overdue;
  }

  /** The result: of the present run, of the last one while it is fresh, or of a new one. */
  ask(): Promise<CheckRecord> {
    if (this.#current) return this.#current;
    const fresh = this.#overdue !== undefined || this.#options.host.now() < this.#freshUntil;
    if (this.#last && fresh) return Promise.resolve(this.#last);
    let resolve!: (record: CheckRecord) => void;
    const run = new Promise<CheckRecord>((settle) => {
      resolve = settle;
    });
    // Before it begins: a check may ask for itself, and may answer at once.
    this.#current = run;
    this.#run(resolve);
    return run;
  }

  #run(resolve: (record: CheckRecord) => void): void {
    const { host } = this.#options;
    const timeout = this.#timeout;
    const at = host.now();
    const abort = new AbortController();
    let state: 'waiting' | 'running' | 'settled' = 'waiting';

    const settle = (answer: Answer) => {
      const endedAt = host.now(); // before others run in its place
      if (state === 'running') this.#slots.give();
      state = 'settled';
      cancel();
      resolve(this.#record(answer, at, endedAt));
    };
    const giveUp = () =>
      settle(failure(`not run: the places for checks were taken for ${timeout}ms`));
    const end = (answer: Answer) => {
      this.#overdue = undefined;
      if (state === 'running') settle(answer);
    };
    const expire = () => {
      if (state === 'settled') return;
      if (state === 'waiting') {
        leave();
        giveUp();
        return;
      }
      this.#overdue = at;
      settle(failure(`timeout after ${timeout}ms`));
      abort.abort(new DOMException(`timeout after ${timeout}ms`, 'TimeoutError'));
    };
    const cancel = expireIn(host, timeout, expire, true);
    const leave = this.#slots.take(() => {
      // Its time went by while it waited.
      if (host.now() - at >= timeout) {
        giveUp();
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

  /** Keeps what a run came to. Both times are of the clock. */
  #record(answer: Answer, askedAt: number, endedAt: number): CheckRecord {
    const { group, name, history, counts } = this;
    const { host, wall, history: most } = this.#options;
    const at = wall() - (host.now() - askedAt);
    const record = { ...answer, at, duration: endedAt - askedAt, group, name };
    this.#current = undefined;
    this.#last = record;
    this.#freshUntil = endedAt + this.#cacheMs;
    counts[record.ok ? 'success' : 'error']++;
    if (most > 0) {
      if (history.length >= most) history.shift();
      history.push(record);
    }
    this.#settled(record);
    return record;
  }
}
