/** The platform's time for a registry whose heartbeats are read by a thread. */
import { type Host, platform } from '../../core/host.js';

/** What is asked of the reader: `Datagrams` is that. */
export interface Reader {
  /** Takes in what was read, unless that would take long. */
  takeIn?(): void;
  /** Whether some that was read waits to be taken in. */
  readonly behind: boolean;
  /** Calls once what has arrived by now was taken in, or after half a second. */
  caughtUp(call: () => void): void;
}

interface Timer {
  timer: unknown;
  cleared: boolean;
}

/**
 * Nobody is suspected before what waits to be read was read. The detectors see to that by being late
 * and by `setImmediate`: here what waits is read by a thread, which may have been late as well, or
 * waits for its turn in this one.
 */
export class ReadingClock implements Host {
  readonly #platform: Required<Omit<Host, 'wall' | 'now'>>;
  reader: Reader | undefined;

  constructor(timers: Required<Omit<Host, 'wall' | 'now'>> = platform) {
    this.#platform = timers;
  }

  readonly now = (): number => performance.now();
  readonly wall = (): number => Date.now();

  readonly setTimeout = (call: () => void, ms: number): Timer => {
    const given: Timer = { timer: undefined, cleared: false };
    const fire = () => {
      if (!given.cleared) call();
    };
    given.timer = this.#platform.setTimeout(() => {
      this.reader?.takeIn?.();
      if (this.reader?.behind) this.reader.caughtUp(fire);
      else fire();
    }, ms);
    return given;
  };

  readonly clearTimeout = (given: unknown): void => {
    const timer = given as Timer | undefined;
    if (timer === undefined) return;
    timer.cleared = true;
    this.#platform.clearTimeout(timer.timer);
  };

  readonly setImmediate = (call: () => void): void => {
    const then = () => void this.#platform.setImmediate(call);
    if (this.reader) this.reader.caughtUp(then);
    else then();
  };
}
