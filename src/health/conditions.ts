/** What the program says of itself: alarms, holds of readyz, maintenance, and its end. */
import { checkType } from '../core/validate.js';
import { type Check, immediate } from './check.js';
import { type Groups, MAINTENANCE, READYZ, SHUTDOWN } from './groups.js';
import { checkName } from './paths.js';

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

/**
 * What the program says of its own readiness: a part of the start that is not finished, maintenance,
 * its end. Each is a check of readyz.
 */
export class Conditions {
  readonly #groups: Groups;
  readonly #holders = new Map<string, Set<object>>();
  readonly #work: string[] = [];
  #shuttingDown = false;

  constructor(groups: Groups) {
    this.#groups = groups;
  }

  get isShuttingDown(): boolean {
    return this.#shuttingDown;
  }

  /** The maintenance that goes on, by its names. */
  get work(): readonly string[] {
    return this.#work;
  }

  /**
   * A name is held until each of those that hold it has released it, and again later.
   *
   * @throws what `Groups.add` does, for a name that is none or that another check has
   */
  hold(name: string): () => void {
    const holders = this.#holders.get(name) ?? this.#begin(name);
    const holder = {};
    holders.add(holder);
    return () => {
      holders.delete(holder);
    };
  }

  /** Its check was removed, so that the name is free. */
  forget(name: string): void {
    this.#holders.delete(name);
  }

  maintenance(work: string): () => void {
    checkType('work', 'a string', work, typeof work === 'string');
    this.#work.push(work);
    if (this.#work.length === 1) {
      const why = () => `under maintenance: ${this.#work.join(', ')}`;
      this.#groups.addBuiltIn(READYZ, MAINTENANCE, immediate(why));
    }
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#work.splice(this.#work.indexOf(work), 1);
      if (this.#work.length === 0) this.#groups.remove(READYZ, MAINTENANCE);
    };
  }

  shutdown(): void {
    if (this.#shuttingDown) return;
    this.#shuttingDown = true;
    const why = () => 'process is shutting down';
    this.#groups.addBuiltIn(READYZ, SHUTDOWN, immediate(why));
  }

  #begin(name: string): Set<object> {
    const holders = new Set<object>();
    const check = immediate(() => (holders.size > 0 ? 'not finished' : true));
    this.#groups.add(READYZ, name, check);
    this.#holders.set(name, holders);
    return holders;
  }
}
