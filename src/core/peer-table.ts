/**
 * The peers of a detector by id and by slot: who is watched, how far up its ladder of levels each
 * one is, and who crosses next. A peer changes here before anybody is told, so that a listener
 * may call whatever it likes.
 */
import { BUSY, DeadlineQueue, type Deadlines, IDLE } from './deadline-queue.js';
import type { Events, FailureDetectorEvents, Transition } from './events.js';
import { clear } from './interval-window.js';
import type { ResolvedOptions } from './options.js';
import type { BeatOutcome, DropCounts, Status } from './outcomes.js';
import {
  anyBeat,
  arrival,
  begin,
  instantOf,
  isLate,
  mean,
  ordinaryBeat,
  phiAt,
  reprofile,
  start,
} from './peer-record.js';
import {
  FLAGS,
  HEARD,
  LAST,
  PeerSlab,
  PROFILE_SHIFT,
  QUEUED_AT,
  RECOVERED,
  RUNG_MASK,
  RUNG_SHIFT,
  SLAB_BITS,
  SLAB_SIZE,
  STARTED,
  SUSPECT_AT,
  WATCH,
} from './peer-slab.js';
import { type Profile, Profiles } from './profile.js';
import { RingPool } from './ring-pool.js';

/** Results of {@link PeerTable.step}. */
export const DONE = 0;
export const MOVED = 1;
export const SAID = 2;

/** The row of a slot in its slab. */
export const rowOf = (slot: number): number => (slot & (SLAB_SIZE - 1)) * 8;
export const slotOf = (slab: PeerSlab, row: number): number => slab.first + (row >> 3);

export class PeerTable<Id> implements Deadlines {
  readonly slots = new Map<Id, number>();
  readonly dropped: DropCounts = { duplicate: 0, 'out-of-order': 0, 'not-finite': 0, refused: 0 };
  readonly #slabs: PeerSlab[] = [];
  readonly #rings = new RingPool();
  readonly #profiles = new Profiles();
  readonly #ids: (Id | undefined)[] = [];
  readonly #vacant: number[] = [];
  #watches = 0;
  readonly #queue = new DeadlineQueue(this);
  readonly #events: Events<FailureDetectorEvents<Id>>;
  readonly #onEarlier: (at: number) => void;

  /**
   * @param now the detector's clock
   * @param onEarlier told whenever a peer's next crossing comes before those queued for it
   */
  constructor(
    readonly now: () => number,
    events: Events<FailureDetectorEvents<Id>>,
    onEarlier: (at: number) => void,
  ) {
    this.#events = events;
    this.#onEarlier = onEarlier;
  }

  slab(slot: number): PeerSlab {
    return this.#slabs[slot >> SLAB_BITS];
  }

