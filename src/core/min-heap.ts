/** A binary heap: the few things of a queue that need an exact order. */
export class MinHeap<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #keys: number[] = [];
  readonly #items: T[] = [];

  /** @param compare orders items of equal keys */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

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

  push(key: number, item: T): void {
    const keys = this.#keys;
    const items = this.#items;
    let i = keys.length;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(key, item, parent)) break;
      keys[i] = keys[parent];
      items[i] = items[parent];
      i = parent;
    }
    keys[i] = key;
    items[i] = item;
  }

  /** Removes the first item; the heap must not be empty. */
  pop(): void {
    const keys = this.#keys;
    const items = this.#items;
    const key = keys.pop() as number;
    const item = items.pop() as T;
    const size = keys.length;
    if (size === 0) return;
    let i = 0;
    for (let child = 1; child < size; child = 2 * i + 1) {
      if (child + 1 < size && this.#before(keys[child + 1], items[child + 1], child)) child++;
      if (this.#before(key, item, child)) break;
      keys[i] = keys[child];
      items[i] = items[child];
      i = child;
    }
    keys[i] = key;
    items[i] = item;
  }

  #before(key: number, item: T, other: number): boolean {
    const otherKey = this.#keys[other];
    return key < otherKey || (key === otherKey && this.#compare(item, this.#items[other]) < 0);
  }
}
