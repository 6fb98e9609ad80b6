/** The peers of a detector by id and by slot: who is watched, with which options, and where. */

import type { CohortPool, CohortPools } from './cohort-pool.js';
import { Groups } from './groups.js';
import { clear } from './interval-window.js';
import { crossedNames, isSuspect, keepCrossed, levelOf } from './ladder.js';
import type { ResolvedOptions } from './options.js';
import type { Status } from './outcomes.js';
import { begin, reprofile } from './peer-record.js';
import {
  FIRST_SIZE,
  FLAGS,
  HEARD,
  PeerSlab,
  PROFILE_SHIFT,
  SLAB_BITS,
  SLAB_SIZE,
  WATCH,
} from './peer-slab.js';
import { ProcessClock } from './process-clock.js';
import { Profiles } from './profile.js';
import { RingPool } from './ring-pool.js';

/** The row of a slot in its slab. */
export const rowOf = (slot: number): number => (slot & (SLAB_SIZE - 1)) * 8;
export const slotOf = (slab: PeerSlab, row: number): number => slab.first + (row >> 3);

export class PeerTable<Id> {
  readonly slots = new Map<Id, number>();
  readonly clock = new ProcessClock();
  readonly groups = new Groups();
  readonly #slabs: PeerSlab[] = [];
  readonly #rings = new RingPool();
  readonly #profiles = new Profiles();
  readonly #ids: (Id | undefined)[] = [];
  readonly #vacant: number[] = [];
  #watches = 0;

  slab(slot: number): PeerSlab {
    return this.#slabs[slot >> SLAB_BITS];
  }

  /** The peer that has the slot. */
  id(slot: number): Id {
    return this.#ids[slot] as Id;
  }

  /** Slots in use, and once in use. */
  get length(): number {
    return this.#ids.length;
  }

  get cohorts(): CohortPools {
    return this.#profiles.cohorts;
  }

  /** What peers of such options, of a cohort, have learnt and will learn. */
  pool(options: ResolvedOptions): CohortPool {
    return this.#profiles.pool(options);
  }

  /** The options of a peer. */
  options(slot: number): ResolvedOptions {
    const { options } = this.slab(slot).profile(rowOf(slot));
    const group = this.groups.nameOf(slot);
    return options.group === group ? options : { ...options, group };
  }

  add(id: Id, options: ResolvedOptions): number {
    const profile = this.#profiles.acquire(options);
    const slot = this.#vacant.pop() ?? this.#ids.length;
    if (slot >> SLAB_BITS === this.#slabs.length) {
      const { list } = this.#profiles;
      const size = slot === 0 ? FIRST_SIZE : SLAB_SIZE;
      this.#slabs.push(new PeerSlab(size, this.#rings, list, this.clock, slot));
    } else if (rowOf(slot) >> 3 === this.slab(slot).size) this.slab(slot).grow();
    begin(this.slab(slot), rowOf(slot), profile, this.#watches++); // wraps after 2³² watches
    this.groups.put(slot, options.group);
    this.slots.set(id, slot);
    this.#ids[slot] = (id as unknown) === 0 ? (0 as Id) : id; // as a Map keeps −0
    return slot;
  }

  /** Gives a peer's storage back. */
  remove(slot: number): void {
    const slab = this.slab(slot);
    const row = rowOf(slot);
    clear(slab, row, slab.profile(row).windowSize);
    slab.leaveLinks(row);
    slab.journal?.clear(row >> 3);
    this.#profiles.release(slab.i32[2 * row + FLAGS] >>> PROFILE_SHIFT);
    this.groups.put(slot, '');
    slab.i32[2 * row + FLAGS] = 0;
    slab.i32[2 * row + WATCH] = this.#watches++;
    this.slots.delete(this.#ids[slot] as Id);
    this.#ids[slot] = undefined;
    this.#vacant.push(slot);
  }

  /**
   * New options for a watched peer. It keeps the levels that it has crossed as far as the new options
   * have them, and a suspected one is so until it earns its return; what is crossed now is said when
   * next due.
   */
  reconfigure(slot: number, options: ResolvedOptions): void {
    const slab = this.slab(slot);
    const row = rowOf(slot);
    const suspected = isSuspect(slab, row);
    const level = levelOf(slab, row);
    const crossed = crossedNames(slab, row);
    const old = slab.i32[2 * row + FLAGS] >>> PROFILE_SHIFT;
    reprofile(slab, row, this.#profiles.acquire(options));
    this.#profiles.release(old);
    this.groups.put(slot, options.group);
    keepCrossed(slab, row, crossed, level, suspected);
  }

  status(slot: number): Status {
    const slab = this.slab(slot);
    const row = rowOf(slot);
    if (isSuspect(slab, row)) return 'suspect';
    return (slab.i32[2 * row + FLAGS] & HEARD) !== 0 ? 'available' : 'starting';
  }

  level(slot: number): string | undefined {
    return levelOf(this.slab(slot), rowOf(slot));
  }

  /** Whether the slot still has the tenant of now: of who was forgotten there is no more to say. */
  liveness(slot: number): () => boolean {
    const watch = this.ordinalOf(slot);
    return () => this.ordinalOf(slot) === watch;
  }

  /**
   * The number of the slot's watch: ties go to the peer that was watched first, and a handle of an
   * earlier tenant is told from the present one's.
   */
  ordinalOf(slot: number): number {
    return this.slab(slot).i32[2 * rowOf(slot) + WATCH];
  }
}
