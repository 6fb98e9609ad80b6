/** How much of a lease is left: silence of the instance, without what was our own. */
import type { Stall } from '../core/events.js';
import type { Member } from './member.js';

export class Leases {
  /** For how long this process could not run, in all; and up to when that is known. */
  #paused = 0;
  #seen = -Infinity;

  /**
   * Takes a stall in, which both detectors may report.
   *
   * @returns whether it is a new one
   */
  stalled({ at, duration }: Stall): boolean {
    const from = Math.max(at - duration, this.#seen);
    this.#seen = Math.max(at, this.#seen);
    this.#paused += Math.max(at - from, 0);
    return at - from > 0.5 * duration;
  }

  get paused(): number {
    return this.#paused;
  }

  /** When a lease runs out if nothing is paused: never later than it does, and cheap. */
  earliestEnd(member: Member): number {
    const last = member.signals[member.leaseSignal].peer?.lastHeartbeat ?? -Infinity;
    return Math.max(last, member.armedAt) + member.about.ttl;
  }

  /** What is left of a lease, in ms; not above 0 once it has run out. */
  left(member: Member, now: number): number {
    const { ttl } = member.about;
    const { peer } = member.signals[member.leaseSignal];
    const armed = now - member.armedAt - (this.#paused - member.armedPaused);
    const silence = peer?.explain(now)?.silence ?? Infinity;
    return ttl - Math.max(Math.min(silence, armed), 0);
  }

  /** The lease runs anew from `at` on. */
  arm(member: Member, at: number): void {
    member.armedAt = at;
    member.armedPaused = this.#paused;
  }
}
