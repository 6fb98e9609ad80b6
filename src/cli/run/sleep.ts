/** Waiting that can be cut short. */
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
