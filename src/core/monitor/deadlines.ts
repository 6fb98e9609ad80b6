/**
 * Who crosses next. Entries may be stale: heartbeats nearly always move a deadline later, so they
 * do nothing here; when an entry comes up whose slot is not due, it is put where the slot stands
 * now. That is about one move per detection time and peer, however often it beats.
 *
 * Entries ahead lie in buckets, unordered; a bucket spans a thirty-second of the way to it or
 * less, so what comes up early with a bucket is a small share of all, and there are few buckets.
 * A bucket is emptied when its span begins: what is still due then goes into narrower ones, and
 * in the end into a heap, which alone orders to the last bit. A few entries, the rule in small
 * systems, stand in the heap at once. O(1) per move: a heap of buckets has some hundred entries,
 * the heap of slots those of 4 ms.
 *
 * An entry is a slot number, and is never taken out. A slot that has to stand earlier gets another
 * entry; the one left behind is skipped when it comes up, for its slot's key is elsewhere.
 */
import type { Slot } from '../peers/records.js';
import { MinHeap } from './min-heap.js';

/** What the queue asks and tells about a slot. */
export interface Deadlines {
  /** When the slot is due, as known now; Infinity for never. Not before its key. */
  dueAt(slot: Slot): number;
  /** The key of the slot's entry; Infinity when it has none. */
  queuedAt(slot: Slot): number;
  setQueuedAt(slot: Slot, key: number): void;
  /** Orders slots that are due at the same instant; another one when a slot has a new tenant. */
  ordinalOf(slot: Slot): number;
}

/** Result of {@link DeadlineQueue.step}: nothing is due. */
export const IDLE = -1;
/** Result of {@link DeadlineQueue.step}: an entry was moved; call again. */
export const BUSY = -2;

const MS_PER_TICK = 4;
/** So many entries stand in the heap, however far ahead. */
const FEW = 64;
/** Beyond this many ticks a bucket's number is no longer exact; the heap takes what lies there. */
const FARTHEST = 2 ** 46;

interface Bucket {
  /** First tick, the first after it, and how many there are: a power of 2. */
  readonly start: number;
  readonly end: number;
  readonly width: number;
  readonly slots: Slot[];
}

const bucketNumber = (start: number, width: number): number => start * 32 + Math.clz32(width);

const NOTHING: Bucket = { start: 0, end: 0, width: 0, slots: [] };

export class DeadlineQueue {
  readonly #deadlines: Deadlines;
  readonly #heap = new MinHeap<Slot>();
  /** By the instant at which they begin. */
  readonly #buckets = new MinHeap<Bucket>();
  readonly #bucketOf = new Map<number, Bucket>();
  /** The bucket of the last entry, which is often that of the next one too. */
  #recent = NOTHING;
  /** All buckets begin after this tick, but for those that are being emptied. */
  #tick = Number.NaN;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /** Puts the slot at `due`. The caller has seen that `due < queuedAt(slot)`. */
  insert(slot: Slot, due: number): void {
    this.#deadlines.setQueuedAt(slot, due);
    const tick = Math.floor(due / MS_PER_TICK);
    if (Number.isNaN(this.#tick)) this.#tick = tick - 1;
    const ahead = tick - this.#tick;
    if (this.#heap.size < FEW || !(ahead > 0 && ahead < 2 ** 31 && Math.abs(tick) < FARTHEST)) {
      this.#heap.push(due, this.#deadlines.ordinalOf(slot), slot);
      return;
    }
    const width = 1 << Math.max(26 - Math.clz32(ahead), 0);
    const recent = this.#recent;
    const fits = tick >= recent.start && tick < recent.end && recent.width === width;
    (fits ? recent : this.#bucketFor(tick, width)).slots.push(slot);
  }

  #bucketFor(tick: number, width: number): Bucket {
    const start = Math.floor(tick / width) * width;
    const number = bucketNumber(start, width);
    let bucket = this.#bucketOf.get(number);
    if (bucket === undefined) {
      bucket = { start, end: start + width, width, slots: [] };
      this.#bucketOf.set(number, bucket);
      this.#buckets.push(start * MS_PER_TICK, 0, bucket);
    }
    this.#recent = bucket;
    return bucket;
  }

  /**
   * One step towards `at`: the next slot in order that is due by then, which has left the queue;
   * or {@link BUSY} after a bounded piece of work; or {@link IDLE}.
   */
  step(at: number): Slot | typeof IDLE | typeof BUSY {
    const { key } = this.#heap;
    const begin = this.#buckets.key;
    if (begin <= key && begin <= at) return this.#empty(this.#buckets.first);
    if (key <= at) return this.#pop(at);
    const tick = Math.floor(at / MS_PER_TICK);
    if (!(tick <= this.#tick)) this.#tick = tick;
    return IDLE;
  }

  /**
   * When to step again after {@link IDLE}: the earliest instant at which a slot is due, or, where
   * many are queued, perhaps one before it; Infinity for never.
   */
  earliest(): number {
    for (;;) {
      const { key } = this.#heap;
      const begin = this.#buckets.key;
      if (begin <= key || this.#pop(-Infinity) === IDLE) return Math.min(key, begin);
    }
  }

  /** Moves one entry of a bucket whose span has begun to where its slot stands now. */
  #empty(bucket: Bucket): typeof BUSY {
    this.#tick = bucket.start;
    const slot = bucket.slots.pop();
    if (slot === undefined) {
      this.#buckets.pop();
      this.#bucketOf.delete(bucketNumber(bucket.start, bucket.width));
      this.#recent = NOTHING;
      return BUSY;
    }
    const tick = Math.floor(this.#deadlines.queuedAt(slot) / MS_PER_TICK);
    if (tick >= bucket.start && tick < bucket.end) this.#requeue(slot);
    return BUSY;
  }

  /**
   * The first of the heap: its slot if that is due by `at`, IDLE if it is due later at just its
   * key, BUSY if the entry was stale and has been moved.
   */
  #pop(at: number): Slot | typeof IDLE | typeof BUSY {
    const { key, ordinal, first: slot } = this.#heap;
    const valid = this.#deadlines.queuedAt(slot) === key;
    const same = valid && this.#deadlines.ordinalOf(slot) === ordinal;
    const exact = same && this.#deadlines.dueAt(slot) === key;
    if (exact && !(key <= at)) return IDLE;
    this.#heap.pop();
    if (exact) {
      this.#deadlines.setQueuedAt(slot, Infinity);
      return slot;
    }
    // Due later than the entry says, though perhaps by `at`: others may come before it.
    if (valid) this.#requeue(slot);
    return BUSY;
  }

  #requeue(slot: Slot): void {
    const due = this.#deadlines.dueAt(slot);
    this.#deadlines.setQueuedAt(slot, Infinity);
    if (due < Infinity) this.insert(slot, due);
  }
}
