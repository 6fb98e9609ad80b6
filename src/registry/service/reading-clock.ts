/** The platform's time for a registry whose heartbeats are read by a thread. */
import { type Host, platform } from '../../core/host.js';

/**
 * A verdict waits for what waits to be read, and the detectors ask for that by `setImmediate`. What
 * waits is read by a thread here, which may have been late as well: it is asked first.
 */
export class ReadingClock implements Host {
  /** Calls once what has arrived by now was taken in. */
  caughtUp: (call: () => void) => void = (call) => call();

  readonly now = (): number => performance.now();
  readonly wall = (): number => Date.now();
  readonly setTimeout = platform.setTimeout;
  readonly clearTimeout = platform.clearTimeout;
  readonly setImmediate = (call: () => void): void => {
    this.caughtUp(() => platform.setImmediate(call));
  };
}
