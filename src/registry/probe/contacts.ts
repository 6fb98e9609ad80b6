/** Whether anybody can be reached at present: the observer's own proof that its path works. */

interface Contact {
  readonly id: string;
  readonly at: number;
}

/** The last target that was reached, and the last one before it that was another. */
export class Contacts {
  readonly #window: number;
  #last: Contact | undefined;
  #other: Contact | undefined;

  /** @param window so long, in ms, a contact says something to `hasOther` */
  constructor(window: number) {
    this.#window = window;
  }

  add(id: string, at: number): void {
    if (this.#last?.id !== id) this.#other = this.#last;
    this.#last = { id, at };
  }

  /** Whether a target that is not `id` was reached of late. */
  hasOther(id: string, now: number): boolean {
    return now - this.otherAt(id) <= this.#window;
  }

  /** When a target that is not `id` was reached last; −Infinity for never. */
  otherAt(id: string): number {
    return (this.#last?.id === id ? this.#other : this.#last)?.at ?? -Infinity;
  }
}
