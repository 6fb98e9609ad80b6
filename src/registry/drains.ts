/**
 * The ids that an operator has drained. That belongs to the id, not to the incarnation that has it at
 * present: a process that comes back under it gets no traffic before the operator says so.
 */
export type DrainedBy = 'node' | 'operator';

export class Drains {
  readonly #most: number;
  readonly #ids = new Set<string>();

  /** @param most that are remembered; the oldest is forgotten first */
  constructor(most: number) {
    this.#most = most;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Whether that is news. */
  set(id: string, drained: boolean): boolean {
    if (!drained) return this.#ids.delete(id);
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > this.#most) this.#ids.delete(oldest);
    return true;
  }
}
