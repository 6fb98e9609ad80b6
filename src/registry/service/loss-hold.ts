/**
 * For how long losses of our own hold suspicions back. While datagrams are lost unread, this observer
 * is too slow for what it hears, and silence says nothing. But some may be dead, and somebody else
 * may cause the losses: so there is a budget of such time, which deaths cannot outlast.
 */
import type { Host } from '../../core/host.js';

/** Suspicions are held for so long after the last loss, in ms; the link's own grace follows. */
const AFTER_LOSS = 500;
/** The most that is held in a row, in ms. */
const BUDGET = 30_000;
/** Of the time in which nothing is held, so much comes back: over long times a tenth is held. */
const REFILL = 0.1;

export interface LossHoldOptions {
  /** ms of the registry's clock. */
  readonly now: () => number;
  readonly host: Pick<Host, 'setTimeout' | 'clearTimeout'>;
  /** In ms: how long silence does not count after each hold. It is taken from the budget as well. */
  readonly grace: number;
  /** Told when holding begins and when it ends. */
  readonly turn: () => void;
}

export class LossHold {
  readonly #options: LossHoldOptions;
  #left = BUDGET;
  /** When `left` was worked out. */
  #at: number;
  #timer: unknown;
  #held = false;

  constructor(options: LossHoldOptions) {
    this.#options = options;
    this.#at = options.now();
  }

  /** Whether suspicions are held now. */
  get held(): boolean {
    return this.#held;
  }

  /** Something was lost just now. */
  lost(): void {
    const { now, host, grace, turn } = this.#options;
    const at = now();
    if (!this.#held) {
      this.#left = Math.min(this.#left + (at - this.#at) * REFILL, BUDGET);
      this.#at = at;
      if (this.#left < Math.min(AFTER_LOSS + grace, BUDGET)) return;
      this.#held = true;
      turn();
    }
    host.clearTimeout(this.#timer);
    const most = Math.max(this.#at + this.#left - grace - at, 0);
    this.#timer = host.setTimeout(() => this.#release(), Math.min(most, AFTER_LOSS));
  }

  #release(): void {
    const at = this.#options.now();
    this.#left -= at - this.#at + this.#options.grace;
    this.#at = at;
    this.#held = false;
    this.#options.turn();
  }

  /** Holds nothing any more. */
  close(): void {
    this.#options.host.clearTimeout(this.#timer);
  }
}
