/** Until when a lease holds, as the node itself can tell. */
import type { Host } from '../../core/host.js';

/**
 * A lease holds for its ttl from the instant at which the last beat that was heard had been sent:
 * the registry heard it later, so it never gives the lease up before.
 */
export class Validity {
  readonly #host: Host;
  #ttl = 0;
  #sentAt = -Infinity;
  /** Monotonic clocks may stand still while a machine sleeps; the lease does not. */
  #sentWall = -Infinity;

  constructor(host: Host) {
    this.#host = host;
  }

  /** A beat that was sent at `sentAt` has been heard. */
  renew(sentAt: number, ttl: number): void {
    this.#ttl = ttl;
    if (sentAt <= this.#sentAt) return; // answers overtake each other
    this.#sentAt = sentAt;
    this.#sentWall = this.#wallAt(sentAt);
  }

  /** It holds no more. */
  end(): void {
    this.#sentAt = this.#sentWall = -Infinity;
  }

  /** −Infinity for a lease that does not hold. */
  get until(): number {
    return this.#sentAt + this.#ttl;
  }

  holdsAt(at: number): boolean {
    // A wall clock that was set back shows too short a time, and then the other one decides.
    const elapsed = Math.max(at - this.#sentAt, this.#wallAt(at) - this.#sentWall);
    return elapsed < this.#ttl;
  }

  /** What the wall clock shows at `at`, as it goes now; 0 without one. */
  #wallAt(at: number): number {
    const { wall, now } = this.#host;
    return wall === undefined ? 0 : wall() + at - now();
  }
}
