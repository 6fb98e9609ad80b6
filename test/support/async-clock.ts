/** A clock with timers for code that waits for promises: they settle after each timer. */

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

/** Lets what promises have to do be done. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

export class AsyncClock {
  #now = 0;
  readonly #timers = new Set<Timer>();

  now = (): number => this.#now;

  setTimeout = (call: () => void, ms: number): object => {
    const timer = { at: this.#now + ms, call };
    this.#timers.add(timer);
    return timer;
  };

  clearTimeout = (timer: unknown): void => {
    this.#timers.delete(timer as Timer);
  };

  get timers(): number {
    return this.#timers.size;
  }

  /** The process does not run for so long. */
  block(ms: number): void {
    this.#now += ms;
  }

  /** All that falls due within so many ms happens, at its instant. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].sort((a, b) => a.at - b.at)[0];
      if (due === undefined || due.at > end) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.call();
      await settle();
    }
    this.#now = Math.max(this.#now, end);
  }
}
