/** Waiting that can be cut short: a sleep, and the deadline of a start. */
import type { Host } from '../../core/host.js';

/** Resolves after `ms`, or as soon as `signal` is aborted. */
export function sleep(
  ms: number,
  signal: AbortSignal,
  host: Pick<Host, 'setTimeout' | 'clearTimeout'>,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      host.clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = host.setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

/** Ends the wait for a command that hangs before it has ever served, whose silence nobody suspects. */
export class StartDeadline {
  readonly #ms: number;
  readonly #host: Pick<Host, 'setTimeout' | 'clearTimeout'>;
  #waiting = new AbortController();

  /** @param ms from each start to the first proof that it serves; 0 waits for ever */
  constructor(ms: number, host: Pick<Host, 'setTimeout' | 'clearTimeout'>) {
    this.#ms = ms;
    this.#host = host;
  }

  /** It was started now. Calls `missed` if it is late, with a signal that is aborted if it comes after all. */
  begin(missed: (met: AbortSignal) => void): void {
    this.end();
    if (this.#ms === 0) return;
    const { signal } = this.#waiting;
    void sleep(this.#ms, signal, this.#host).then(() => {
      if (!signal.aborted) missed(signal);
    });
  }

  /** It has shown that it serves, or has ended. */
  end(): void {
    this.#waiting.abort();
    this.#waiting = new AbortController();
  }
}
