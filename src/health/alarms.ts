/** Alarms: named booleans that stay until somebody takes them back. */
import { type Check, immediate } from './check.js';
import { checkName } from './names.js';

/** The alarms that are on, such as `NOSPACE` and `CORRUPT`. */
export class Alarms {
  readonly #active = new Set<string>();

  /** Turns an alarm on; one that is on stays where it is in the order. */
  raise(name: string): void {
    this.#active.add(checkName('name', name));
  }

  /** Turns an alarm off; whether it was on. */
  clear(name: string): boolean {
    return this.#active.delete(name);
  }

  /** The alarms that are on, in the order in which they were raised. */
  get active(): readonly string[] {
    return [...this.#active];
  }

  /** A check that fails while any of these alarms is on; without names, while any is. */
  check(...names: string[]): Check {
    for (const name of names) checkName('name', name);
    return immediate(() => {
      const on = this.active.filter((name) => names.length === 0 || names.includes(name));
      return on.length > 0 ? `alarm activated: ${on.join(', ')}` : true;
    });
  }
}
