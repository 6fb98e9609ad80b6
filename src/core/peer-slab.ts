/**
 * The layout of what is known about a peer: one record of 64 bytes, a cache line, with all that a
 * heartbeat and a crossing need, and one of 32 bytes for what only irregular beats touch.
 *
 * Records live in slabs, so that more peers mean one more slab and never a copy of all of them.
 */

import { Journal } from './journal.js';
import type { DetectorLink } from './link.js';
import { ProcessClock } from './process-clock.js';
import type { Profile } from './profile.js';
import { QuantileLadders } from './quantile-ladder.js';
import { RecentLinks } from './recent-links.js';
import type { RingPool } from './ring-pool.js';

/** Records in a full slab; the first one of a detector starts with a few, and doubles. */
export const SLAB_BITS = 12;
export const SLAB_SIZE = 1 << SLAB_BITS;
export const FIRST_SIZE = 4;

// A record is named by its row, 8 times its number in the slab.

// Doubles of the hot record, `f64[row + …]`.
/** Last heartbeat or, before the first, the start of the watch; −Infinity before that. */
export const LAST = 0;
/** Σ(x − K) over the window. */
export const SUM = 1;
/** Σ(x − K)² over the window. */
export const SQUARES = 2;
/** The instant at which silence is suspicion if it goes on; Infinity before the start. */
export const SUSPECT_AT = 3;
/** The key under which the slot stands in the deadline queue; Infinity when it does not. */
export const QUEUED_AT = 4;

// 32-bit words of the hot record, `f32[2 * row + …]` and `i32[2 * row + …]`.
/** K, the anchor of the sums: a sample that is or was in the window. */
export const ANCHOR = 10;
/** The largest Σ(x − K)² since the sums were last computed afresh. */
export const PEAK = 11;
/** The ring's reference in the pool. */
export const RING = 12;
/** The number of samples while the ring fills; once full, ~position of the oldest sample. */
export const HEAD = 13;
/** Profile, rung of the ladder and the bits below. */
export const FLAGS = 14;
/** Number of the watch: tells a handle of an earlier peer from this one, and orders ties. */
export const WATCH = 15;

// FLAGS
export const STARTED = 1;
export const HEARD = 2;
/** There is a candidate regime in the cold record. */
export const CANDIDATES = 4;
/** Samples of the peer's own that were learnt, saturating at 3 (8 is the lower bit). */
export const OWN_ONE = 8;
export const OWN_FULL = 24;
/** How many rungs of its ladder the peer has crossed. */
export const RUNG_SHIFT = 5;
export const RUNG_MASK = 31 << RUNG_SHIFT;
/** Its silence has been counted as part of what may be a mass silence. */
export const OVERDUE = 1 << 10;
/** Not heard since it was restored. */
export const RESTORED = 1 << 11;
/** The journal says more of its last heartbeat: it announced the next one, or teaches no interval. */
export const APART = 1 << 12;
/** The upper 19 bits, for as many profiles as can be in use at once. */
export const PROFILE_SHIFT = 13;

// The cold record, `coldF32[row + …]` and `coldI32[row + …]`.
/** Candidate intervals in a row, and how many of the latest agree; see learning.ts. */
export const CANDIDATE_COUNTS = 0;
/** Σx and Σx² of that row without the longest, and the longest: what it adds would hide the rest. */
export const OTHERS_SUM = 1;
export const OTHERS_SQUARES = 2;
export const RUN_MAX = 3;
/** The latest candidates of that row that agree with each other. */
export const BATCH_SUM = 4;
export const BATCH_MIN = 5;
export const BATCH_MAX = 6;
/** Beats in time since the suspicion. */
export const RECOVERED = 7;

/**
 * Large buffers begin 16 bytes after a page does, as the allocator of most systems has them: so
 * shifted, a record lies in one cache line, not in two (a heartbeat by id takes 0.9 of the time at
 * a million peers).
 */
const SHIFT = 48;

