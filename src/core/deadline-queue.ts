/**
 * Who crosses next. A timing wheel whose entries may be stale: heartbeats nearly always move a
 * deadline later, so nothing is done for them here; when an entry comes up whose slot is not due,
 * it is put where the slot stands now. That is about one move per detection time and peer, O(1).
 *
 * Time is cut into ticks of 4 ms. Level l of the wheel has 128 buckets of 8ˡ ticks; an entry goes
 * into the lowest level that reaches its tick, so a bucket is never wider than a fifteenth of the
 * delay, and what comes up early with one bucket is a small share of all. Entries of the current
 * tick stand in a heap, which alone orders them to the last bit; so do those beyond the wheel.
 *
 * An entry is a slot number, and is never taken out. A slot that has to stand earlier gets another
 * entry; the one left behind is skipped when it comes up, for its slot's key is not of its bucket.
 */
import { MinHeap } from './min-heap.js';

/** What the queue asks and tells about a slot. */
export interface Deadlines {
  /** When the slot is due, as known now; Infinity for never. Not before its key. */
  dueAt(slot: number): number;
  /** The key of the slot's entry; Infinity when it has none. */
  queuedAt(slot: number): number;
  setQueuedAt(slot: number, key: number): void;
  /** Negative when slot `a` comes before slot `b` at the same instant. */
  compare(a: number, b: number): number;
}

/** Result of {@link DeadlineQueue.step}: nothing is due. */
export const IDLE = -1;
/** Result of {@link DeadlineQueue.step}: an entry was moved, or could be; call again. */
export const BUSY = -2;

const MS_PER_TICK = 4;
const LEVELS = 12;
const BUCKETS = 128;
const WORDS = BUCKETS / 32;
const BLOCK = 64;

const tickOf = (at: number): number => Math.floor(at / MS_PER_TICK);
/** The tick in units of a level's buckets. */
const scaled = (tick: number, level: number): number => Math.floor(tick * 8 ** -level);
const bucketOf = (level: number, unit: number): number =>
  level * BUCKETS + unit - BUCKETS * Math.floor(unit / BUCKETS);

