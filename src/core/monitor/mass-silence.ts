/**
 * Everybody silent at once is not N failures but a broken observer, switch or name service:
 * suspicions are then held until it is clear whose silence it is.
 *
 * Counted are the peers that were heard and are not suspected, and those of them that are overdue
 * (φ ≥ 1). If more than `fraction` of them are overdue when a suspicion falls due, it is held. A
 * group of peers of which nobody is heard any more, and not by chance, is counted and held apart
 * from all others. A hold ends
 *   (a) when half of those who were never overdue in it have been heard since it began, while
 *       nobody has returned: the path works, and the silent are suspected, and counted no longer;
 *   (b) when overdue peers have returned and nobody is overdue any more, or returns have ceased:
 *       whoever is still silent then gets one more of its own periods after the last return;
 *   (c) `maxHold` after it began: everybody silent is suspected. No suspicion is held for longer,
 *       also when (b) put it off and the next hold caught it.
 * A peer that has returned proves nothing about those that have not yet.
 *
 * Nobody is counted by looking: who is overdue next is a queue of its own, which is advanced when a
 * suspicion falls due, and not before. O(1) amortised for each change of a peer. The members of a
 * group are looked at when a suspicion of one falls due and the one heard of late is silent too.
 */
import type { ResolvedMassSilence } from '../guards.js';
import type { Groups } from '../peers/groups.js';
import type { Peers } from '../peers/peers.js';
import { HEARD, OVERDUE, type Records, type Slot } from '../peers/records.js';
import { BUSY, DeadlineQueue, type Deadlines, IDLE } from './deadlines.js';
import { MinHeap } from './min-heap.js';
import { Group, isChance, Population } from './population.js';
import type { Timing } from './timing.js';

/** The edge of a mass silence. */
export interface MassSilenceEvent {
  readonly at: number;
  /** Peers that are overdue (φ ≥ 1) though not suspected. */
  readonly overdue: number;
  /** Peers that were heard and are not suspected, overdue or not. */
  readonly watched: number;
  /** True where suspicions are held from now on, false where they are no longer. */
  readonly active: boolean;
  /** The group that is silent as a whole; not there for the silence of many without one. */
  readonly group?: string;
}

/** Results of {@link MassSilence.judge}. */
export const CONVICT = 0;
export const HOLD = 1;

// States of a slot. In time are the negative ones, each hold marking whom it has heard, and who has
// returned, with one of its own; a positive one is the epoch in which the peer became overdue.
const ABSENT = 0;
const IN_TIME = -1;

/** Fewer peers are no group that falls silent as a whole. */
const LEAST_IN_GROUP = 3;

/** φ is 1 after less than so many of a peer's intervals. */
const LATEST = 1.5;

interface Hold {
  readonly since: number;
  until: number;
  readonly of: Population;
}

export class MassSilence implements Deadlines {
  readonly #options: ResolvedMassSilence;
  readonly #records: Records;
  readonly #groupsOf: Groups;
  readonly #timing: Timing;
  readonly #say: (event: MassSilenceEvent) => void;
  readonly #queue = new DeadlineQueue(this);
  /** By slot. */
  #states = new Int32Array();
  #keys = new Float64Array();
  /** Peers that are in no silent group. */
  readonly #all = new Population();
  readonly #groups: (Group | undefined)[] = [];
  /** Groups to be examined before more than `fraction` of all is taken for a mass silence. */
  readonly #changed: Group[] = [];
  /** How often all were judged as a whole. */
  #era = 0;
  /** The last epoch, and the last mark, that was given away. */
  #epochs = 1;
  #marks = IN_TIME - 1;
  #epoch = 1;

  /** Slots whose suspicion was held and has not been said: since when, until when, and by whom. */
  readonly #held = new Map<Slot, Hold>();
  /** Ends of holds; an entry may be stale. */
  readonly #ends = new MinHeap<Population>();
  #holds = 0;
  /** Slots to be judged again. */
  readonly #releasing: Slot[][] = [];
  /** Of the peer that is about to beat: its last heartbeat, and whether it is overdue. */
  #lastHeard = -Infinity;
  #late = false;

