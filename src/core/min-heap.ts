/** A binary heap of slots by key: the few entries of a queue that need an exact order. */
export class MinHeap {
  readonly #compare: (a: number, b: number) => number;
  readonly #keys: number[] = [];
  readonly #slots: number[] = [];

  /** @param compare orders slots of equal keys */
  constructor(compare: (a: number, b: number) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#slots.length;
  }

  /** Key of the first entry; the heap must not be empty. */
  get key(): number {
    return this.#keys[0];
  }

  /** Slot of the first entry; the heap must not be empty. */
  get slot(): number {
    return this.#slots[0];
  }

  push(key: number, slot: number): void {
    let i = this.#slots.length;
    this.#keys.push(key);
    this.#slots.push(slot);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(key, slot, parent)) break;
      this.#keys[i] = this.#keys[parent];
      this.#slots[i] = this.#slots[parent];
      i = parent;
    }
    this.#keys[i] = key;
    this.#slots[i] = slot;
  }

  /** Removes the first entry and returns its slot; the heap must not be empty. */
  pop(): number {
    const first = this.#slots[0];
    const key = this.#keys.pop() as number;
    const slot = this.#slots.pop() as number;
    const size = this.#slots.length;
    if (size === 0) return first;
    let i = 0;
    for (let child = 1; child < size; child = 2 * i + 1) {
      if (child + 1 < size && this.#before(this.#keys[child + 1], this.#slots[child + 1], child)) {
        child++;
      }
      if (this.#before(key, slot, child)) break;
      this.#keys[i] = this.#keys[child];
      this.#slots[i] = this.#slots[child];
      i = child;
    }
    this.#keys[i] = key;
    this.#slots[i] = slot;
    return first;
  }

  #before(key: number, slot: number, other: number): boolean {
    const otherKey = this.#keys[other];
    return key < otherKey || (key === otherKey && this.#compare(slot, this.#slots[other]) < 0);
  }
}
