/**
 * Time in which silence does not count: this process could not run, or the link that the heartbeats
 * come by was down. All that is stored stays in the time of the clock; what was paused since a
 * peer's last heartbeat is added to its instants and taken out of its silence.
 */

import type { Bounds } from './bounds.js';
import { type DetectorLink, inBoth, type Span } from './link.js';

/** So many pauses are told apart; of the time before them it is forgotten what was paused. */
const KEPT = 1024;

/** The pauses of this process, in the order of time, apart from each other. */
class Timeline {
  #starts: number[] = [];
  #ends: number[] = [];
  /** Paused time in all up to the end of each. */
  #totals: number[] = [];

  add(from: number, to: number): void {
    const last = this.#ends.length - 1;
    const start = last >= 0 && this.#ends[last] > from ? this.#ends[last] : from;
    if (to < start || (to === start && from < start)) return;
    this.#totals.push((last >= 0 ? this.#totals[last] : 0) + (to - start));
    this.#starts.push(start);
    this.#ends.push(to);
    if (this.#ends.length >= 2 * KEPT) {
      this.#starts = this.#starts.slice(-KEPT);
      this.#ends = this.#ends.slice(-KEPT);
      this.#totals = this.#totals.slice(-KEPT);
    }
  }

  /** What was paused before `at`, up to a constant. */
  before(at: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ends[middle] <= at) low = middle + 1;
      else high = middle;
    }
    // `low` is the first pause that ends after `at`.
    let paused = low > 0 ? this.#totals[low - 1] : this.#first();
    if (low < this.#ends.length && this.#starts[low] < at) paused += at - this.#starts[low];
    return paused;
  }

  /** Whether a pause ended after `from`. */
  touched(from: number): boolean {
    return this.#end() > from;
  }

  #end(): number {
    return this.#ends.length > 0 ? this.#ends[this.#ends.length - 1] : -Infinity;
  }

  /** What was paused before the first pause that is kept. */
  #first(): number {
    return this.#ends.length > 0 ? this.#totals[0] - (this.#ends[0] - this.#starts[0]) : 0;
  }
}

/** The pauses of this process, and what follows from them for every heartbeat. */
export class PauseTimeline {
  readonly #bounds: Bounds;
  /** When the clock was found to have been set; how long it is since before that is not sure. */
  steppedAt = -Infinity;
  /** Heartbeats of these instants may have waited to be read: they may have come before. */
  #waitedFrom = Infinity;
  #waitedUntil = -Infinity;
  #lateFrom = Infinity;
  #knownUntil = Infinity;
  #slowBefore = -Number.MAX_VALUE;
  #isLinkOut = false;
  readonly #own = new Timeline();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** This process could not run. */
  pause(from: number, to: number): void {
    this.#own.add(from, to);
    this.slowBefore(to);
  }

  /** Heartbeats that are read from now on may have come before, and be read until `until`. */
  waiting(now: number, until: number): void {
    this.#waitedFrom = now;
    this.#waitedUntil = until;
    this.slowBefore(until);
  }

  /** All that waited has been read. */
  allRead(now: number): void {
    this.#waitedUntil = Math.min(this.#waitedUntil, now);
  }

  /** Whether a heartbeat of that time may have come before it. */
  mayHaveWaited(at: number): boolean {
    return at >= this.#waitedFrom && at <= this.#waitedUntil;
  }

  /** A heartbeat at or after `at` says that this process was late. */
  lateFrom(at: number): void {
    this.#lateFrom = at;
    this.#setSlowFrom();
  }

  /** A heartbeat before `at` is none of the future for sure. */
  knownUntil(at: number): void {
    this.#knownUntil = at;
    this.#setSlowFrom();
  }

  /** The clock was set, `at` is the time of now: every heartbeat takes the slow path. */
  stepped(at: number): void {
    this.steppedAt = at;
    this.slowBefore(at);
    this.knownUntil(-Infinity);
  }

  /** Heartbeats of peers whose last one lies before `at` take the slow path. */
  slowBefore(at: number): void {
    if (at > this.#slowBefore) this.#slowBefore = at;
    this.#setSlowBefore();
  }

  /** While a link is out, all heartbeats do. */
  linkOut(isOut: boolean): void {
    this.#isLinkOut = isOut;
    this.#setSlowBefore();
  }

  #setSlowBefore(): void {
    this.#bounds.slowBefore = this.#isLinkOut ? Infinity : this.#slowBefore;
  }

  #setSlowFrom(): void {
    this.#bounds.slowFrom = Math.min(this.#lateFrom, this.#knownUntil);
  }

  /**
   * Time between two instants that is no silence of a peer: this process could not run, or all of
   * the links by which it was heard were down.
   */
  paused(links: readonly DetectorLink[], from: number, to: number): number {
    if (!(to > from)) return 0;
    const [first, ...others] = links;
    let spans: readonly Span[] = first?.spans(from, to) ?? [];
    for (const link of others) spans = inBoth(spans, link.spans(from, to));
    let paused = 0;
    let at = from;
    for (const [start, end] of spans) {
      paused += end - start + this.#ownPaused(at, start);
      at = end;
    }
    return paused + this.#ownPaused(at, to);
  }

  #ownPaused(from: number, to: number): number {
    if (!(to > from && this.#own.touched(from))) return 0;
    return this.#own.before(to) - this.#own.before(from);
  }
}
