/**
 * Which levels a peer has crossed, and when it crosses the next one. The only writer of both.
 *
 * Levels of φ alone are crossed in the order of φ: how many they are says which. Where levels by
 * silence are among them, the order is the peer's own, and changes with what is learnt: then the
 * record has the level that was crossed last, and a column of its own which ones are crossed.
 */
import type { Status } from '../heartbeat.js';
import type { Peers } from '../peers/peers.js';
import { CROSSED, HEARD, type Records, type Slot, STARTED } from '../peers/records.js';
import type { Timing } from './timing.js';

/** The first so many levels of a profile, as bits. */
const first = (count: number): number => ~(-1 << count);
/** The highest of some levels by the order of their profile, counted from 1; 0 for none. */
const highest = (levels: number): number => 32 - Math.clz32(levels);
const isIn = (levels: number, i: number): boolean => (levels & (1 << i)) !== 0;

/** The levels that a peer has crossed, by name, to be taken over by another profile or detector. */
export interface CrossedLevels {
  readonly names: readonly (string | undefined)[];
  /** The one that was crossed last. */
  readonly last: string | undefined;
  readonly isSuspect: boolean;
}

export class Levels {
  readonly #peers: Peers<unknown>;
  readonly #records: Records;
  readonly #timing: Timing;
  /** Bits of the levels that are crossed, by slot, of peers whose order is their own. */
  #mixed = new Int32Array();
  /** Heartbeats in time since the suspicion, of suspected peers that have sent any. */
  readonly #recovered = new Map<Slot, number>();

  constructor(peers: Peers<unknown>, timing: Timing) {
    this.#peers = peers;
    this.#records = peers.records;
    this.#timing = timing;
  }