  constructor(
    options: ResolvedMassSilence,
    peers: Peers<unknown>,
    timing: Timing,
    say: (event: MassSilenceEvent) => void,
  ) {
    this.#options = options;
    this.#records = peers.records;
    this.#groupsOf = peers.groups;
    this.#timing = timing;
    this.#say = say;
  }

  /** Suspicions are held, or were and are not yet said. */
  get active(): boolean {
    return this.#holds > 0 || this.#held.size > 0;
  }

  /** Whether the slot's suspicion is held, or put off for one more period. */
  holds(slot: Slot): boolean {
    return this.#held.has(slot);
  }

  /** When the slot is to be judged again, at the earliest. */
  heldUntil(slot: Slot): number {
    return this.#held.size === 0 ? -Infinity : (this.#held.get(slot)?.until ?? -Infinity);
  }

  /** There are slots to be judged again, after a hold. */
  get releasing(): boolean {
    return this.#releasing.length > 0;
  }

  /** When the next hold may end. */
  get until(): number {
    const ends = this.#ends;
    while (ends.key < Infinity && ends.first.queuedAt !== ends.key) ends.pop();
    return ends.key;
  }

  /**
   * The slot's peer is heard, and not suspected, from now on.
   *
   * @param fresh whether that is so for the first time: it proves that the path works
   */
  join(slot: Slot, fresh: boolean): void {
    this.leave(slot);
    const group = this.#groupOf(slot);
    if (group?.silent && !group.active) this.#reunite(group);
    const population = this.#populationOf(group);
    if (group) group.watched++;
    if (population !== group) population.watched++;
    this.#await(slot);
    if (!population.active) return;
    if (fresh) population.base++;
    else this.#setState(slot, population.backMark);
    this.#records.set(slot, OVERDUE);
  }

  /** The slot's peer is suspected, or forgotten, or changes its group. */
  leave(slot: Slot): void {
    this.#held.delete(slot);
    const state = this.#stateOf(slot);
    if (state === ABSENT) return;
    const group = this.#groupOf(slot);
    const population = this.#populationOf(group);
    const overdue = state === this.#epochOf(group);
    if (state < ABSENT || overdue) {
      if (group) group.watched--;
      if (population !== group) population.watched--;
    }
    if (overdue) this.#notOverdue(group, population);
    else if (population.active) population.lose(state);
    this.#setState(slot, ABSENT);
    if (overdue && population.active && population.overdue === 0) this.#queueEnd(population);
  }

  /** A peer that is not suspected is about to beat, not for the first time. */
  beforeBeat(slot: Slot, now: number): void {
    this.#lastHeard = this.#lastHeartbeatOf(slot);
    this.#late = now >= this.#timing.overdueAt(slot);
  }

