/**
 * φ of a peer, and the instants at which it reaches levels. Stored times never move; what was paused
 * since a peer's last heartbeat, and by how much its next one was announced to be later, is added
 * where it is asked for.
 */
import type { Level, Model } from '../model/model.js';
import type { Announcements } from '../peers/announcements.js';
import { type Bounds, PHI, SILENCE, SLOW_BEFORE } from '../peers/bounds.js';
import type { DetectorLink } from '../peers/link.js';
import type { Links } from '../peers/links.js';
import type { PauseTimeline } from '../peers/pauses.js';
import type { Peers } from '../peers/peers.js';
import { APART, HEARD, type Records, type Slot, STARTED } from '../peers/records.js';

/** Intervals since which a link must have been heard to count beside the last one. */
const FEW_INTERVALS = 4;

export class Timing {
  readonly #records: Records;
  readonly #peers: Peers<unknown>;
  readonly #bounds: Bounds;
  readonly #announcements: Announcements;
  readonly #pauses: PauseTimeline;
  readonly #links: Links;

  constructor(peers: Peers<unknown>, pauses: PauseTimeline, links: Links) {
    this.#records = peers.records;
    this.#peers = peers;
    this.#bounds = peers.bounds;
    this.#announcements = peers.announcements;
    this.#pauses = pauses;
    this.#links = links;
  }

  #model(slot: Slot): Model {
    return this.#peers.profile(slot).model;
  }

  /** The suspicion level φ at `at`: 0 before the start, and for what is no time. */
  phi(slot: Slot, at: number): number {
    // Small enough to be inlined where φ is asked for: then neither number is boxed.
    const bounds = this.#bounds.f64;
    bounds[SILENCE] = at;
    this.#measure(slot);
    return bounds[PHI];
  }

  /** Puts φ at the time that stands for the silence into the bounds. */
  #measure(slot: Slot): void {
    const bounds = this.#bounds.f64;
    const records = this.#records;
    const last = records.last(slot);
    if (last < bounds[SLOW_BEFORE] || records.has(slot, APART)) {
      const at = bounds[SILENCE];
      const silence = at - last - this.pausedSince(slot, at) - this.announced(slot);
      // None before the start.
      bounds[SILENCE] = records.has(slot, STARTED) ? silence : Number.NaN;
    } else bounds[SILENCE] -= last;
    this.#model(slot).measure(slot);
  }

  /** Whether the peer is expected at all. */
  isStarted(slot: Slot): boolean {
    return this.#records.has(slot, STARTED);
  }

  /** How much later than usual the peer's next heartbeat was announced for; 0 if it was not. */
  announced(slot: Slot): number {
    return this.#announcements.later(slot);
  }

  /** What was paused since the last heartbeat: it is no silence. */
  pausedSince(slot: Slot, at: number): number {
    return this.pausedBetween(slot, this.#records.last(slot), at);
  }

  /** What was paused of the time between two instants. */
  pausedBetween(slot: Slot, from: number, to: number): number {
    if (!(from < this.#bounds.slowBefore)) return 0;
    return this.#pauses.paused(this.#linksOf(slot), from, to);
  }

  #linksOf(slot: Slot): readonly DetectorLink[] {
    return this.#links.of(slot, () => this.#records.last(slot) - FEW_INTERVALS * this.mean(slot));
  }

  /** Whether all links by which the peer was heard of late are down at `at`. */
  isLinkDown(slot: Slot, at: number): boolean {
    if (this.#bounds.slowBefore !== Infinity) return false;
    const links = this.#linksOf(slot);
    return links.length > 0 && links.every((link) => link.isDownAt(at));
  }

  /** The silence at `at` without what was paused; none before a heartbeat that was stamped ahead. */
  silence(slot: Slot, at: number): number {
    const silence = at - this.#records.last(slot) - this.pausedSince(slot, at);
    return silence < 0 ? 0 : silence;
  }

  /** Since when silence runs, if nothing is paused; later than the last heartbeat by what was announced. */
  since(slot: Slot): number {
    return this.#records.last(slot) + this.#announcements.later(slot);
  }

  /** When the next heartbeat is expected, if nothing is paused. */
  expectedAt(slot: Slot): number {
    const { model, options } = this.#peers.profile(slot);
    const last = this.#records.last(slot);
    return last + model.mean(slot) + options.acceptablePause + this.announced(slot);
  }

  /** Whether a heartbeat at `at` is later than halfway between its expected time and its deadline. */
  isLate(slot: Slot, at: number): boolean {
    const expected = this.expectedAt(slot);
    const counted = at - this.pausedSince(slot, at);
    return counted > expected && counted > 0.5 * (expected + this.#records.suspectAt(slot));
  }

  /** Moves the deadline to where the last heartbeat, or the start, and the model put it. */
  expect(slot: Slot): void {
    const { model, options } = this.#peers.profile(slot);
    const { startupGrace } = options;
    const isWaiting = startupGrace !== undefined && !this.#records.has(slot, HEARD);
    const at = isWaiting
      ? this.#records.last(slot) + startupGrace
      : this.since(slot) + model.tolerated(slot);
    this.#records.setSuspectAt(slot, at);
  }

  /** When silence is suspicion if it goes on, moved by pauses; Infinity while it does not count. */
  suspectAt(slot: Slot): number {
    return this.#records.suspectAt(slot) + this.pausedSince(slot, Infinity);
  }

  /** When φ reaches a level if silence goes on and nothing is paused; Infinity before the start. */
  instantOf(slot: Slot, level: Level): number {
    if (!this.#records.has(slot, STARTED)) return Infinity;
    return this.#model(slot).reachedAt(slot, level, this.since(slot));
  }

  /** When φ reaches 1 if silence goes on; Infinity while that does not count. */
  overdueAt(slot: Slot): number {
    const { overdue } = this.#peers.profile(slot);
    return this.instantOf(slot, overdue) + this.pausedSince(slot, Infinity);
  }

  /** How long a silence that is, without pauses and what was announced. */
  overdueAfter(slot: Slot): number {
    const { overdue } = this.#peers.profile(slot);
    return this.instantOf(slot, overdue) - this.since(slot);
  }

  /** The expected time between heartbeats. */
  mean(slot: Slot): number {
    return this.#model(slot).mean(slot);
  }

  /** Time of the last accepted heartbeat; undefined before the first. */
  lastHeartbeat(slot: Slot): number | undefined {
    return this.#records.has(slot, HEARD) ? this.#records.last(slot) : undefined;
  }
}
