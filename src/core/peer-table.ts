/**
 * The peers of a detector by id and by slot: who is watched, how far up its ladder of levels each
 * one is, and who crosses next. A peer changes here before anybody is told, so that a listener
 * may call whatever it likes.
 */
import { BUSY, DeadlineQueue, type Deadlines, IDLE } from './deadline-queue.js';
import type { Events, FailureDetectorEvents, Reason, Transition } from './events.js';
import type { ResolvedOptions } from './options.js';
import { type BeatOutcome, PeerRecords } from './peer-records.js';
import {
  FLAGS,
  HEARD,
  LAST,
  QUEUED_AT,
  RECOVERED,
  RUNG_MASK,
  RUNG_SHIFT,
  SLAB_BITS,
  SLAB_MASK,
  STARTED,
  SUSPECT_AT,
} from './peer-slab.js';
import type { Profile } from './profile.js';

/**
 * What became of a heartbeat. Only `'accepted'` ones count; all others are dropped and counted.
 * `'refused'`: the peer is not watched, and may not be (`maxPeers`, `autoWatch`, closed).
 */
export type HeartbeatOutcome = BeatOutcome | 'refused';

/** Heartbeats that were dropped, by reason. */
export type DropCounts = Record<Exclude<HeartbeatOutcome, 'accepted'>, number>;

/** `'starting'`: watched, not heard yet, not suspected yet. */
export type Status = 'starting' | 'available' | 'suspect';

export class PeerTable<Id> implements Deadlines {
  readonly records = new PeerRecords();
  readonly slots = new Map<Id, number>();
  readonly dropped: DropCounts = { duplicate: 0, 'out-of-order': 0, 'not-finite': 0, refused: 0 };
  readonly #ids: (Id | undefined)[] = [];
  readonly #queue = new DeadlineQueue(this);
  readonly #events: Events<FailureDetectorEvents<Id>>;
  readonly #onEarlier: (at: number) => void;

  /** @param onEarlier told whenever a peer's next crossing comes before those queued for it */
  constructor(events: Events<FailureDetectorEvents<Id>>, onEarlier: (at: number) => void) {
    this.#events = events;
    this.#onEarlier = onEarlier;
  }

  add(id: Id, options: ResolvedOptions): number {
    const slot = this.records.add(options);
    this.slots.set(id, slot);
    this.#ids[slot] = id;
    return slot;
  }

  remove(slot: number): void {
    this.slots.delete(this.#ids[slot] as Id);
    this.#ids[slot] = undefined;
    this.records.remove(slot);
  }

  start(slot: number, at: number): void {
    this.records.start(slot, at);
    this.#enqueue(slot);
  }

  /** New options for a watched peer. A suspected one stays so until it earns its return. */
  reconfigure(slot: number, options: ResolvedOptions, at: number): void {
    const suspected = this.status(slot) === 'suspect';
    this.records.reconfigure(slot, options);
    const { suspectRung } = this.records.profileOf(slot);
    const crossed = this.#crossedBy(slot, at, suspectRung - 1);
    this.#setRung(slot, suspected ? suspectRung : crossed);
    this.#enqueue(slot);
  }

  heartbeat(slot: number, at: number): BeatOutcome {
    if (!Number.isFinite(at)) {
      this.dropped['not-finite']++;
      return 'not-finite';
    }
    const slab = this.records.slabs[slot >> SLAB_BITS];
    const record = slot & SLAB_MASK;
    const last = slab.f64[record * 8 + LAST];
    // Past half of its tolerated silence a beat may be late; where a level was crossed, it changes.
    if (
      (slab.i32[record * 16 + FLAGS] & RUNG_MASK) !== 0 ||
      at - last > 0.5 * (slab.f64[record * 8 + SUSPECT_AT] - last)
    ) {
      return this.#returning(slot, at);
    }
    const outcome = this.records.heartbeat(slot, at);
    if (outcome !== 'accepted') this.dropped[outcome]++;
    else if (this.dueAt(slot) < slab.f64[record * 8 + QUEUED_AT]) this.#enqueue(slot);
    return outcome;
  }

  /** A beat after a long silence: levels fall, a suspected peer may have earned its return. */
  #returning(slot: number, at: number): BeatOutcome {
    const { records } = this;
    const profile = records.profileOf(slot);
    const watch = records.watchOf(slot);
    const peer = this.#ids[slot] as Id;
    const rung = this.#rung(slot);
    const heard = (records.flagsOf(slot) & HEARD) !== 0;
    const last = records.lastOf(slot);
    const due = records.suspectAtOf(slot);
    const expected = last + records.mean(slot) + profile.pause;
    const phi = records.phi(slot, at);
    const outcome = records.heartbeat(slot, at);
    if (outcome !== 'accepted') {
      this.dropped[outcome]++;
      return outcome;
    }
    const earned = rung < profile.suspectRung || this.#recovers(slot, at < due, profile);
    const crossed = this.#crossedBy(slot, at, rung);
    const target = earned ? crossed : Math.max(crossed, profile.suspectRung);
    this.#setRung(slot, target);
    this.#enqueue(slot);

    const silence = at - last;
    const fell = (from: number, to: number): Transition<Id> => ({
      peer,
      phi,
      due: at,
      at,
      silence,
      level: levelName(profile, to),
      previous: levelName(profile, from),
      reason: 'heartbeat',
    });
    for (let r = rung; r > target && records.watchOf(slot) === watch; r--) {
      if (r !== profile.suspectRung) this.#events.emit('level', fell(r, r - 1));
    }
    const returns = rung >= profile.suspectRung && target < profile.suspectRung;
    if (returns && records.watchOf(slot) === watch) {
      this.#events.emit('available', fell(profile.suspectRung, target));
    }
    const late = heard && at > expected && at > (expected + due) / 2;
    if (late && records.watchOf(slot) === watch) {
      this.#events.emit('late', { peer, at, expected, due, silence, phi });
    }
    return outcome;
  }