/** Peers of one detector, and what all its slabs share. */
export class PeerSlab {
  f64: Float64Array;
  f32: Float32Array;
  i32: Int32Array;
  coldF32: Float32Array;
  coldI32: Int32Array;
  /** See there; at hand, since every heartbeat looks at it. */
  readonly quiet: Float64Array;
  #journal: Journal | undefined;
  #ladders: QuantileLadders | undefined;
  #recentLinks: RecentLinks | undefined;

  constructor(
    records: number,
    readonly rings: RingPool,
    readonly profiles: readonly Profile[],
    readonly clock = new ProcessClock(),
    /** The slot of its first record. */
    readonly first = 0,
  ) {
    this.quiet = clock.quiet;
    const buffer = new ArrayBuffer(SHIFT + records * 64);
    this.f64 = new Float64Array(buffer, SHIFT).fill(Infinity);
    this.f32 = new Float32Array(buffer, SHIFT);
    this.i32 = new Int32Array(buffer, SHIFT);
    this.coldF32 = new Float32Array(records * 8);
    this.coldI32 = new Int32Array(this.coldF32.buffer);
  }

  get size(): number {
    return this.coldF32.length >> 3;
  }

  /**
   * Makes room for more records, at twice the size. The slab, which handles hold, stays the same,
   * and so do rows; whoever has an array of it at hand must not be in the middle of a peer.
   */
  grow(): void {
    const records = 2 * this.size;
    const { i32, coldI32 } = this;
    const buffer = new ArrayBuffer(SHIFT + records * 64);
    this.f64 = new Float64Array(buffer, SHIFT).fill(Infinity);
    this.f32 = new Float32Array(buffer, SHIFT);
    this.i32 = new Int32Array(buffer, SHIFT);
    this.coldF32 = new Float32Array(records * 8);
    this.coldI32 = new Int32Array(this.coldF32.buffer);
    this.i32.set(i32);
    this.coldI32.set(coldI32);
    this.#journal?.grow(records);
    this.#ladders?.grow(records);
    this.#recentLinks?.grow(records);
  }

  profile(row: number): Profile {
    return this.profiles[this.i32[2 * row + FLAGS] >>> PROFILE_SHIFT];
  }

  /** What was told of these peers, if anything was. */
  get journal(): Journal | undefined {
    return this.#journal;
  }

  /** The journal to write into. */
  writtenJournal(): Journal {
    this.#journal ??= new Journal(this.size);
    return this.#journal;
  }

  /** What peers of the calibrated model have learnt. */
  get ladders(): QuantileLadders {
    this.#ladders ??= new QuantileLadders(this.size);
    return this.#ladders;
  }

  /** The number of the link that the peer is heard by; 0 for none. */
  link(row: number): number {
    return this.#journal === undefined ? 0 : this.#journal.link(row >> 3);
  }

  /** The numbers of the other links by which it was heard since `from`. */
  otherLinks(row: number, from: number): readonly number[] {
    return this.#recentLinks?.since(row >> 3, from) ?? [];
  }

  /** The peer is heard by the link, or by none, from now on. */
  heardBy(row: number, link: DetectorLink | undefined): void {
    const before = this.link(row);
    if ((link?.number ?? 0) === before && (link === undefined) === (before === 0)) return;
    const { links } = this.clock;
    const entry = row >> 3;
    const number = link === undefined ? 0 : links.hold(link);
    this.writtenJournal().setLink(entry, number);
    if ((this.i32[2 * row + FLAGS] & HEARD) !== 0) {
      this.#recentLinks ??= new RecentLinks(this.size);
      links.release(this.#recentLinks.moved(entry, before, this.f64[row + LAST], number));
    } else links.release(before);
    this.clock.linksChanged();
  }

  /** It is heard by no link any more: its peer is forgotten. */
  leaveLinks(row: number): void {
    const numbers = this.#recentLinks?.clear(row >> 3) ?? [];
    for (const number of [this.link(row), ...numbers]) this.clock.links.release(number);
    this.clock.linksChanged();
  }
}
