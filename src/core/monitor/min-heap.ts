/**
 * A binary heap: the few things of a queue that need an exact order. Items of equal keys come by
 * their ordinals, 32-bit numbers that may wrap.
 */
export class MinHeap<T> {
  readonly #keys: number[] = [];
  readonly #ordinals: number[] = [];
  readonly #items: T[] = [];

  get size(): number {
    return this.#keys.length;
  }

  /** Key of the first item; Infinity when there is none. */
  get key(): number {
    return this.#keys.length > 0 ? this.#keys[0] : Infinity;
  }

  /** The first item; the heap must not be empty. */
  get first(): T {
    return this.#items[0];
  }

  /** Ordinal of the first item; the heap must not be empty. */
  get ordinal(): number {
    return this.#ordinals[0];
  }

  push(key: number, ordinal: number, item: T): void {
    let i = this.#keys.length;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(key, ordinal, parent)) break;
      this.#set(i, this.#keys[parent], this.#ordinals[parent], this.#items[parent]);
      i = parent;
    }
    this.#set(i, key, ordinal, item);
  }

  /** Removes the first item; the heap must not be empty. */
  pop(): void {
    const keys = this.#keys;
    const ordinals = this.#ordinals;
    const items = this.#items;
    const key = keys.pop() as number;
    const ordinal = ordinals.pop() as number;
    const item = items.pop() as T;
    const size = keys.length;
    if (size === 0) return;
    let i = 0;
    for (let child = 1; child < size; child = 2 * i + 1) {
      if (child + 1 < size && this.#before(keys[child + 1], ordinals[child + 1], child)) child++;
      if (this.#before(key, ordinal, child)) break;
      this.#set(i, keys[child], ordinals[child], items[child]);
      i = child;
    }
    this.#set(i, key, ordinal, item);
  }

  #set(i: number, key: number, ordinal: number, item: T): void {
    this.#keys[i] = key;
    this.#ordinals[i] = ordinal;
    this.#items[i] = item;
  }

  #before(key: number, ordinal: number, other: number): boolean {
    const otherKey = this.#keys[other];
    return key < otherKey || (key === otherKey && ((ordinal - this.#ordinals[other]) | 0) < 0);
  }
}
