/**
 * Heartbeats that say something of the time around them: the next one comes later than usual, or
 * this one is a sign of life between two regular ones. Costs nothing before there is one.
 */
import { checkNumber } from '../validate.js';
import { APART, type Records, type Slot } from './records.js';

/** The longest that a next heartbeat may be announced for, in ms. */
const LONGEST = 1e15;

/** What `info.next` says; 0 for nothing. */
export const nextOf = ({ next }: { readonly next?: number | undefined }): number =>
  typeof next === 'number' && next > 0 && next <= LONGEST ? next : 0;

/** A part of the journal in a peer's snapshot. */
export interface AnnouncementSnapshot {
  /**
   * How much later than usual the next heartbeat was announced for, in ms; not there if the last
   * one was an ordinary one.
   */
  readonly later?: number;
  /** Since the last regular heartbeat, if signs of life came after it, in ms. */
  readonly sinceRegular?: number;
}

export class Announcements {
  readonly #records: Records;
  /** How much later than usual the next heartbeat was announced for, in ms. */
  #later = new Float64Array();
  /** Since when the next interval runs, if not since the last heartbeat; NaN if it is none to learn. */
  #regular = new Float64Array();

  constructor(records: Records) {
    this.#records = records;
  }

  /** What was said with the peer's last heartbeat. */
  set(slot: Slot, later: number, regular: number): void {
    if (slot >= this.#later.length) {
      const kept = [this.#later, this.#regular];
      const length = Math.max(2 * this.#later.length, slot + 1);
      this.#later = new Float64Array(length);
      this.#later.set(kept[0]);
      this.#regular = new Float64Array(length);
      this.#regular.set(kept[1]);
    }
    this.#later[slot] = later;
    this.#regular[slot] = regular;
    this.#records.set(slot, APART);
  }

  /** How much later than usual the peer's next heartbeat was announced for, in ms; 0 if it was not. */
  later(slot: Slot): number {
    return this.#records.has(slot, APART) ? this.#later[slot] : 0;
  }

  /** Since when the peer's next interval runs; NaN if it is none to learn. */
  regular(slot: Slot): number {
    return this.#records.has(slot, APART) ? this.#regular[slot] : this.#records.last(slot);
  }

  save(slot: Slot, at: number): AnnouncementSnapshot {
    if (!this.#records.has(slot, APART)) return {};
    const since = at - this.#regular[slot];
    return { later: this.#later[slot], ...(since >= 0 && { sinceRegular: since }) };
  }

  /** @throws RangeError, TypeError that name the part, what was expected and what came */
  load(slot: Slot, name: string, given: AnnouncementSnapshot, at: number): void {
    const { later, sinceRegular } = given;
    const long = { least: -LONGEST, most: LONGEST };
    if (later !== undefined) checkNumber(`${name}.later`, later, long);
    if (sinceRegular !== undefined) checkNumber(`${name}.sinceRegular`, sinceRegular, long);
    if (later !== undefined) this.set(slot, later, at - (sinceRegular ?? Number.NaN));
  }
}
