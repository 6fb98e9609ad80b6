/** What has to be finished before readyz passes. */
import { type Check, immediate } from './check.js';

/** Holds by name: a name is held until each of those that hold it has let it go, and again later. */
export class Holds {
  readonly #add: (name: string, check: Check) => void;
  readonly #holders = new Map<string, Set<object>>();

  /** @param add adds a check to readyz */
  constructor(add: (name: string, check: Check) => void) {
    this.#add = add;
  }

  /** @throws what `add` does, for a name that is none or that another check has */
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

  #begin(name: string): Set<object> {
    const holders = new Set<object>();
    this.#add(
      name,
      immediate(() => (holders.size > 0 ? 'not finished' : true)),
    );
    this.#holders.set(name, holders);
    return holders;
  }
}
