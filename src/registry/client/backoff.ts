/** Waiting before another try. */
import type { Host } from '../../core/host.js';

const FIRST = 500;
const LONGEST = 30_000;

/**
 * Delays with full jitter: each is anywhere from 0 to a limit that doubles with every failure, so
 * that those who lost the registry at one instant do not return at one.
 */
export class Backoff {
  readonly #host: Host;
  readonly #random: () => number;
  #limit = FIRST;

  constructor(host: Host, random: () => number = Math.random) {
    this.#host = host;
    this.#random = random;
  }

  /** It worked: the next failure is the first. */
  reset(): void {
    this.#limit = FIRST;
  }

  /** Resolves after the next delay, of at most `most` ms, or at once when `signal` is aborted. */
  async wait(signal?: AbortSignal, most = LONGEST): Promise<void> {
    const ms = this.#random() * Math.min(this.#limit, most);
    this.#limit = Math.min(2 * this.#limit, LONGEST);
    if (signal?.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#host.clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.#host.setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}
