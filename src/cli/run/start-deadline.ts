/** What hangs before it has ever served: nobody has heard it, so nobody can suspect its silence. */
import type { Host } from '../../core/host.js';
import { sleep } from './sleep.js';

export class StartDeadline {
  readonly #ms: number;
  readonly #host: Pick<Host, 'setTimeout' | 'clearTimeout'>;
  #waiting = new AbortController();

  /** @param ms from each start to the first proof that it serves; 0 waits for ever */
  constructor(ms: number, host: Pick<Host, 'setTimeout' | 'clearTimeout'>) {
    this.#ms = ms;
    this.#host = host;
  }

  /** It was started now. `missed` is told if it is late, and by a signal if it comes after all. */
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
