/**
 * What a heartbeat changes of its peer by itself: its model learns the interval, and the deadline
 * moves. One peer or a million: the same code on the same records.
 */
import type { BeatOutcome } from '../heartbeat.js';
import { SUSPECTED, UNSURE, UNUSUAL } from '../model/model.js';
import type { Bounds } from '../peers/bounds.js';
import type { PauseTimeline } from '../peers/pauses.js';
import type { Peers } from '../peers/peers.js';
import { APART, HEARD, RESTORED, type Records, type Slot, STARTED } from '../peers/records.js';
import type { Timing } from './timing.js';

// What a heartbeat is by what it says of itself, as bits.
export const PLAIN = 0;
/** The first of a new incarnation: the interval before it is of neither. */
export const RESTART = 1;
/** It has a number of its own: it may share an instant of a coarse clock with the one before. */
export const NUMBERED = 2;
/** A sign of life that teaches no interval. */
export const SIGN = 4;

export class Arrivals {
  readonly #peers: Peers<unknown>;
  readonly #records: Records;
  readonly #bounds: Bounds;
  readonly #timing: Timing;
  readonly #pauses: PauseTimeline;
  constructor(peers: Peers<unknown>, timing: Timing, pauses: PauseTimeline) {
    this.#peers = peers;
    this.#records = peers.records;
    this.#bounds = peers.bounds;
    this.#timing = timing;
    this.#pauses = pauses;
  }

  /** The peer is expected from `at` on; without effect once it is, or when `at` is not finite. */
  start(slot: Slot, at: number): void {
    if (this.#records.has(slot, STARTED) || !Number.isFinite(at)) return;
    this.#records.set(slot, STARTED);
    this.#records.setLast(slot, at);
    this.#timing.expect(slot);
  }

  /**
   * Records any heartbeat.
   *
   * @param kind the bits above
   * @param next when the next one comes, in ms from now; 0 for as usual
   */
  record(slot: Slot, kind = PLAIN, next = 0): BeatOutcome {
    const { announcements } = this.#peers;
    const records = this.#records;
    const { at } = this.#bounds;
    if (!Number.isFinite(at)) return 'invalid-time';
    const isSign = (kind & SIGN) !== 0;
    let from = Number.NaN;
    let later = 0;
    if (!records.has(slot, HEARD)) {
      records.set(slot, STARTED | HEARD);
    } else {
      const last = records.last(slot);
      const isNew = at > last || (at === last && (kind & (NUMBERED | RESTART)) !== 0);
      if (!isNew) return at === last ? 'duplicate' : 'out-of-order';
      // What lies between two incarnations is no interval of either.
      if ((kind & RESTART) === 0) from = announcements.regular(slot);
      if (!isSign && at > from) this.#learnSince(slot, from);
      if (records.has(slot, APART)) later = Math.max(last + announcements.later(slot) - at, 0);
    }
    records.clear(slot, RESTORED | APART);
    records.setLast(slot, at);
    if (isSign || next > 0) {
      // A sign of life in a nap does not end it; a regular heartbeat does.
      if (next > 0) announcements.set(slot, next - this.#timing.mean(slot), Number.NaN);
      else announcements.set(slot, later, from);
    }
    this.#timing.expect(slot);
    return 'accepted';
  }

  /** Learns the interval that began at `from` and ends with the heartbeat at {@link Bounds.at}. */
  #learnSince(slot: Slot, from: number): void {
    const { at } = this.#bounds;
    const last = this.#records.last(slot);
    const { model } = this.#peers.profile(slot);
    // What spans a pause is no interval of the peer's; nor is what spans a suspicion, or would have
    // without the signs of life that came meanwhile.
    const paused = this.#timing.pausedBetween(slot, from, at);
    const due = this.#records.suspectAt(slot) + paused - (last - from);
    // Nor what begins with a heartbeat that had waited: it is as much too short as that was late.
    // Nor what spans a step of the clock: nobody knows how long that took.
    const isUnsure =
      paused > 0 || from < this.#pauses.steppedAt || this.#pauses.mayHaveWaited(from);
    const interval = at - from;
    // Nor is what only `acceptablePause` tolerates.
    const isUnusual = interval - paused >= model.usual(slot);
    model.learn(
      slot,
      interval,
      (isUnsure ? UNSURE : 0) | (at < due ? 0 : SUSPECTED) | (isUnusual ? UNUSUAL : 0),
    );
  }
}
