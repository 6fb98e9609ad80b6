/**
 * Peers that are counted together, and the hold of their suspicions: all peers but those of silent
 * groups, or those of one group.
 */

import type { Slot } from '../peers/records.js';

/** So many of the latest returns say how fast peers return: of late, as they become slower. */
const RETURNS = 5;
/** A longer pause between two returns than in one of so many cases means that they have ceased. */
const RARE = 500;
/** The same once it is plain that they return one after another: clients that back off do. */
const RARE_STAGGERED = 10_000;

/**
 * How long no return must have come until they have ceased, the last `count` ones having come within
 * `span` ms: returns that come evenly by chance, at a rate of which no more is known, leave a longer
 * pause w than this with the chance (span/(span + w))^(count − 1) = 1/rare. Infinite for one return,
 * as it says nothing about how fast they come.
 */
export function longestPause(span: number, count: number, rare: number): number {
  if (count < 2) return Infinity;
  return span * (rare ** (1 / (count - 1)) - 1);
}

export class Population {
  /** The group; undefined for all that are in no silent one. */
  readonly group: string | undefined;
  /** Peers that were heard and are not suspected, but for those that have been judged as a whole. */
  watched = 0;
  /** Those of them that are overdue. */
  overdue = 0;
  /** Suspicions are held. */
  active = false;
  /** When the present or last hold began. */
  since = -Infinity;
  /** Peers that were in time when it began, or were first heard since, and the heard of them. */
  base = 0;
  heard = 0;
  /** The state of a peer that was heard since, and of one that has returned since. */
  heardMark = 0;
  backMark = 0;
  /** When the last overdue peer returned; −Infinity when no return puts anything off. */
  returned = -Infinity;
  /** Slots whose suspicions are held. */
  held: Slot[] = [];
  /** Where it stands in the queue of ends. */
  queuedAt = Infinity;
  /** The latest returns, and the first. */
  #returns: number[] = [];
  #firstReturn = 0;
  /** At least this long after the last return the hold goes on, in ms. */
  #pace = 0;

  constructor(group?: string) {
    this.group = group;
  }

  begin(now: number, pace: number, mark: number): void {
    this.active = true;
    this.since = now;
    this.base = this.watched - this.overdue;
    this.heard = 0;
    this.heardMark = mark;
    this.backMark = mark - 1;
    this.returned = -Infinity;
    this.#returns = [];
    this.#pace = pace;
  }

  /** A peer returned that was overdue. */
  noteReturn(now: number): void {
    this.returned = now;
    if (this.#returns.length === 0) this.#firstReturn = now;
    if (this.#returns.push(now) > RETURNS) this.#returns.shift();
  }

  /** A peer that was heard since has become overdue: it proves nothing any more. */
  unhear(): void {
    this.base--;
    this.heard--;
  }

  /** A peer in time, of this state, is counted here no longer. */
  lose(state: number): void {
    if (state === this.backMark) return;
    this.base--;
    if (state === this.heardMark) this.heard--;
  }

  /** Half of those that were never overdue in it have been heard since it began: the path works. */
  get proven(): boolean {
    return this.heard > 0 && 2 * this.heard >= this.base;
  }

  /** Until when the last return puts off a suspicion of a peer that beats as often as `pace`. */
  puttingOff(pace: number): number {
    if (this.returned === -Infinity) return -Infinity;
    return this.returned + Math.max(pace, this.#longestPause());
  }

  #longestPause(): number {
    const { length } = this.#returns;
    const { proven } = this;
    const few = length < RETURNS;
    if (length === 0 || (proven && few)) return 0;
    const staggered = few || this.returned - this.#firstReturn > this.#pace;
    const rare = staggered && !proven ? RARE_STAGGERED : RARE;
    const pause = longestPause(this.returned - this.#returns[0], length, rare);
    // A few may have come close together by chance: one that backs off waits as long as it has.
    return few ? Math.max(pause, this.#firstReturn - this.since) : pause;
  }

  /** When the hold ends at the latest, as known now; −Infinity when nobody is overdue any more. */
  endsAt(maxHold: number): number {
    if (this.overdue === 0) return -Infinity;
    const latest = this.since + maxHold;
    return this.returned === -Infinity ? latest : Math.min(latest, this.puttingOff(this.#pace));
  }
}

/** A group of peers behind one switch, host or zone. */
export class Group extends Population {
  constructor(
    override readonly group: string,
    readonly number: number,
    /** Tells the peers that became overdue and are counted from those judged as a whole. */
    public epoch: number,
    /** How often all peers together had been judged as a whole when it was last counted with them. */
    public era: number,
  ) {
    super(group);
  }

  /** Counted apart, since nobody in it is heard. */
  silent = false;
  /** When a peer of it was heard last, as known when it was found to be silent. */
  lastHeard = -Infinity;
  /** Has peers that became overdue since it was last examined. */
  changed = false;
  /** Where in its list of members one was heard of late. */
  witness = 0;
}

/** Above this, the silence of the others is taken for chance. */
const CHANCE = 0.3;

/**
 * The chance that nobody of healthy peers is heard for `silent` ms, each beating once in its period:
 * the product of 1 − silent/period, at least 0. The most frequent one is left out, as it may be the
 * one that has died.
 */
export function chanceOfSilence(periods: Iterable<number>, silent: number): number {
  let others = 1;
  let least = 1;
  for (const period of periods) {
    const one = Math.max(1 - silent / period, 0);
    others *= Math.max(one, least);
    least = Math.min(one, least);
  }
  return others;
}

/** Whether that is likely enough to say nothing about the group. */
export const isChance = (periods: Iterable<number>, silent: number): boolean =>
  chanceOfSilence(periods, silent) > CHANCE;
