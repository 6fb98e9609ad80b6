/** One timer for the earliest of all instants. It never keeps the process alive. */
import type { Host } from '../host.js';

/** The longest delay that timers take; a longer one would fire at once (2³¹ − 1 ms). */
const LONGEST_DELAY = 2_147_483_647;

export class WakeTimer {
  readonly #host: Host;
  readonly #wake: (notBefore: number) => void;
  #timer: unknown;
  #at = Infinity;

  /**
   * @param wake called at, or a little after, the armed instant; early after very long delays. Told
   *   the instant before which it cannot be
   */
  constructor(host: Host, wake: (notBefore: number) => void) {
    this.#host = host;
    this.#wake = wake;
  }

  /** The instant that it is armed for; Infinity when it is not. */
  get at(): number {
    return this.#at;
  }

  /** Wakes at `at` instead of whenever it was armed for; Infinity disarms. */
  arm(at: number): void {
    if (at === this.#at) return;
    if (this.#at !== Infinity) this.#host.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#at = at;
    if (at === Infinity) return;
    const now = this.#host.now();
    const delay = Math.min(Math.max(Math.ceil(at - now), 1), LONGEST_DELAY);
    this.#timer = this.#host.setTimeout(() => {
      this.#at = Infinity;
      this.#wake(now + delay);
    }, delay);
  }

  /** The clock was set: how long it is until then is to be worked out anew. */
  rearm(): void {
    const at = this.#at;
    this.arm(Infinity);
    this.arm(at);
  }
}
