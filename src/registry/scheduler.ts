/** One timer for everything that a registry does at instants of its own. */
import { WakeTimer } from '../core/wake-timer.js';
import type { Membership, Rule } from './membership.js';

export class Scheduler {
  readonly #timer: WakeTimer;
  readonly #parts: readonly Rule[];
  #closed = false;

  constructor(membership: Membership, parts: readonly Rule[]) {
    this.#parts = parts;
    this.#timer = new WakeTimer(membership.options.host, () => {
      const now = membership.now();
      for (const part of parts) if (part.due <= now) part.run(now);
      membership.events.flush();
      this.arm();
    });
  }

  /** Something may be due earlier than it was. */
  arm(): void {
    if (this.#closed) return;
    let due = Infinity;
    for (const part of this.#parts) due = Math.min(due, part.due);
    this.#timer.arm(due);
  }

  close(): void {
    this.#closed = true;
    this.#timer.arm(Infinity);
  }
}
