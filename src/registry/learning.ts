/**
 * A registry that knows that it does not know everybody yet: it started without what it knew before,
 * and those who are there have to register again. Meanwhile its lists are not complete, which its
 * routes say (`mode: 'learning'`), so that whoever has an older list keeps that.
 *
 * It ends when registrations have calmed down: none for two of the longest heartbeat intervals that
 * are known, at least 5 s; and after the time that was allowed, whatever comes.
 */
import type { Membership } from './membership.js';
import type { Rule } from './scheduler.js';

const INTERVALS = 2;
const LEAST_CALM = 5000;

export class Learning implements Rule {
  readonly #membership: Membership;
  #calm: number;
  #end = -Infinity;
  due = Infinity;

  /** @param most how long it learns from the start, in ms; 0 is not at all */
  constructor(membership: Membership, most: number) {
    this.#membership = membership;
    this.#calm = Math.max(INTERVALS * membership.options.heartbeatInterval, LEAST_CALM);
    if (most > 0) this.begin(most);
  }

  get active(): boolean {
    return this.due !== Infinity;
  }

  /** It learns from now on, for `most` ms at most; does nothing if it does already. */
  begin(most: number): void {
    if (this.active) return;
    const now = this.#membership.now();
    this.#end = now + most;
    this.due = Math.min(now + this.#calm, this.#end);
    this.#tell(true, now);
  }

  /** Somebody registers who was not known. */
  registered(heartbeatInterval: number): void {
    this.#calm = Math.max(this.#calm, INTERVALS * heartbeatInterval);
    if (this.active) this.due = Math.min(this.#membership.now() + this.#calm, this.#end);
  }

  /** What was known before is known again. */
  end(): void {
    if (!this.active) return;
    this.due = Infinity;
    this.#tell(false, this.#membership.now());
  }

  run(): void {
    this.end();
  }

  #tell(active: boolean, at: number): void {
    const instances = this.#membership.members.size;
    this.#membership.events.post('protection', { rule: 'learning', active, at, instances });
  }
}