  add(id: Id, options: ResolvedOptions): number {
    const profile = this.#profiles.acquire(options);
    const slot = this.#vacant.pop() ?? this.#ids.length;
    if (slot >> SLAB_BITS === this.#slabs.length) {
      this.#slabs.push(new PeerSlab(SLAB_SIZE, this.#rings, this.#profiles.list, slot));
    }
    begin(this.slab(slot), rowOf(slot), profile, this.#watches++); // wraps after 2³² watches
    this.slots.set(id, slot);
    this.#ids[slot] = id;
    return slot;
  }

  /** Counts a heartbeat, or a watch, that is refused. */
  refuse(): 'refused' {
    return this.#drop('refused');
  }

  /** Gives a peer's storage back. Its queue entry stays: it belongs to the slot, not the peer. */
  remove(slot: number): void {
    const slab = this.slab(slot);
    const row = rowOf(slot);
    clear(slab, row, slab.profile(row).windowSize);
    this.#profiles.release(slab.i32[2 * row + FLAGS] >>> PROFILE_SHIFT);
    slab.i32[2 * row + FLAGS] = 0;
    slab.i32[2 * row + WATCH] = this.#watches++;
    this.slots.delete(this.#ids[slot] as Id);
    this.#ids[slot] = undefined;
    this.#vacant.push(slot);
  }

  start(slot: number, at: number): void {
    start(this.slab(slot), rowOf(slot), at);
    this.#enqueue(slot);
  }

  /**
   * New options for a watched peer. It keeps its level as far as the new ladder has it, and a
   * suspected one is so until it earns its return; what is crossed now is said when next due.
   */
  reconfigure(slot: number, options: ResolvedOptions): void {
    const slab = this.slab(slot);
    const row = rowOf(slot);
    const suspected = this.status(slot) === 'suspect';
    const level = this.level(slot);
    const old = slab.i32[2 * row + FLAGS] >>> PROFILE_SHIFT;
    reprofile(slab, row, this.#profiles.acquire(options));
    this.#profiles.release(old);
    const { rungs, suspectRung } = slab.profile(row);
    const kept = rungs.findIndex(({ name }) => name === level) + 1;
    this.#setRung(slot, suspected ? Math.max(kept, suspectRung) : kept < suspectRung ? kept : 0);
    this.#enqueue(slot);
  }

  /** Takes the heartbeat at {@link arrival} in, and says what it changes. */
  heartbeat(slab: PeerSlab, row: number): BeatOutcome {
    if (!ordinaryBeat(slab, row)) {
      const flags = slab.i32[2 * row + FLAGS];
      const late = (flags & HEARD) !== 0 && isLate(slab, row, arrival[0]);
      const crossed = (flags & RUNG_MASK) !== 0;
      if (crossed || late) return this.#settle(slotOf(slab, row), late);
      const outcome = anyBeat(slab, row);
      if (outcome !== 'accepted') return this.#drop(outcome);
    }
    const { f64 } = slab;
    // Without levels below it, suspicion is what comes next.
    if (f64[row + SUSPECT_AT] < f64[row + QUEUED_AT] || slab.profile(row).suspectRung > 1) {
      this.#enqueue(slotOf(slab, row));
    }
    return 'accepted';
  }

  #drop<Reason extends keyof DropCounts>(reason: Reason): Reason {
    this.dropped[reason]++;
    return reason;
  }

  /** A beat that changes more: levels fall, a suspected peer may have earned its return. */
  #settle(slot: number, late: boolean): BeatOutcome {
    const at = arrival[0];
    const slab = this.slab(slot);
    const row = rowOf(slot);
    const { suspectRung, options, rungs } = slab.profile(row);
    const peer = this.#ids[slot] as Id;
    const rung = this.#rung(slot);
    const last = slab.f64[row + LAST];
    const due = slab.f64[row + SUSPECT_AT];
    const expected = last + mean(slab, row) + options.acceptablePause;
    const phi = phiAt(slab, row, at);
    const outcome = anyBeat(slab, row);
    if (outcome !== 'accepted') return this.#drop(outcome);
    let target = this.#crossedBy(slot, at, rung);
    if (rung >= suspectRung) {
      const recovered = at < due ? slab.coldI32[row + RECOVERED] + 1 : 1;
      slab.coldI32[row + RECOVERED] = recovered;
      if (recovered < options.recoverAfter) target = Math.max(target, suspectRung);
    }
    this.#setRung(slot, target);
    this.#enqueue(slot);

    const silence = at - last;
    const live = this.#liveness(slot);
    const fall = (event: 'level' | 'available', from: number, to: number) => {
      const level = rungs[to - 1]?.name;
      const previous = rungs[from - 1].name;
      const reason = 'heartbeat';
      const change: Transition<Id> = { peer, phi, due: at, at, silence, level, previous, reason };
      this.#events.post(event, change, live);
    };
    for (let r = rung; r > target; r--) if (r !== suspectRung) fall('level', r, r - 1);
    if (rung >= suspectRung && target < suspectRung) fall('available', suspectRung, target);
    if (late) this.#events.post('late', { peer, at, expected, due, silence, phi }, live);
    this.#events.flush();
    return outcome;
  }

  /** Whether the slot still has the tenant of now: of who was forgotten there is no more to say. */
  #liveness(slot: number): () => boolean {
    const watch = this.ordinalOf(slot);
    return () => this.ordinalOf(slot) === watch;
  }

  /**
   * A bounded step towards `at`: {@link SAID} when the next crossing was due by then,
   * {@link MOVED} when there may be more to do, {@link DONE} when there is not.
   */
  step(at: number): number {
    const slot = this.#queue.step(at);
    if (slot === IDLE) return DONE;
    if (slot === BUSY) return MOVED;
    this.#cross(slot, at);
    return SAID;
  }