  /**
   * It has beaten: it was overdue, or in no hold so far, or beats for the first time in one.
   *
   * @returns whether there may be something to do now
   */
  beat(slot: Slot, now: number): boolean {
    const state = this.#stateOf(slot);
    const group = this.#groupOf(slot);
    if (group?.silent && !group.active) this.#reunite(group);
    const population = this.#populationOf(group);
    if (state > ABSENT) {
      if (state === this.#epochOf(group)) this.#notOverdue(group, population);
      else {
        if (group) group.watched++;
        if (population !== group) population.watched++;
      }
      this.#await(slot);
    }
    const of = this.#held.get(slot)?.of;
    this.#held.delete(slot);
    // Whoever was silent with it may still be about to return, though the hold is over.
    if (of && !of.active && of.returned > -Infinity) of.noteReturn(now);
    if (!population.active) return false;
    if (state > ABSENT || this.#late) {
      if (state === population.heardMark) population.unhear();
      this.#setState(slot, population.backMark);
      // Who was heard since the hold began is none of those whom it is about; and a heartbeat of a
      // time that is far off is no return.
      const soon = now + this.#timing.overdueAfter(slot);
      const credible = this.#lastHeartbeatOf(slot) <= soon;
      if (credible && this.#lastHeard < population.since) population.noteReturn(now);
    } else if (state !== population.heardMark && state !== population.backMark) {
      this.#setState(slot, population.heardMark);
      population.heard++;
    }
    return this.#review(population, now);
  }

  /** The slot's instants may have become earlier ones. */
  requeue(slot: Slot): void {
    if (this.#stateOf(slot) >= ABSENT) return;
    const at = this.#timing.overdueAt(slot);
    if (at < this.queuedAt(slot)) this.#queue.insert(slot, at);
  }

  /** Puts a peer that is in time where it will be overdue. */
  #await(slot: Slot): void {
    this.#setState(slot, IN_TIME);
    this.requeue(slot);
  }

  #notOverdue(group: Group | undefined, population: Population): void {
    if (group) group.overdue--;
    if (population !== group) population.overdue--;
  }

  /** A bounded step towards knowing who is overdue at `at`; false when that is known. */
  step(at: number): boolean {
    const slot = this.#queue.step(at);
    if (slot === IDLE) return this.#separate(at);
    if (slot === BUSY) return true;
    const group = this.#groupOf(slot);
    const population = this.#populationOf(group);
    if (population.active && this.#stateOf(slot) === population.heardMark) population.unhear();
    this.#setState(slot, this.#epochOf(group));
    population.overdue++;
    if (group && population !== group) {
      group.overdue++;
      if (!group.changed) this.#changed.push(group);
      group.changed = true;
    }
    this.#records.set(slot, OVERDUE);
    return true;
  }

  /** Examines one group that may be silent, where so many are overdue that it matters. */
  #separate(at: number): boolean {
    if (this.#changed.length === 0 || this.#all.active || !this.#exceeded()) return false;
    const group = this.#changed.pop() as Group;
    group.changed = false;
    this.#catchUp(group);
    if (!group.silent) this.#examine(group, at, at);
    return true;
  }

  /**
   * What to do with a suspicion that is due: {@link CONVICT}, or {@link HOLD} it, to be judged again
   * at {@link heldUntil} or when {@link released}. Who is overdue must be known.
   */
  judge(slot: Slot, now: number): typeof CONVICT | typeof HOLD {
    this.expire(now);
    const since = this.#held.get(slot)?.since ?? now;
    const latest = since + this.#options.maxHold; // whatever holds follow upon each other
    if (now >= latest) return CONVICT;
    const group = this.#groupOf(slot);
    const expected = this.#timing.overdueAt(slot);
    if (group && !group.silent) this.#examine(group, now, expected);
    // Who was silent before the others of its group is silent for a reason of its own.
    const whole = group?.silent && group.lastHeard <= expected;
    const of = whole ? (group as Group) : this.#all;
    if (of.active) this.#review(of, now);
    else if (whole || this.#exceeded()) this.#begin(of, slot, now);
    if (of.active) {
      of.held.push(slot);
      this.#held.set(slot, { since, until: latest, of });
      return HOLD;
    }
    const again = Math.max(this.#putOff(of, slot), group ? this.#putOff(group, slot) : -Infinity);
    if (now >= again) return CONVICT;
    const by = group && again === this.#putOff(group, slot) ? group : of;
    this.#held.set(slot, { since, until: Math.min(again, latest), of: by });
    return HOLD;
  }

  /** Until when a hold that has ended puts the suspicion of a slot off. */
  #putOff(of: Population, slot: Slot): number {
    if (!(this.#lastHeartbeatOf(slot) < of.since)) return -Infinity;
    return of.puttingOff(this.#timing.overdueAfter(slot));
  }

  /** Ends holds that have lasted for too long, or whose returns have ceased. */
  expire(now: number): void {
    for (let { until } = this; until <= now; { until } = this) {
      const population = this.#ends.first;
      this.#ends.pop();
      population.queuedAt = Infinity;
      const { maxHold } = this.#options;
      if (population.overdue === 0) this.#end(population, false, now);
      else if (now < population.endsAt(maxHold)) this.#queueEnd(population);
      else {
        if (now >= population.since + maxHold) population.returned = -Infinity;
        this.#end(population, true, now);
      }
    }
  }

  /** The next slot to be decided again after a hold; undefined for none. */
  released(): Slot | undefined {
    for (let slots = this.#releasing.at(-1); slots; slots = this.#releasing.at(-1)) {
      const slot = slots.pop();
      if (slots.length === 0) this.#releasing.pop();
      const hold = slot !== undefined && this.#held.get(slot);
      if (!hold) continue; // it has returned, or is forgotten
      hold.until = -Infinity;
      return slot;
    }
    return undefined;
  }

  /** There is more than a few peers' silence, and it is more than their share. */
  #exceeded(): boolean {
    const { fraction, minPeers, minOverdue } = this.#options;
    const { overdue, watched } = this.#all;
    return watched >= minPeers && overdue >= minOverdue && overdue > fraction * watched;
  }

  /** Whether the hold has ended. */
  #review(population: Population, now: number): boolean {
    const none = population.returned === -Infinity;
    if (population.overdue === 0) this.#end(population, false, now);
    else if (none && population.proven) this.#end(population, true, now);
    else if (none && population === this.#all && !this.#exceeded()) {
      population.returned = now;
      this.#end(population, false, now);
    } else this.#queueEnd(population);
    return !population.active;
  }

  #begin(population: Population, slot: Slot, now: number): void {
    this.#marks = this.#marks > -1e9 ? this.#marks - 2 : IN_TIME - 3;
    population.begin(now, this.#timing.overdueAfter(slot), this.#marks + 1);
    this.#holds++;
    this.#queueEnd(population);
    this.#tell(population, now);
  }

  #queueEnd(population: Population): void {
    const at = population.endsAt(this.#options.maxHold);
    if (!(at < population.queuedAt)) return;
    population.queuedAt = at;
    this.#ends.push(at, 0, population);
  }

  /** @param judged whether the silent are suspected from now on, and counted no longer */
  #end(population: Population, judged: boolean, now: number): void {
    population.active = false;
    population.queuedAt = Infinity;
    this.#holds--;
    if (population.held.length > 0) this.#releasing.push(population.held);
    population.held = [];
    this.#tell(population, now);
    if (judged) {
      population.watched -= population.overdue;
      population.overdue = 0;
      if (population === this.#all) {
        this.#era++;
        this.#epoch = ++this.#epochs;
      } else (population as Group).epoch = ++this.#epochs;
    }
    if (population !== this.#all) this.#reunite(population as Group);
  }

  #tell({ overdue, watched, active, group }: Population, at: number): void {
    this.#say({ at, overdue, watched, active, ...(group !== undefined && { group }) });
  }

  // Groups.

  /** The slot's group, counted as it is now; undefined for none. */
  #groupOf(slot: Slot): Group | undefined {
    const groups = this.#groupsOf;
    const number = groups.of(slot);
    if (number === 0) return undefined;
    const name = groups.name(number);
    let group = this.#groups[number];
    if (group?.group !== name) {
      group = new Group(name, number, ++this.#epochs, this.#era);
      this.#groups[number] = group;
    }
    this.#catchUp(group);
    return group;
  }

  /** What became of its overdue peers when all were judged as a whole. */
  #catchUp(group: Group): void {
    if (group.silent || group.era === this.#era) return;
    group.era = this.#era;
    group.watched -= group.overdue;
    group.overdue = 0;
    group.epoch = ++this.#epochs;
  }

  #populationOf(group: Group | undefined): Population {
    return group?.silent ? group : this.#all;
  }

  /** The state of a peer that is overdue and counted. */
  #epochOf(group: Group | undefined): number {
    return group === undefined ? this.#epoch : group.epoch;
  }

  /**
   * Counts the group apart if nobody in it is heard: not since `expected`, when one of its silent
   * peers should have been, and for longer than by chance.
   */
  #examine(group: Group, now: number, expected: number): void {
    if (group.watched < Math.max(this.#options.minOverdue, LEAST_IN_GROUP)) return;
    const members = this.#groupsOf.members(group.number);
    let heard = -Infinity;
    for (let n = 0; n < members.length; n++) {
      const place = (group.witness + n) % members.length;
      const last = this.#lastHeartbeatOf(members[place]);
      if (last > expected) {
        group.witness = place;
        return;
      }
      heard = Math.max(heard, last);
    }
    const counted = members.filter((slot) => this.#counts(slot, group));
    // One that announced a longer silence is not expected in its usual interval.
    const periods = counted.map((slot) =>
      Math.max(this.#timing.mean(slot), this.#expectedWithin(slot) / LATEST),
    );
    if (isChance(periods, now - heard)) return;
    group.silent = true;
    group.lastHeard = heard;
    const all = this.#all;
    all.watched -= group.watched;
    all.overdue -= group.overdue;
    for (const slot of counted) {
      const state = this.#stateOf(slot);
      if (all.active && state < ABSENT) all.lose(state);
      this.#records.set(slot, OVERDUE);
    }
  }

  /** The silence at which the slot is overdue, pauses and what was announced included. */
  #expectedWithin(slot: Slot): number {
    return this.#timing.overdueAt(slot) - this.#lastHeartbeatOf(slot);
  }

  /** Whether the slot's silence counts. */
  #counts(slot: Slot, group: Group): boolean {
    const state = this.#stateOf(slot);
    const counted = state < ABSENT || state === group.epoch;
    return counted && this.#timing.overdueAt(slot) < Infinity;
  }

  /** Counts a group with all others again. */
  #reunite(group: Group): void {
    const all = this.#all;
    group.silent = false;
    group.era = this.#era;
    all.watched += group.watched;
    all.overdue += group.overdue;
    if (!all.active) return;
    for (const slot of this.#groupsOf.members(group.number)) {
      if (this.#stateOf(slot) < ABSENT) this.#setState(slot, all.backMark);
    }
  }

  // States and keys of slots.

  #reserve(slot: Slot): void {
    const { length } = this.#states;
    if (slot < length) return;
    const [states, keys] = [this.#states, this.#keys];
    const size = Math.max(this.#records.size, slot + 1);
    this.#states = new Int32Array(size);
    this.#states.set(states);
    this.#keys = new Float64Array(size);
    this.#keys.set(keys);
    this.#keys.fill(Infinity, length);
  }

  #stateOf(slot: Slot): number {
    return slot < this.#states.length ? this.#states[slot] : ABSENT;
  }

  #setState(slot: Slot, state: number): void {
    this.#reserve(slot);
    this.#states[slot] = state;
  }

  /** −Infinity for a peer that was never heard. */
  #lastHeartbeatOf(slot: Slot): number {
    return this.#records.has(slot, HEARD) ? this.#records.last(slot) : -Infinity;
  }

  dueAt(slot: Slot): number {
    return this.#stateOf(slot) < ABSENT ? this.#timing.overdueAt(slot) : Infinity;
  }

  queuedAt(slot: Slot): number {
    return slot < this.#keys.length ? this.#keys[slot] : Infinity;
  }

  setQueuedAt(slot: Slot, key: number): void {
    this.#reserve(slot);
    this.#keys[slot] = key;
  }

  ordinalOf(slot: Slot): number {
    return this.#records.watch(slot);
  }
}
