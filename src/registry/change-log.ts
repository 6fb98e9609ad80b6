/** The last changes, by revision: what watchers and reconnecting clients read on from. */
import type { Change } from './views.js';

export class ChangeLog {
  readonly #ring: Change[] = [];
  readonly #length: number;
  /** The revision of the last change. */
  revision = 0;

  /** @param length changes that are kept */
  constructor(length: number) {
    this.#length = length;
  }

  push(change: Change): void {
    this.revision = change.revision;
    this.#ring[change.revision % this.#length] = change;
  }

  /** Whether every change after `revision` is still there. */
  reaches(revision: number): boolean {
    return revision <= this.revision && this.revision - revision <= this.#length;
  }

  /** The change with that revision, which has to be within {@link reaches}. */
  at(revision: number): Change {
    return this.#ring[revision % this.#length];
  }
}