  /** The levels that are crossed, as bits. */
  crossed(slot: Slot): number {
    const count = this.#records.lastCrossed(slot);
    if (count === 0 || !this.#peers.profile(slot).isMixed) return first(count);
    return this.#mixed[slot];
  }

  /** @param last the level of `crossed` that was crossed last, counted from 1 */
  setCrossed(slot: Slot, crossed: number, last: number): void {
    this.#records.setLastCrossed(slot, last);
    if (crossed === 0 || !this.#peers.profile(slot).isMixed) return;
    if (slot >= this.#mixed.length) {
      const kept = this.#mixed;
      this.#mixed = new Int32Array(Math.max(2 * kept.length, slot + 1));
      this.#mixed.set(kept);
    }
    this.#mixed[slot] = crossed;
  }

  /** The peer is suspected from now on: it has to send heartbeats in time before it returns. */
  suspect(slot: Slot): void {
    this.#recovered.delete(slot);
  }

  /** Heartbeats in time since the suspicion. */
  recovered(slot: Slot): number {
    return this.#recovered.get(slot) ?? 0;
  }

  setRecovered(slot: Slot, heartbeats: number): void {
    if (heartbeats === 0) this.#recovered.delete(slot);
    else this.#recovered.set(slot, heartbeats);
  }

  /** The level that was crossed last and still is. */
  level(slot: Slot): string | undefined {
    return this.#peers.profile(slot).levels[this.#records.lastCrossed(slot) - 1]?.name;
  }

  status(slot: Slot): Status {
    if (this.isSuspect(slot)) return 'suspect';
    return this.#records.has(slot, HEARD) ? 'available' : 'starting';
  }

  isSuspect(slot: Slot): boolean {
    if (!this.#records.has(slot, CROSSED)) return false;
    const { suspect, isMixed } = this.#peers.profile(slot);
    if (!isMixed) return this.#records.lastCrossed(slot) > suspect;
    return isIn(this.crossed(slot), suspect);
  }

  /** The place in its profile of the level that the peer crosses next; their number for none. */
  next(slot: Slot): number {
    const { levels, isMixed } = this.#peers.profile(slot);
    if (!isMixed) return this.#records.lastCrossed(slot);
    const crossed = this.crossed(slot);
    let next = levels.length;
    let earliest = Infinity;
    for (let i = 0; i < levels.length; i++) {
      if (isIn(crossed, i)) continue;
      const at = this.#instantOf(slot, i);
      if (at < earliest) {
        next = i;
        earliest = at;
      }
    }
    return next;
  }

  /** Whether that level is the suspicion. */
  isSuspicionNext(slot: Slot): boolean {
    return this.next(slot) === this.#peers.profile(slot).suspect;
  }

  /** When the peer crosses its next level, if silence goes on; Infinity for never, as while its links are down. */
  nextAt(slot: Slot): number {
    if (!this.#records.has(slot, STARTED)) return Infinity;
    return this.#instantOf(slot, this.next(slot)) + this.#timing.pausedSince(slot, Infinity);
  }

  /** The places in their profile of the levels that are crossed, in the order of their crossings. */
  crossedInOrder(slot: Slot): readonly number[] {
    const { levels, suspect, isMixed } = this.#peers.profile(slot);
    const crossed = this.crossed(slot);
    const all = Array.from(levels.keys()).filter((i) => isIn(crossed, i));
    if (!isMixed) return all;
    // A suspicion that outlasts a heartbeat began before the present silence.
    const isOutlasting = this.isSuspect(slot) && this.recovered(slot) > 0;
    const instants = levels.map((_, i) =>
      isOutlasting && i <= suspect ? -Infinity : this.#instantOf(slot, i),
    );
    return all.sort((a, b) => instants[a] - instants[b] || a - b);
  }

  /** Which of the levels that were crossed still are, by φ, after a heartbeat at `at`; as bits. */
  crossedAfter(slot: Slot, at: number): number {
    const crossed = this.crossed(slot);
    const silent = at - this.#timing.pausedSince(slot, at);
    let count = 0;
    while (isIn(crossed, count) && this.#instantOf(slot, count) <= silent) count++;
    return first(count);
  }

  /** The levels that stay crossed as long as the peer is suspected: itself and those before it; as bits. */
  crossedWithSuspicion(slot: Slot): number {
    return first(this.#peers.profile(slot).suspect + 1);
  }

  /** The names of the levels that are crossed. */
  names(slot: Slot): string[] {
    const crossed = this.crossed(slot);
    const { levels } = this.#peers.profile(slot);
    return levels.filter((_, i) => isIn(crossed, i)).map(({ name }) => name);
  }

  save(slot: Slot): CrossedLevels {
    return {
      names: this.names(slot),
      last: this.level(slot),
      isSuspect: this.isSuspect(slot),
    };
  }

  /**
   * The peer has other levels from now on: it keeps those that it has crossed, by name, and if it was
   * suspected it still is. What else is crossed is emitted when it is next due.
   */
  load(slot: Slot, { names, last, isSuspect }: CrossedLevels): void {
    const { levels, suspect, isMixed } = this.#peers.profile(slot);
    const isOpen = (i: number) => isSuspect || i < suspect || levels[i].silence < Infinity;
    let crossed = 0;
    let place = 0;
    levels.forEach(({ name }, i) => {
      if (!isOpen(i)) return;
      if (names.includes(name)) crossed |= 1 << i;
      if (name === last) place = i + 1;
    });
    if (place === 0) place = highest(crossed);
    if (isSuspect) {
      crossed |= this.crossedWithSuspicion(slot);
      if (place <= suspect) place = suspect + 1;
    }
    this.setCrossed(slot, isMixed ? crossed : first(place), place);
  }

  /** The slot's peer is forgotten. */
  end(slot: Slot): void {
    this.#recovered.delete(slot);
  }

  /** When the peer crosses a level of its profile, if silence goes on and nothing is paused. */
  #instantOf(slot: Slot, i: number): number {
    const { levels, suspect, isMixed } = this.#peers.profile(slot);
    const suspectAt = this.#records.suspectAt(slot);
    if (i === suspect) return suspectAt;
    if (i === levels.length) return Infinity;
    const { phi, silence } = levels[i];
    let instant = phi < Infinity ? this.#timing.instantOf(slot, levels[i]) : Infinity;
    // What ends a peer's availability at once has crossed the levels before it as well.
    if (i < suspect) instant = Math.min(instant, suspectAt);
    if (!isMixed) return instant;
    // Where another rule decides on the suspicion, no higher φ comes before it.
    if (i > suspect) instant = Math.max(instant, suspectAt);
    return Math.min(instant, this.#timing.since(slot) + silence);
  }
}
