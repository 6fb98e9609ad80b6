/** One timer for the earliest of all instants. It never keeps the process alive. */

/** The longest delay that timers take; a longer one would fire at once (2³¹ − 1 ms). */
const LONGEST_DELAY = 2_147_483_647;

export class WakeTimer {
  readonly #now: () => number;
  readonly #wake: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = Infinity;

  /** @param wake called at, or a little after, the armed instant; early after very long delays */
  constructor(now: () => number, wake: () => void) {
    this.#now = now;
    this.#wake = wake;
  }

  /** The instant that it is armed for; Infinity when it is not. */
  get at(): number {
    return this.#at;
  }

  /** Wakes at `at` instead of whenever it was armed for; Infinity disarms. */
  arm(at: number): void {
    if (at === this.#at) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#at = at;
    if (at === Infinity) return;
    const delay = Math.min(Math.max(Math.ceil(at - this.#now()), 1), LONGEST_DELAY);
    const timer: unknown = setTimeout(() => {
      this.#at = Infinity;
      this.#wake();
    }, delay);
    this.#timer = timer as ReturnType<typeof setTimeout>;
    (timer as { unref?: () => void }).unref?.(); // browsers' timers are numbers
  }
}
