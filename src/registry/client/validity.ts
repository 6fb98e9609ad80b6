/** Until when a lease holds, as the node itself can tell. */
import type { Host } from '../../core/host.js';

const LONGEST_WAIT = 2 ** 31 - 1;

/**
 * A lease holds for its ttl from the instant at which the last beat that was accepted had been sent:
 * the registry heard it later, so it never gives the lease up before.
 */
export class Validity {
  readonly #host: Host;
  readonly #onExpired: () => void;
  #ttl = 0;
  #sentAt = -Infinity;
  /** Monotonic clocks may stand still while a machine sleeps; the lease does not. */
  #sentWall = -Infinity;
  #timer: unknown;
  /** Whether there is nothing that could run out and has not been told. */
  #over = true;

  /** @param onExpired called once when it has run out without a renewal */
  constructor(host: Host, onExpired: () => void) {
    this.#host = host;
    this.#onExpired = onExpired;
  }

  /** A beat that was sent at `sentAt` has been accepted. */
  renew(sentAt: number, ttl: number): void {
    this.#ttl = ttl;
    if (sentAt > this.#sentAt) {
      // Else answers have overtaken each other.
      this.#sentAt = sentAt;
      this.#sentWall = this.#wallAt(sentAt);
    }
    this.#over = false;
    if (this.#timer === undefined) this.#await();
  }

  /** It holds no more, as its holder knows. */
  end(): void {
    this.#sentAt = this.#sentWall = -Infinity;
    this.#over = true;
    this.#host.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Tells if it has run out: timers may stand still for longer than it does. */
  check(): void {
    if (this.#over || this.holdsAt(this.#host.now())) return;
    this.#over = true;
    this.#onExpired();
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

  #await(): void {
    const wait = Math.min(Math.max(this.until - this.#host.now(), 0), LONGEST_WAIT);
    this.#timer = this.#host.setTimeout(() => {
      this.#timer = undefined;
      this.check();
      if (!this.#over) this.#await();
    }, wait);
  }

  /** What the wall clock shows at `at`, as it goes now; 0 without one. */
  #wallAt(at: number): number {
    const { wall, now } = this.#host;
    return wall === undefined ? 0 : wall() + at - now();
  }
}
