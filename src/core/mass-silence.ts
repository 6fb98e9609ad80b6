/**
 * Everybody silent at once is not N failures but a broken observer, switch or name service: verdicts
 * are then held until it is clear whose silence it is.
 *
 * Counted are the peers that were heard and are not suspected, and those of them that are overdue
 * (φ ≥ 1). If more than `fraction` of them are overdue when a verdict falls due, it is held. The
 * hold ends
 *   (a) when half of those who are not overdue have beaten since it began: the path works, and the
 *       silent are judged, without being counted again;
 *   (b) when so many have returned that the share is no longer exceeded: whoever is still silent
 *       gets one more of its own periods;
 *   (c) `maxHold` after the first of its verdicts: everybody silent is judged. No verdict is held
 *       for longer, also when (b) put it off and the next hold caught it.
 *
 * Nobody is counted by looking: who is overdue next is a queue of its own, which is advanced when a
 * verdict falls due, and not before. O(1) amortised for each change of a peer.
 */
import { DeadlineQueue, type Deadlines, IDLE } from './deadline-queue.js';
import type { ResolvedMassSilence } from './guards.js';
import { FIRST_SIZE, SLAB_BITS, SLAB_SIZE } from './peer-slab.js';

/** The edge of a mass silence. */
export interface MassSilenceEvent {
  readonly at: number;
  /** Peers that are overdue (φ ≥ 1) though not suspected. */
  readonly overdue: number;
  /** Peers that were heard and are not suspected, overdue or not. */
  readonly watched: number;
  /** True where verdicts are held from now on, false where they are no longer. */
  readonly active: boolean;
}

/** What it asks and tells about a slot. */
export interface Silences {
  /** When φ of the slot reaches 1 if silence goes on. */
  overdueAt(slot: number): number;
  /** The slot is overdue from now on: its next heartbeat is to be told. */
  setOverdue(slot: number): void;
  ordinalOf(slot: number): number;
  lastHeartbeatOf(slot: number): number;
  /** The mean of its intervals. */
  periodOf(slot: number): number;
}

/** Results of {@link MassSilence.judge}. */
export const CONVICT = 0;
export const HOLD = 1;

// States of a slot. In time are the negative ones, each hold marking whom it has heard with one of
// its own; a positive one is the epoch in which the peer became overdue.
const ABSENT = 0;
const IN_TIME = -1;
const FIRST_MARK = -2;

interface Hold {
  readonly since: number;
  until: number;
}

/** What is kept of the slots of a slab. */
interface Page {
  readonly states: Int32Array;
  readonly keys: Float64Array;
}

/** A page of so many slots, with what is kept of those of a smaller one. */
function pageOf(size: number, before?: Page): Page {
  const page = { states: new Int32Array(size), keys: new Float64Array(size).fill(Infinity) };
  if (before) page.states.set(before.states);
  if (before) page.keys.set(before.keys);
  return page;
}

export class MassSilence implements Deadlines {
  readonly #options: ResolvedMassSilence;
  readonly #silences: Silences;
  readonly #say: (event: MassSilenceEvent) => void;
  readonly #queue = new DeadlineQueue(this);
  readonly #pages: Page[] = [];
  #epoch = 1;
  watched = 0;
  overdue = 0;

  /** Slots whose verdict was held and is not spoken yet: since when, and until when it is. */
  readonly #held = new Map<number, Hold>();
  #active = false;
  /** When the present or last hold began. */
  #since = -Infinity;
  /** Those in time that have beaten since, and the mark that they have. */
  #heard = 0;
  #mark = FIRST_MARK;
  /** When the overdue returned. */
  #returned = -Infinity;
  #releasing: Iterator<number> | undefined;

  constructor(
    options: ResolvedMassSilence,
    silences: Silences,
    say: (event: MassSilenceEvent) => void,
  ) {
    this.#options = options;
    this.#silences = silences;
    this.#say = say;
  }

  get active(): boolean {
    return this.#active;
  }

  /** Whether the slot's verdict is held, or put off for one more period. */
  holds(slot: number): boolean {
    return this.#held.has(slot);
  }

  isOverdue(slot: number): boolean {
    return this.#stateOf(slot) > ABSENT;
  }

  /** When the slot's verdict is to be judged again, at the earliest. */
  heldUntil(slot: number): number {
    return this.#held.size === 0 ? -Infinity : (this.#held.get(slot)?.until ?? -Infinity);
  }

  /** There are slots to be judged again, after a hold. */
  get releasing(): boolean {
    return this.#releasing !== undefined;
  }

  /** When the hold ends at the latest. */
  get until(): number {
    return this.#active ? this.#since + this.#options.maxHold : Infinity;
  }

  /** The slot's peer is heard, and not suspected, from now on. */
  join(slot: number): void {
    this.leave(slot);
    this.watched++;
    this.#await(slot);
  }