  /** Counts a suspected peer's beats in time, the returning one as the first. */
  #recovers(slot: number, inTime: boolean, profile: Profile): boolean {
    const { coldI32 } = this.records.slabs[slot >> SLAB_BITS];
    const i = (slot & SLAB_MASK) * 8 + RECOVERED;
    coldI32[i] = inTime ? coldI32[i] + 1 : 1;
    return coldI32[i] >= profile.recoverAfter;
  }

  /**
   * A bounded step towards `at`: says the next crossing that is due by then, if any.
   * False when there is nothing left to do.
   */
  step(at: number): boolean {
    const slot = this.#queue.step(at);
    if (slot === IDLE) return false;
    if (slot !== BUSY) this.#cross(slot, at);
    return true;
  }

  /** When to step next: the earliest crossing, or a little before; Infinity for never. */
  earliest(): number {
    return this.#queue.earliest();
  }

  /** The peer climbs one rung, whose instant has come. */
  #cross(slot: number, at: number): void {
    const { records } = this;
    const profile = records.profileOf(slot);
    const last = records.lastOf(slot);
    const rung = this.#rung(slot);
    const due = this.dueAt(slot);
    const reason: Reason = due === last + profile.maxSilence ? 'max-silence' : 'silence';
    this.#setRung(slot, rung + 1);
    const suspect = rung + 1 === profile.suspectRung;
    if (suspect) {
      records.slabs[slot >> SLAB_BITS].coldI32[(slot & SLAB_MASK) * 8 + RECOVERED] = 0;
    }
    this.#enqueue(slot);
    const event = suspect ? 'suspect' : 'level';
    if (!this.#events.hasListeners(event)) return;
    this.#events.emit(event, {
      peer: this.#ids[slot] as Id,
      phi: records.phi(slot, at),
      due,
      at,
      silence: at - last,
      level: levelName(profile, rung + 1),
      previous: levelName(profile, rung),
      reason,
    });
  }

  status(slot: number): Status {
    if (this.#rung(slot) >= this.records.profileOf(slot).suspectRung) return 'suspect';
    return (this.records.flagsOf(slot) & HEARD) !== 0 ? 'available' : 'starting';
  }

  level(slot: number): string | undefined {
    return levelName(this.records.profileOf(slot), this.#rung(slot));
  }

  #rung(slot: number): number {
    return (this.records.flagsOf(slot) & RUNG_MASK) >> RUNG_SHIFT;
  }

  #setRung(slot: number, rung: number): void {
    const { i32 } = this.records.slabs[slot >> SLAB_BITS];
    const i = (slot & SLAB_MASK) * 16 + FLAGS;
    i32[i] = (i32[i] & ~RUNG_MASK) | (rung << RUNG_SHIFT);
  }

  /** How many of the first `most` rungs are crossed at `at`. */
  #crossedBy(slot: number, at: number, most: number): number {
    const profile = this.records.profileOf(slot);
    let crossed = 0;
    while (crossed < most && this.#instantOf(slot, profile, crossed) <= at) crossed++;
    return crossed;
  }

  #instantOf(slot: number, profile: Profile, index: number): number {
    if (index + 1 === profile.suspectRung) return this.records.suspectAtOf(slot);
    const { perMean, perStdDev } = profile.rungs[index];
    const instant = this.records.instant(slot, perMean, perStdDev);
    // What ends a peer's availability at once has crossed the levels before it as well.
    if (index >= profile.suspectRung) return instant;
    return Math.min(instant, this.records.lastOf(slot) + profile.maxSilence);
  }

  #enqueue(slot: number): void {
    const due = this.dueAt(slot);
    if (!(due < this.queuedAt(slot))) return;
    this.#queue.insert(slot, due);
    this.#onEarlier(due);
  }

  dueAt(slot: number): number {
    const slab = this.records.slabs[slot >> SLAB_BITS];
    const record = slot & SLAB_MASK;
    const flags = slab.i32[record * 16 + FLAGS];
    if ((flags & STARTED) === 0) return Infinity;
    const profile = this.records.profileOf(slot);
    const rung = (flags & RUNG_MASK) >> RUNG_SHIFT;
    if (rung + 1 === profile.suspectRung) return slab.f64[record * 8 + SUSPECT_AT];
    return rung < profile.rungs.length ? this.#instantOf(slot, profile, rung) : Infinity;
  }

  queuedAt(slot: number): number {
    return this.records.slabs[slot >> SLAB_BITS].f64[(slot & SLAB_MASK) * 8 + QUEUED_AT];
  }

  setQueuedAt(slot: number, key: number): void {
    this.records.slabs[slot >> SLAB_BITS].f64[(slot & SLAB_MASK) * 8 + QUEUED_AT] = key;
  }

  /** Ties go to the peer that was watched first. */
  compare(a: number, b: number): number {
    return (this.records.watchOf(a) - this.records.watchOf(b)) | 0;
  }
}

function levelName(profile: Profile, rung: number): string | undefined {
  return rung > 0 ? profile.rungs[rung - 1].name : undefined;
}