export class DeadlineQueue {
  readonly #deadlines: Deadlines;
  /** Entries up to the current tick. */
  readonly #near: MinHeap;
  /** Entries beyond the wheel (139 years). */
  readonly #far: MinHeap;
  /** The current tick: whatever lies after it is in the wheel or beyond. */
  #tick = -Infinity;
  /** The buckets that the current tick is in may still hold entries. */
  #draining = false;
  /** First block of each bucket's list (0: none), and the entries in that block. */
  readonly #head = new Int32Array(LEVELS * BUCKETS);
  readonly #fill = new Int32Array(LEVELS * BUCKETS);
  /** One bit a bucket: does it hold an entry? */
  readonly #occupied = new Int32Array(LEVELS * WORDS);
  /** Blocks of a link and 63 slots, in use or in a list of free ones; block 0 is neither. */
  #blocks = new Int32Array(BLOCK * 4);
  #freeBlock = 0;
  #freshBlock = 1;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
    this.#near = new MinHeap((a, b) => deadlines.compare(a, b));
    this.#far = new MinHeap((a, b) => deadlines.compare(a, b));
  }

  /** Puts the slot at `due`. The caller has seen that `due < queuedAt(slot)`. */
  insert(slot: number, due: number): void {
    this.#deadlines.setQueuedAt(slot, due);
    const tick = tickOf(due);
    if (this.#tick === -Infinity) this.#tick = tick - 1;
    if (tick <= this.#tick) {
      this.#near.push(due, slot);
      return;
    }
    for (let level = 0; level < LEVELS; level++) {
      const unit = scaled(tick, level);
      if (unit - scaled(this.#tick, level) < BUCKETS) {
        this.#put(bucketOf(level, unit), slot);
        return;
      }
    }
    this.#far.push(due, slot);
  }

  /**
   * One step towards `at`: the next slot in order that is due by then, which has left the queue;
   * or {@link BUSY} after a bounded piece of work; or {@link IDLE}.
   */
  step(at: number): number {
    if (this.#draining) return this.#drain();
    if (this.#near.size > 0) return this.#near.key <= at ? this.#pop(this.#near, at) : IDLE;
    const target = tickOf(at);
    const start = this.#nextStart();
    if (start <= target) {
      this.#tick = start;
      this.#draining = true;
      return BUSY;
    }
    if (target > this.#tick) this.#tick = target;
    return IDLE;
  }

  /**
   * When to step again after {@link IDLE}: the earliest instant at which a slot is due, or one
   * before it if many stand close together; Infinity for never.
   */
  earliest(): number {
    while (this.#draining) this.#drain();
    const near = this.#first(this.#near);
    if (near < Infinity) return near;
    let earliest = this.#first(this.#far);
    for (let level = 0; level < LEVELS; level++) {
      const unit = this.#firstUnit(level);
      if (unit === Infinity) continue;
      const due = this.#earliestIn(level, unit);
      if (due < earliest) earliest = due;
      if (due < Infinity) continue;
      // Its entries stand elsewhere now, perhaps in a level that was passed.
      earliest = this.#first(this.#far);
      level = -1;
    }
    return earliest;
  }

  /** The instant at which the first of a heap's entries is due; stale ones are moved. */
  #first(heap: MinHeap): number {
    while (heap.size > 0) {
      const { key } = heap;
      if (this.#pop(heap, -Infinity) === IDLE) return key;
    }
    return Infinity;
  }

  /**
   * The first of a heap's entries: its slot if that is due by `at`, IDLE if it is due later at
   * just its key, BUSY if the entry was stale and has been moved.
   */
  #pop(heap: MinHeap, at: number): number {
    const { key, slot } = heap;
    const valid = this.#deadlines.queuedAt(slot) === key;
    const due = valid ? this.#deadlines.dueAt(slot) : Infinity;
    const exact = due === key;
    if (exact && !(due <= at)) return IDLE;
    heap.pop();
    if (!valid) return BUSY;
    this.#deadlines.setQueuedAt(slot, Infinity);
    if (exact) return slot;
    // Due later than its key said, though perhaps by `at`: others may come before it.
    if (due < Infinity) this.insert(slot, due);
    return BUSY;
  }

  /** Moves one entry of the current tick's buckets to where its slot stands now. */
  #drain(): number {
    for (let level = LEVELS - 1; level >= 0; level--) {
      const unit = scaled(this.#tick, level);
      const bucket = bucketOf(level, unit);
      if (this.#head[bucket] !== 0) {
        this.#move(this.#take(bucket), level, unit);
        return BUSY;
      }
    }
    if (this.#far.size > 0 && tickOf(this.#far.key) <= this.#tick) {
      const { key } = this.#far;
      const slot = this.#far.pop();
      if (this.#deadlines.queuedAt(slot) === key) this.#requeue(slot);
      return BUSY;
    }
    this.#draining = false;
    return BUSY;
  }

  /** Requeues a slot whose entry was taken from a bucket, unless it has a later one. */
  #move(slot: number, level: number, unit: number): void {
    if (this.#isIn(slot, level, unit)) this.#requeue(slot);
  }

  #isIn(slot: number, level: number, unit: number): boolean {
    return scaled(tickOf(this.#deadlines.queuedAt(slot)), level) === unit;
  }

  #requeue(slot: number): void {
    const due = this.#deadlines.dueAt(slot);
    this.#deadlines.setQueuedAt(slot, Infinity);
    if (due < Infinity) this.insert(slot, due);
  }

  /**
   * The earliest due in a bucket that has not begun, or its beginning if it holds more than a
   * block. Infinity when the bucket was stale throughout; its entries have been moved then.
   */
  #earliestIn(level: number, unit: number): number {
    const bucket = bucketOf(level, unit);
    const begin = unit * 8 ** level * MS_PER_TICK;
    const base = this.#head[bucket] * BLOCK;
    if (this.#blocks[base] !== 0) return begin;
    let earliest = Infinity;
    for (let i = 1; i <= this.#fill[bucket]; i++) {
      const slot = this.#blocks[base + i];
      if (!this.#isIn(slot, level, unit)) continue;
      const due = this.#deadlines.dueAt(slot);
      if (due < earliest) earliest = due;
    }
    if (scaled(tickOf(earliest), level) === unit) return earliest;
    for (let n = this.#fill[bucket]; n > 0; n--) this.#move(this.#take(bucket), level, unit);
    return Infinity;
  }

  /** The tick at which the next bucket begins; Infinity when there is none. */
  #nextStart(): number {
    let next = this.#far.size > 0 ? tickOf(this.#far.key) : Infinity;
    for (let level = 0; level < LEVELS; level++) {
      const start = this.#firstUnit(level) * 8 ** level;
      if (start < next) next = start;
    }
    return next;
  }

  /** The first occupied bucket of a level after the current one; Infinity when there is none. */
  #firstUnit(level: number): number {
    const words = level * WORDS;
    const occupied = this.#occupied;
    if ((occupied[words] | occupied[words + 1] | occupied[words + 2] | occupied[words + 3]) === 0) {
      return Infinity;
    }
    const unit = scaled(this.#tick, level);
    const from = bucketOf(0, unit + 1);
    let word = from >> 5;
    let bits = occupied[words + word] & (-1 << (from & 31));
    while (bits === 0) {
      word = (word + 1) % WORDS;
      bits = occupied[words + word];
    }
    const bucket = word * 32 + 31 - Math.clz32(bits & -bits);
    return unit + 1 + ((bucket - from + BUCKETS) % BUCKETS);
  }

  #put(bucket: number, slot: number): void {
    if (this.#head[bucket] === 0 || this.#fill[bucket] === BLOCK - 1) {
      const block = this.#allocateBlock();
      this.#blocks[block * BLOCK] = this.#head[bucket];
      this.#head[bucket] = block;
      this.#fill[bucket] = 0;
      this.#occupied[bucket >> 5] |= 1 << (bucket & 31);
    }
    this.#blocks[this.#head[bucket] * BLOCK + ++this.#fill[bucket]] = slot;
  }

  /** Takes the last entry of a bucket that is not empty. */
  #take(bucket: number): number {
    const block = this.#head[bucket];
    const slot = this.#blocks[block * BLOCK + this.#fill[bucket]];
    if (--this.#fill[bucket] === 0) {
      this.#head[bucket] = this.#blocks[block * BLOCK];
      this.#blocks[block * BLOCK] = this.#freeBlock;
      this.#freeBlock = block;
      if (this.#head[bucket] !== 0) this.#fill[bucket] = BLOCK - 1;
      else this.#occupied[bucket >> 5] &= ~(1 << (bucket & 31));
    }
    return slot;
  }

  #allocateBlock(): number {
    const block = this.#freeBlock;
    if (block !== 0) {
      this.#freeBlock = this.#blocks[block * BLOCK];
      return block;
    }
    if (this.#freshBlock * BLOCK === this.#blocks.length) {
      const blocks = new Int32Array(this.#blocks.length * 2);
      blocks.set(this.#blocks);
      this.#blocks = blocks;
    }
    return this.#freshBlock++;
  }
}
