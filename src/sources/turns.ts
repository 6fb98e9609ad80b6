/** Turns of an absolute schedule: what a turn costs, or a late one, does not move the next. */
import { type Host, platform } from '../core/host.js';

const MAX_DELAY = 2_147_483_647;

/** Where turns take their time from. */
export type TurnHost = Pick<Host, 'now' | 'setTimeout' | 'clearTimeout'>;

const OWN: TurnHost = { ...platform, now: () => performance.now() };

export interface TurnOptions {
  /** Between turns, in ms. */
  interval: number;
  /** A random delay of each turn but the first, as a share of the interval. Default 0. */
  jitter?: number;
  /** Whether the turns to come keep the process alive. Default false. */
  keepAlive?: boolean;
  /** Default: the platform's. */
  host?: TurnHost;
}

/** From {@link Turns.start}, calls at once, and then at start + turn · interval, until closed. */
export class Turns {
  readonly #call: () => void;
  readonly #options: Required<TurnOptions>;
  #start = 0;
  #turn = 0;
  #timer: unknown;
  #closed = false;

  constructor(call: () => void, options: TurnOptions) {
    this.#call = call;
    this.#options = { jitter: 0, keepAlive: false, host: OWN, ...options };
  }

  /** Not in the constructor: the first call may want to close what the caller has to hold then. */
  start(): void {
    if (this.#closed) return;
    this.#start = this.#options.host.now();
    this.#take();
  }

  #take(): void {
    this.#call();
    if (this.#closed) return; // by the call
    const { interval, jitter, keepAlive, host } = this.#options;
    // Turns that were missed while the process was busy are skipped: a burst would say nothing.
    const passed = Math.floor((host.now() - this.#start) / interval);
    this.#turn = Math.max(this.#turn, passed) + 1;
    const due = this.#start + (this.#turn + jitter * Math.random()) * interval;
    const delay = Math.min(Math.max(due - host.now(), 0), MAX_DELAY);
    this.#timer = host.setTimeout(() => this.#take(), delay);
    if (keepAlive) (this.#timer as { ref?(): void }).ref?.();
  }

  /** No further turn. */
  close(): void {
    this.#closed = true;
    this.#options.host.clearTimeout(this.#timer);
  }
}
