/** When a command is started again, and when no more. */

/**
 * Why it was started again: it ended by itself; it was stopped, as by SIGSTOP; its process was not
 * heard; its main loop was blocked; its probe was not answered, or not well; it did not serve in time
 * after its start.
 */
export type Cause = 'exit' | 'frozen' | 'silent' | 'blocked' | 'probe-failing' | 'start-timeout';

/** At most so many restarts, in all or within so many ms. */
export interface RestartLimit {
  readonly most: number;
  readonly within: number;
}

export interface RestartPolicyOptions {
  /** Before the first restart, in ms; doubles with each one. */
  readonly delay: number;
  /** The longest of these; after a run of this length the next delay is the first again. */
  readonly longest: number;
  readonly limit: RestartLimit | undefined;
  /** From 0 to 1, below 1. */
  readonly random: () => number;
}

export class RestartPolicy {
  readonly #options: RestartPolicyOptions;
  readonly #counts = new Map<Cause, number>();
  /** When the last ones took place, as many as the limit has to know of. */
  readonly #times: number[] = [];
  /** In a row, without a long run between them. */
  #attempts = 0;
  #startedAt = 0;

  constructor(options: RestartPolicyOptions) {
    this.#options = options;
  }

  /** It was started, for the first time or again. */
  started(now: number): void {
    this.#startedAt = now;
  }

  /** Whether the limit leaves another restart. */
  allows(now: number): boolean {
    const { limit } = this.#options;
    if (limit === undefined) return true;
    return this.#times.filter((at) => now - at < limit.within).length < limit.most;
  }

  /** How long to wait before a restart for `cause`, in ms. */
  wait(cause: Cause, now: number): number {
    const { delay, longest, random } = this.#options;
    if (now - this.#startedAt > longest) this.#attempts = 0;
    const base = Math.min(delay * 2 ** Math.min(this.#attempts, 50), longest);
    // So that many machines that lost the same thing do not all start at the same instants. One that
    // ended by itself for the first time has nothing in common with others, so far.
    return cause === 'exit' && this.#attempts === 0 ? base : base + random() * delay;
  }

  /** It is restarted now. */
  restarted(cause: Cause, now: number): void {
    this.#attempts++;
    this.#counts.set(cause, (this.#counts.get(cause) ?? 0) + 1);
    this.#times.push(now);
    const most = this.#options.limit?.most ?? 0;
    if (this.#times.length > most) this.#times.shift();
  }

  /** How many restarts there were. */
  get count(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** As 'exit 2, blocked 1'. */
  get causes(): string {
    return Array.from(this.#counts, ([cause, count]) => `${cause} ${count}`).join(', ');
  }
}
