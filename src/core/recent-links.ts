/**
 * The links by which peers were heard before the present one, and when: of those slabs in which any
 * peer is heard by more than one. A peer with redundant links is silent when all of them are up
 * or one of them is, not when the last one is down.
 */

/** Links beside the present one. */
const OTHERS = 3;
const FREE = -1;

export class RecentLinks {
  #numbers: Int32Array;
  #heardAt: Float64Array;

  constructor(records: number) {
    this.#numbers = new Int32Array(records * OTHERS).fill(FREE);
    this.#heardAt = new Float64Array(records * OTHERS);
  }

  /** Makes room for more records. */
  grow(records: number): void {
    const [numbers, heardAt] = [this.#numbers, this.#heardAt];
    this.#numbers = new Int32Array(records * OTHERS).fill(FREE);
    this.#heardAt = new Float64Array(records * OTHERS);
    this.#numbers.set(numbers);
    this.#heardAt.set(heardAt);
  }

  /**
   * The peer was heard by `before` last, at `heardAt`, and is heard by `number` now.
   *
   * @returns a number that it is heard by no more, or once too often; 0 for none
   */
  moved(entry: number, before: number, heardAt: number, number: number): number {
    const base = entry * OTHERS;
    let place = base;
    for (let i = base; i < base + OTHERS; i++) {
      if (this.#numbers[i] === number) {
        place = i;
        break;
      }
      if (this.#ageOf(i) < this.#ageOf(place)) place = i;
    }
    const dropped = this.#numbers[place];
    this.#numbers[place] = before;
    this.#heardAt[place] = heardAt;
    return dropped === FREE ? 0 : dropped;
  }

  /** When the place was heard last; before everything for a free one. */
  #ageOf(place: number): number {
    return this.#numbers[place] === FREE ? -Infinity : this.#heardAt[place];
  }

  /** The numbers of those by which the peer was heard since `from`. */
  since(entry: number, from: number): number[] {
    const found: number[] = [];
    for (let i = entry * OTHERS; i < (entry + 1) * OTHERS; i++) {
      if (this.#numbers[i] !== FREE && this.#heardAt[i] >= from) found.push(this.#numbers[i]);
    }
    return found;
  }

  /** Forgets the peer; returns the numbers that it was heard by. */
  clear(entry: number): number[] {
    const found = this.since(entry, -Infinity);
    this.#numbers.fill(FREE, entry * OTHERS, (entry + 1) * OTHERS);
    return found;
  }
}