  /** The slot's peer is suspected, or forgotten. */
  leave(slot: number): void {
    const state = this.#stateOf(slot);
    if (state < ABSENT || state === this.#epoch) this.watched--;
    if (state === this.#epoch) this.overdue--;
    if (state === this.#mark) this.#heard--;
    this.#setState(slot, ABSENT);
    this.#release(slot);
  }

  /**
   * A peer beats that was overdue, or for the first time since the hold began. One that returns is
   * in time with its next heartbeat.
   *
   * @returns whether the hold ended
   */
  beat(slot: number, now: number): boolean {
    const state = this.#stateOf(slot);
    if (state > ABSENT) {
      if (state === this.#epoch) this.overdue--;
      else this.watched++;
      this.#await(slot);
    } else if (state < ABSENT && state !== this.#mark && this.#active) {
      this.#setState(slot, this.#mark);
      this.#heard++;
    }
    this.#release(slot);
    return this.#active && this.#review(now);
  }

  /** The slot's instants may have become earlier ones. */
  requeue(slot: number): void {
    if (this.#stateOf(slot) >= ABSENT) return;
    const at = this.#silences.overdueAt(slot);
    if (at < this.queuedAt(slot)) this.#queue.insert(slot, at);
  }

  /** Puts a peer that is in time where it will be overdue. */
  #await(slot: number): void {
    this.#setState(slot, IN_TIME);
    const at = this.#silences.overdueAt(slot);
    if (at < this.queuedAt(slot)) this.#queue.insert(slot, at);
  }

  /** The slot's verdict has been spoken, or need not be. */
  #release(slot: number): void {
    this.#held.delete(slot);
  }

  /** A bounded step towards knowing who is overdue at `at`; false when that is known. */
  step(at: number): boolean {
    const slot = this.#queue.step(at);
    if (slot >= 0) {
      if (this.#stateOf(slot) === this.#mark) this.#heard--;
      this.#setState(slot, this.#epoch);
      this.overdue++;
      this.#silences.setOverdue(slot);
    }
    return slot !== IDLE;
  }

  /**
   * What to do with a verdict that is due: {@link CONVICT}, or {@link HOLD} it, to be judged again
   * at {@link heldUntil} or when {@link released}. Who is overdue must be known.
   */
  judge(slot: number, now: number): typeof CONVICT | typeof HOLD {
    this.expire(now);
    if (this.#active) this.#review(now);
    const since = this.#held.get(slot)?.since ?? now;
    const latest = since + this.#options.maxHold; // whatever holds follow upon each other
    if (now >= latest) return CONVICT;
    if (!this.#active && this.#exceeded()) this.#begin(now);
    const again = this.#active ? latest : this.#returned + this.#silences.periodOf(slot);
    const silent = this.#silences.lastHeartbeatOf(slot) < this.#since;
    if (!this.#active && (!silent || now >= again)) return CONVICT;
    this.#held.set(slot, { since, until: Math.min(again, latest) });
    return HOLD;
  }

  /** Ends a hold that has lasted for too long. */
  expire(now: number): void {
    if (now >= this.until) this.#end(now, true);
  }

  /** The next slot to be judged again after a hold; −1 for none. */
  released(): number {
    const next = this.#releasing?.next();
    if (next === undefined || next.done) {
      this.#releasing = undefined;
      return -1;
    }
    const hold = this.#held.get(next.value);
    if (hold) hold.until = -Infinity;
    return next.value;
  }

  /** There is more than a few peers' silence, and it is more than their share. */
  #exceeded(): boolean {
    const { fraction, minPeers, minOverdue } = this.#options;
    const { overdue, watched } = this;
    return watched >= minPeers && overdue >= minOverdue && overdue > fraction * watched;
  }

  #review(now: number): boolean {
    const inTime = this.watched - this.overdue;
    if (this.#heard > 0 && 2 * this.#heard >= inTime) this.#end(now, true);
    else if (!this.#exceeded()) this.#end(now, false);
    return !this.#active;
  }

  #begin(now: number): void {
    this.#active = true;
    this.#releasing = undefined; // whoever was to be judged is held again
    this.#since = now;
    this.#mark = this.#mark > FIRST_MARK - 1e9 ? this.#mark - 1 : FIRST_MARK;
    this.#heard = 0;
    this.#tell(now);
  }

  /** @param judged whether the silent are judged at once, and counted no longer */
  #end(now: number, judged: boolean): void {
    this.#active = false;
    this.#returned = judged ? -Infinity : now;
    this.#releasing = this.#held.keys();
    this.#tell(now);
    if (!judged) return;
    this.watched -= this.overdue;
    this.overdue = 0;
    this.#epoch++;
  }

  #tell(at: number): void {
    this.#say({ at, overdue: this.overdue, watched: this.watched, active: this.#active });
  }

  #page(slot: number): Page {
    const number = slot >> SLAB_BITS;
    while (this.#pages.length <= number) {
      this.#pages.push(pageOf(this.#pages.length === 0 ? FIRST_SIZE : SLAB_SIZE));
    }
    const page = this.#pages[number];
    const size = page.states.length;
    if ((slot & (SLAB_SIZE - 1)) < size) return page;
    this.#pages[number] = pageOf(2 * size, page); // the first one grows as the first slab does
    return this.#page(slot);
  }

  #stateOf(slot: number): number {
    return this.#page(slot).states[slot & (SLAB_SIZE - 1)];
  }

  #setState(slot: number, state: number): void {
    this.#page(slot).states[slot & (SLAB_SIZE - 1)] = state;
  }

  dueAt(slot: number): number {
    return this.#stateOf(slot) < ABSENT ? this.#silences.overdueAt(slot) : Infinity;
  }

  queuedAt(slot: number): number {
    return this.#page(slot).keys[slot & (SLAB_SIZE - 1)];
  }

  setQueuedAt(slot: number, key: number): void {
    this.#page(slot).keys[slot & (SLAB_SIZE - 1)] = key;
  }

  ordinalOf(slot: number): number {
    return this.#silences.ordinalOf(slot);
  }
}
