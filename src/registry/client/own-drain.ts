/** The holder's own wish to get no traffic, which outlasts the generation that it was said of. */
import type { Host } from '../../core/host.js';
import { Backoff } from './backoff.js';

export class OwnDrain {
  readonly #host: Host;
  readonly #random: () => number;
  readonly #fail: (error: unknown) => void;
  #wanted = false;
  #unsaid: AbortController | undefined;

  /** @param fail told of each try that failed and is followed by another */
  constructor(host: Host, random: () => number, fail: (error: unknown) => void) {
    this.#host = host;
    this.#random = random;
    this.#fail = fail;
  }

  want(wanted: boolean): void {
    this.#wanted = wanted;
    if (!wanted) this.#stop();
  }

  /** Whether the registry does not know of it yet: then heartbeats have to keep the traffic away. */
  get isUnsaid(): boolean {
    return this.#unsaid !== undefined;
  }

  /**
   * A new generation has been granted: says it for that, by `say`, until the registry has heard, or
   * the next generation has, or it is taken back, or `ended`.
   */
  async sayAgain(
    say: (signal: AbortSignal) => Promise<unknown>,
    ended: AbortSignal,
  ): Promise<void> {
    this.#stop();
    if (!this.#wanted) return;
    const aborter = new AbortController();
    const { signal } = aborter;
    this.#unsaid = aborter;
    const abort = () => aborter.abort();
    ended.addEventListener('abort', abort, { once: true });
    const backoff = new Backoff(this.#host, this.#random);
    while (!signal.aborted) {
      try {
        await say(signal);
        break;
      } catch (error) {
        if (signal.aborted) break;
        this.#fail(error);
        await backoff.wait(signal);
      }
    }
    ended.removeEventListener('abort', abort);
    if (this.#unsaid === aborter) this.#unsaid = undefined;
  }

  #stop(): void {
    this.#unsaid?.abort();
    this.#unsaid = undefined;
  }
}
