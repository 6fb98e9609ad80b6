interface Due {
  readonly at: number;
  readonly call: () => void;
}

const NEVER: Due = { at: Infinity, call: () => {} };

/**
 * An event loop on a clock of its own, with the phases of libuv's: timers, then at most 32 pieces
 * of input, then immediates. Whatever runs may block it.
 */
export class Loop {
  #now = 0;
  #timers: Due[] = [];
  #input: Due[] = [];
  /** How much of the input was read. */
  #read = 0;
  #immediates: (() => void)[] = [];

  now = (): number => this.#now;

  setTimeout = (call: () => void, ms: number): object => {
    const timer = { at: this.#now + ms, call };
    this.#timers.push(timer);
    return timer;
  };

  clearTimeout = (timer: unknown): void => {
    this.#timers = this.#timers.filter((each) => each !== timer);
  };

  setImmediate = (call: () => void): void => {
    this.#immediates.push(call);
  };

  /** Input that arrives at `at`, and waits to be read from then on. */
  arrive(at: number, call: () => void): void {
    this.#input.push({ at, call });
  }

  /** The process does not run for so long. */
  block(ms: number): void {
    this.#now += ms;
  }

  get timers(): number {
    return this.#timers.length;
  }

  runUntil(end: number): void {
    this.#input = this.#input.slice(this.#read).sort((a, b) => a.at - b.at); // stable
    this.#read = 0;
    while (this.#now < end) {
      for (let timer = this.#first(); timer.at <= this.#now; timer = this.#first()) {
        this.clearTimeout(timer);
        timer.call();
      }
      for (let n = 0; n < 32 && this.#input[this.#read]?.at <= this.#now; n++) {
        this.#input[this.#read++].call();
      }
      const immediates = this.#immediates;
      this.#immediates = [];
      for (const call of immediates) call();
      if (this.#immediates.length > 0) continue;
      const next = Math.min(this.#first().at, this.#input[this.#read]?.at ?? Infinity);
      this.#now = Math.min(Math.max(next, this.#now), end);
    }
  }

  #first(): Due {
    return this.#timers.reduce((a, b) => (b.at < a.at ? b : a), NEVER);
  }
}
