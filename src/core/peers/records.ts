/**
 * The layout of what is known about a peer: one record of 64 bytes, a cache line. What is
 * named here first is the same for every model; the rest is the model's own.
 *
 * Whoever needs a number of a record asks for it by name. Only {@link WindowModel.recordFast} reads
 * and writes the arrays by itself: docs/architecture.md says what that buys.
 */

declare const slot: unique symbol;
/** Where a peer's record is. Free again once the peer is forgotten. */
export type Slot = number & { readonly [slot]: never };

// Doubles of a record, `f64[8 * slot + …]`, and 32-bit words, `i32[16 * slot + …]`.
export const STRIDE = 8;
/** Last heartbeat or, before the first, the start of the watch; −Infinity before that. */
export const LAST = 0;
/** The instant at which silence is suspicion if it goes on; Infinity before the start. */
export const SUSPECT_AT = 1;
/** Word: the profile, how many levels were crossed, and the bits below. */
export const FLAGS = 4;
/** Word: number of the watch; tells a handle of an earlier peer from this one, and orders ties. */
const WATCH = 5;
/** The first word of the model's part. */
const MODEL_WORDS = 6;

// The model's part, as windows use it (see window.ts): words,
/** The ring's reference in the pool. */
export const RING = 6;
/** The number of samples while the ring fills; once full, ~position of the oldest sample. */
export const HEAD = 7;
// and doubles.
/** Σ(x − K) over the window. */
export const SUM = 4;
/** Σ(x − K)² over the window. */
export const SQUARES = 5;
/** K, the anchor of the sums: a sample that is or was in the window. */
export const ANCHOR = 6;
/** The largest Σ(x − K)² since the sums were last computed afresh, in 32 bits. */
export const PEAK = 7;

// Bits of FLAGS.
export const STARTED = 1;
export const HEARD = 2;
/** The model has intervals in hand that may be the peer's new one. */
export const CANDIDATES = 4;
/** Samples of the peer's own that were learnt, saturating at 3 (8 is the lower bit). */
export const OWN_ONE = 8;
export const OWN_FULL = 24;
const CROSSED_SHIFT = 5;
/** The level that was crossed last and still is, counted from 1; 0 for none. */
export const CROSSED = 31 << CROSSED_SHIFT;
/** Its silence has been counted as part of what may be a mass silence. */
export const OVERDUE = 1 << 10;
/** Not heard since it was restored. */
export const RESTORED = 1 << 11;
/** Its last heartbeat announced the next one, or teaches no interval. */
export const APART = 1 << 12;
/** What needs more than to learn an interval. */
export const IRREGULAR = CANDIDATES | CROSSED | OVERDUE | RESTORED | APART;
/** The upper 19 bits, for as many profiles as can be in use at once. */
export const PROFILE_SHIFT = 13;
export const MAX_PROFILES = 1 << (32 - PROFILE_SHIFT);

/** Records at first; they double. */
const FIRST_SIZE = 4;

/**
 * Large buffers begin 16 bytes after a page does, as the allocator of most systems has them: so
 * shifted, a record lies in one cache line, not in two (a heartbeat by id takes 0.9 of the time at
 * a million peers).
 */
const SHIFT = 48;

export class Records {
  f64 = new Float64Array();
  i32 = new Int32Array();
  /** The key under which each slot stands in the deadline queue; Infinity when it does not. */
  #queuedAt = new Float64Array();

  constructor(size = FIRST_SIZE) {
    this.#resize(size);
  }

  get size(): number {
    return this.f64.length / STRIDE;
  }

  /** Makes room for a slot. Pages of records that were never used cost no memory. */
  reserve(slot: Slot): void {
    if (slot >= this.size) this.#resize(2 * this.size);
  }

  #resize(size: number): void {
    const { i32 } = this;
    const buffer = new ArrayBuffer(SHIFT + size * STRIDE * 8);
    this.f64 = new Float64Array(buffer, SHIFT);
    this.i32 = new Int32Array(buffer, SHIFT);
    this.i32.set(i32);
    const queuedAt = this.#queuedAt;
    this.#queuedAt = new Float64Array(size);
    this.#queuedAt.set(queuedAt);
  }

  /** Makes the record that of a new peer, which is not expected yet. */
  begin(slot: Slot, profile: number, watch: number): void {
    this.setLast(slot, -Infinity);
    this.setSuspectAt(slot, Infinity);
    this.i32[2 * STRIDE * slot + FLAGS] = profile << PROFILE_SHIFT;
    this.i32[2 * STRIDE * slot + WATCH] = watch;
    this.i32.fill(0, 2 * STRIDE * slot + MODEL_WORDS, 2 * STRIDE * (slot + 1));
  }

  /** The peer is no more: its handles are told from those of the next one. */
  end(slot: Slot, watch: number): void {
    this.i32[2 * STRIDE * slot + FLAGS] = 0;
    this.i32[2 * STRIDE * slot + WATCH] = watch;
  }

  last(slot: Slot): number {
    return this.f64[STRIDE * slot + LAST];
  }

  setLast(slot: Slot, at: number): void {
    this.f64[STRIDE * slot + LAST] = at;
  }

  suspectAt(slot: Slot): number {
    return this.f64[STRIDE * slot + SUSPECT_AT];
  }

  setSuspectAt(slot: Slot, at: number): void {
    this.f64[STRIDE * slot + SUSPECT_AT] = at;
  }

  queuedAt(slot: Slot): number {
    return this.#queuedAt[slot];
  }

  setQueuedAt(slot: Slot, key: number): void {
    this.#queuedAt[slot] = key;
  }

  watch(slot: Slot): number {
    return this.i32[2 * STRIDE * slot + WATCH];
  }

  flags(slot: Slot): number {
    return this.i32[2 * STRIDE * slot + FLAGS];
  }

  /** Whether any of these bits is set. */
  has(slot: Slot, bits: number): boolean {
    return (this.i32[2 * STRIDE * slot + FLAGS] & bits) !== 0;
  }

  set(slot: Slot, bits: number): void {
    this.i32[2 * STRIDE * slot + FLAGS] |= bits;
  }

  clear(slot: Slot, bits: number): void {
    this.i32[2 * STRIDE * slot + FLAGS] &= ~bits;
  }

  profile(slot: Slot): number {
    return this.i32[2 * STRIDE * slot + FLAGS] >>> PROFILE_SHIFT;
  }

  setProfile(slot: Slot, profile: number): void {
    this.clear(slot, -1 << PROFILE_SHIFT);
    this.set(slot, profile << PROFILE_SHIFT);
  }

  /** The level that was crossed last and still is, counted from 1 in its profile; 0 for none. */
  lastCrossed(slot: Slot): number {
    return (this.flags(slot) & CROSSED) >> CROSSED_SHIFT;
  }

  setLastCrossed(slot: Slot, level: number): void {
    this.clear(slot, CROSSED);
    this.set(slot, level << CROSSED_SHIFT);
  }
}
