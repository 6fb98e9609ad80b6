/** How many checks run at once: a cap, and who waits for a place. */

export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();
  #giving = false;

  constructor(count: number) {
    this.#free = count;
  }

  /** Calls `run` as soon as there is a place; the function that is returned gives the wait up. */
  take(run: () => void): () => void {
    if (this.#free > 0) {
      this.#free--;
      run();
      return () => {};
    }
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  /** A place is free again; once for each `run` that was called. */
  give(): void {
    this.#free++;
    // Who runs may give its place back before it returns: one after the other, and no deeper.
    if (this.#giving) return;
    this.#giving = true;
    for (const next of this.#waiting) {
      if (this.#free === 0) break;
      this.#waiting.delete(next);
      this.#free--;
      next();
    }
    this.#giving = false;
  }
}
