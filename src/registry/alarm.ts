/** One timer for everything that a registry does at instants of its own. */
import { WakeTimer } from '../core/wake-timer.js';
import type { Part, Roster } from './roster.js';

export class Alarm {
  readonly #timer: WakeTimer;
  readonly #parts: readonly Part[];
  #closed = false;

  constructor(roster: Roster, parts: readonly Part[]) {
    this.#parts = parts;
    this.#timer = new WakeTimer(roster.options.host, () => {
      const now = roster.now();
      for (const part of parts) if (part.due <= now) part.run(now);
      roster.events.flush();
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