  /** When to step next: the earliest crossing, or a little before; Infinity for never. */
  earliest(): number {
    return this.#queue.earliest();
  }

  /** The peer climbs one rung, whose instant has come. */
  #cross(slot: number, at: number): void {
    const slab = this.slab(slot);
    const row = rowOf(slot);
    const { rungs, suspectRung, options } = slab.profile(row);
    const last = slab.f64[row + LAST];
    const rung = this.#rung(slot);
    const due = this.dueAt(slot);
    const suspect = rung + 1 === suspectRung;
    this.#setRung(slot, rung + 1);
    if (suspect) slab.coldI32[row + RECOVERED] = 0;
    this.#enqueue(slot);
    const event = suspect ? 'suspect' : 'level';
    if (!this.#events.hasListeners(event)) return;
    const change: Transition<Id> = {
      peer: this.#ids[slot] as Id,
      phi: phiAt(slab, row, at),
      due,
      at,
      silence: at - last,
      level: rungs[rung].name,
      previous: rungs[rung - 1]?.name,
      reason: due === last + options.maxSilence ? 'max-silence' : 'silence',
    };
    this.#events.post(event, change, this.#liveness(slot));
    this.#events.flush();
  }

  status(slot: number): Status {
    const row = rowOf(slot);
    const slab = this.slab(slot);
    if (this.#rung(slot) >= slab.profile(row).suspectRung) return 'suspect';
    return (slab.i32[2 * row + FLAGS] & HEARD) !== 0 ? 'available' : 'starting';
  }

  /** The highest level that was said to be crossed. */
  level(slot: number): string | undefined {
    return this.slab(slot).profile(rowOf(slot)).rungs[this.#rung(slot) - 1]?.name;
  }

  /** How many rungs of its ladder the peer has climbed. */
  #rung(slot: number): number {
    return (this.slab(slot).i32[2 * rowOf(slot) + FLAGS] & RUNG_MASK) >> RUNG_SHIFT;
  }

  #setRung(slot: number, rung: number): void {
    const { i32 } = this.slab(slot);
    const i = 2 * rowOf(slot) + FLAGS;
    i32[i] = (i32[i] & ~RUNG_MASK) | (rung << RUNG_SHIFT);
  }

  /** How many of the first `most` rungs are crossed at `at`. */
  #crossedBy(slot: number, at: number, most: number): number {
    let crossed = 0;
    while (crossed < most && this.#instant(slot, crossed) <= at) crossed++;
    return crossed;
  }

  /** When the peer climbs from `rung` to the next, if silence goes on. */
  #instant(slot: number, rung: number): number {
    const slab = this.slab(slot);
    const row = rowOf(slot);
    const { rungs, suspectRung, options }: Profile = slab.profile(row);
    if (rung + 1 === suspectRung) return slab.f64[row + SUSPECT_AT];
    if (rung === rungs.length) return Infinity;
    const instant = instantOf(slab, row, rungs[rung]);
    // What ends a peer's availability at once has crossed the levels before it as well.
    return rung < suspectRung
      ? Math.min(instant, slab.f64[row + LAST] + options.maxSilence)
      : instant;
  }

  #enqueue(slot: number): void {
    const due = this.dueAt(slot);
    if (!(due < this.queuedAt(slot))) return;
    this.#queue.insert(slot, due);
    this.#onEarlier(due);
  }

  dueAt(slot: number): number {
    const started = (this.slab(slot).i32[2 * rowOf(slot) + FLAGS] & STARTED) !== 0;
    return started ? this.#instant(slot, this.#rung(slot)) : Infinity;
  }

  queuedAt(slot: number): number {
    return this.slab(slot).f64[rowOf(slot) + QUEUED_AT];
  }

  setQueuedAt(slot: number, key: number): void {
    this.slab(slot).f64[rowOf(slot) + QUEUED_AT] = key;
  }

  /**
   * The number of the slot's watch: ties go to the peer that was watched first, and a handle of an
   * earlier tenant is told from the present one's.
   */
  ordinalOf(slot: number): number {
    return this.slab(slot).i32[2 * rowOf(slot) + WATCH];
  }
}
