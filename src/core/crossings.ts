/**
 * The passing of time in: who crosses its levels when, whose verdict is held, and what is said of it.
 */
import { BUSY, DeadlineQueue, type Deadlines, IDLE } from './deadline-queue.js';
import type { Events } from './emitter.js';
import type { FailureDetectorEvents, Reason, Transition } from './events.js';
import { type Explanation, explain } from './explanation.js';
import type { Groups } from './groups.js';
import type { HeartbeatInfo } from './journal.js';
import { crossedOf, crossesAt, levelOf, nextLevel, setCrossed } from './ladder.js';
import { DetectorLink, type LinkOwner } from './link.js';
import { HOLD, MassSilence, type Silences } from './mass-silence.js';
import type { ResolvedOptions } from './options.js';
import { start } from './peer-record.js';
import {
  FLAGS,
  HEARD,
  LAST,
  OVERDUE,
  type PeerSlab,
  QUEUED_AT,
  RECOVERED,
  RESTORED,
} from './peer-slab.js';
import { type PeerTable, rowOf, slotOf } from './peer-table.js';
import { OFFSET } from './process-clock.js';
import type { ResolvedSettings } from './settings.js';
import { type PeerSnapshot, restorePeer } from './snapshot.js';
import {
  announced,
  instantOf,
  longestSilence,
  mean,
  pausedSince,
  phiAt,
  silenceAt,
} from './suspicion.js';

/** Results of {@link Crossings.step}. */
export const DONE = 0;
export const MOVED = 1;
export const SAID = 2;

const NOBODY = -1;

/** What a detector's parts need of whoever runs them. */
export interface Runner {
  /** A crossing is due at `at`, before those that were queued so far. */
  earlier(at: number): void;
  /**
   * Looks at the clock: whether the heartbeat at {@link arrival} may have that time. If the clock
   * was set, the time is put right. The time of now is no earlier than `last`.
   */
  admits(last?: number): boolean;
  /** Verdicts wait for heartbeats that wait to be read. */
  readonly draining: boolean;
}

export class Crossings<Id> implements Deadlines, Silences, LinkOwner {
  readonly now: () => number;
  /** The clock's own time, as callers have it. */
  readonly read: () => number;
  /** How long a return from suspicion counts. */
  readonly #calm: number;
  readonly table: PeerTable<Id>;
  readonly #events: Events<FailureDetectorEvents<Id>>;
  readonly #runner: Runner;
  readonly #queue = new DeadlineQueue(this);
  readonly #mass: MassSilence | undefined;
  /** Its verdict is due; who is overdue has to be known first. */
  #pending = NOBODY;
  /** The next slot to be queued anew after a link came back. */
  #rescan = Infinity;

  constructor(
    table: PeerTable<Id>,
    events: Events<FailureDetectorEvents<Id>>,
    { host, massSilence, flapDamping }: ResolvedSettings,
    runner: Runner,
    read: () => number,
  ) {
    this.now = host.now;
    this.read = read;
    this.#calm = flapDamping?.calm ?? 0;
    this.table = table;
    this.#events = events;
    this.#runner = runner;
    this.#mass =
      massSilence &&
      new MassSilence(massSilence, this, (event) => {
        // Of a group each peer is told about.
        if (event.active && event.group === undefined) table.clock.lookBefore(event.at);
        events.post('mass-silence', event);
      });
  }

  get groups(): Groups {
    return this.table.groups;
  }

  /** The peer is expected from `at` on. */
  start(slot: number, at: number): void {
    start(this.table.slab(slot), rowOf(slot), at);
    this.enqueue(slot);
  }

  reconfigure(slot: number, options: ResolvedOptions): void {
    this.#mass?.leave(slot);
    this.table.reconfigure(slot, options);
    if (this.table.status(slot) === 'available') this.join(this.table.slab(slot), rowOf(slot));
    this.enqueue(slot);
  }

  /** A new peer goes on where its snapshot stood. */
  restore(slot: number, snapshot: PeerSnapshot<Id>): void {
    restorePeer(this.table.slab(slot), rowOf(slot), snapshot, this.now());
    this.enqueue(slot);
    if (this.table.status(slot) !== 'available') return;
    this.join(this.table.slab(slot), rowOf(slot));
    if (this.#events.hasListeners('available')) this.#tellRestored(slot);
  }

  #tellRestored(slot: number): void {
    const slab = this.table.slab(slot);
    const row = rowOf(slot);
    const at = this.now();
    const level = this.table.level(slot);
    const change: Transition<Id> = {
      peer: this.table.id(slot),
      phi: phiAt(slab, row, at),
      due: at,
      at,
      silence: at - slab.f64[row + LAST],
      level,
      previous: level,
      reason: 'restored',
    };
    this.#events.post('available', change, this.table.liveness(slot));
    this.#events.flush();
  }

  /** Forgets a peer. Its queue entry stays: it belongs to the slot, not the peer. */
  remove(slot: number): void {
    this.#mass?.leave(slot);
    if (this.#mass?.until === -Infinity) this.#runner.earlier(-Infinity); // a hold is over
    this.table.remove(slot);
  }

  /** The peer is heard, and not suspected, from now on; `fresh`: for the first time. */
  join(slab: PeerSlab, row: number, fresh = false): void {
    slab.i32[2 * row + FLAGS] &= ~OVERDUE;
    this.#mass?.join(slotOf(slab, row), fresh);
  }

  /** A peer is about to beat. */
  beforeBeat(slab: PeerSlab, row: number): void {
    if (this.#mass?.active) this.#mass.beforeBeat(slotOf(slab, row), this.now());
  }

  /** A peer that is not suspected beats, not for the first time. */
  heard(slab: PeerSlab, row: number): void {
    const mass = this.#mass;
    if (!mass || !(mass.active || (slab.i32[2 * row + FLAGS] & OVERDUE) !== 0)) return;
    slab.i32[2 * row + FLAGS] &= ~OVERDUE;
    const now = this.now(); // the heartbeat's own time may be any
    if (mass.beat(slotOf(slab, row), now)) this.#runner.earlier(now);
  }

  get offset(): number {
    return this.table.clock.quiet[OFFSET];
  }

  /** The peer is heard by the link from now on; by none, where that is none of this detector's. */
  heardBy(slab: PeerSlab, row: number, link: HeartbeatInfo['link']): void {
    slab.heardBy(row, link instanceof DetectorLink && link.owner === this ? link : undefined);
  }

  linkChanged(link: DetectorLink, until: number, sooner: boolean): void {
    const { clock } = this.table;
    clock.links.changed(link);
    if (link.peers === 0) return;
    clock.lookBefore(until === Infinity ? this.now() : until);
    if (!sooner) return;
    this.#rescan = 0;
    this.#runner.earlier(this.now());
  }

  /**
   * A bounded step towards `at`: {@link SAID} when the next crossing was due by then,
   * {@link MOVED} when there may be more to do, {@link DONE} when there is not.
   */
  step(at: number): number {
    const mass = this.#mass;
    mass?.expire(at);
    const released = mass?.released() ?? NOBODY;
    if (released !== NOBODY) {
      this.enqueue(released);
      return MOVED;
    }
    if (this.#rescan < this.table.length) {
      mass?.requeue(this.#rescan);
      this.enqueue(this.#rescan++);
      return MOVED;
    }
    if (this.#pending !== NOBODY) {
      if (mass?.step(at)) return MOVED;
      const slot = this.#pending;
      this.#pending = NOBODY;
      return this.#judge(slot, at);
    }
    const slot = this.#queue.step(at);
    if (slot === IDLE) {
      this.#events.flush();
      return DONE;
    }
    if (slot === BUSY) return MOVED;
    if (mass !== undefined && this.#isVerdict(slot)) {
      this.#pending = slot;
      return MOVED;
    }
    this.#cross(slot, at);
    return SAID;
  }

  /** When to step next: the earliest crossing, or a little before; Infinity for never. */
  earliest(): number {
    const busy = this.#pending !== NOBODY || this.#rescan < this.table.length;
    if (busy || this.#mass?.releasing) return -Infinity;
    return Math.min(this.#queue.earliest(), this.#mass?.until ?? Infinity);
  }

  /** Whether the slot's next crossing is its suspicion. */
  #isVerdict(slot: number): boolean {
    const slab = this.table.slab(slot);
    const row = rowOf(slot);
    return nextLevel(slab, row) + 1 === slab.profile(row).suspectRung;
  }

  /** A suspicion was due; who else is silent is known now. */
  #judge(slot: number, at: number): number {
    const mass = this.#mass as MassSilence;
    const due = this.dueAt(slot);
    if (!(due <= at) || !this.#isVerdict(slot)) {
      this.enqueue(slot); // it has beaten since, or is another peer
      return MOVED;
    }
    const held = mass.holds(slot);
    if (mass.judge(slot, at) === HOLD) this.enqueue(slot);
    else this.#cross(slot, at, held ? 'mass-silence' : undefined);
    this.#events.flush();
    return SAID;
  }

  /** The peer crosses its next level, whose instant has come. */
  #cross(slot: number, at: number, late?: Reason): void {
    const slab = this.table.slab(slot);
    const row = rowOf(slot);
    const { rungs, suspectRung } = slab.profile(row);
    const next = nextLevel(slab, row);
    const due = crossesAt(slab, row);
    const previous = levelOf(slab, row);
    const suspect = next + 1 === suspectRung;
    const reason = late ?? this.#reason(slab, row, due);
    setCrossed(slab, row, crossedOf(slab, row) | (1 << next), next + 1);
    if (suspect) {
      slab.coldI32[row + RECOVERED] = 0;
      slab.i32[2 * row + FLAGS] &= ~OVERDUE;
      this.#mass?.leave(slot);
    }
    this.enqueue(slot);
    const event = suspect ? 'suspect' : 'level';
    if (!this.#events.hasListeners(event)) return;
    const change: Transition<Id> = {
      peer: this.table.id(slot),
      phi: phiAt(slab, row, at),
      due,
      at,
      silence: silenceAt(slab, row, at),
      level: rungs[next].name,
      previous,
      reason,
    };
    this.#events.post(event, change, this.table.liveness(slot));
    this.#events.flush();
  }

  #reason(slab: PeerSlab, row: number, due: number): Reason {
    if ((slab.i32[2 * row + FLAGS] & RESTORED) !== 0) return 'restored';
    const paused = pausedSince(slab, row, Infinity);
    const longest = slab.f64[row + LAST] + announced(slab, row) + longestSilence(slab, row);
    return paused > 0 ? 'stall' : due === longest ? 'max-silence' : 'silence';
  }

  /** Queues the peer where it is due, if that is earlier than it stands. */
  enqueue(slot: number): void {
    const due = this.dueAt(slot);
    if (!(due < this.queuedAt(slot))) return;
    this.#queue.insert(slot, due);
    this.#runner.earlier(due);
  }

  explain(slot: number, at: number): Explanation<Id> {
    return explain(this.table.slab(slot), rowOf(slot), {
      peer: this.table.id(slot),
      at,
      draining: this.#runner.draining,
      massSilence: this.#mass?.holds(slot) ?? false,
      calm: this.#calm,
    });
  }

  dueAt(slot: number): number {
    const due = crossesAt(this.table.slab(slot), rowOf(slot));
    return this.#mass ? Math.max(due, this.#mass.heldUntil(slot)) : due;
  }

  queuedAt(slot: number): number {
    return this.table.slab(slot).f64[rowOf(slot) + QUEUED_AT];
  }

  setQueuedAt(slot: number, key: number): void {
    this.table.slab(slot).f64[rowOf(slot) + QUEUED_AT] = key;
  }

  ordinalOf(slot: number): number {
    return this.table.ordinalOf(slot);
  }

  overdueAt(slot: number): number {
    const slab = this.table.slab(slot);
    const row = rowOf(slot);
    return instantOf(slab, row, slab.profile(row).overdue) + pausedSince(slab, row, Infinity);
  }

  setOverdue(slot: number): void {
    this.table.slab(slot).i32[2 * rowOf(slot) + FLAGS] |= OVERDUE;
  }

  overdueAfter(slot: number): number {
    const slab = this.table.slab(slot);
    const row = rowOf(slot);
    const expected = slab.f64[row + LAST] + announced(slab, row);
    return instantOf(slab, row, slab.profile(row).overdue) - expected;
  }

  lastHeartbeatOf(slot: number): number {
    const slab = this.table.slab(slot);
    const row = rowOf(slot);
    const heard = (slab.i32[2 * row + FLAGS] & HEARD) !== 0;
    return heard ? slab.f64[row + LAST] : -Infinity;
  }

  periodOf(slot: number): number {
    return mean(this.table.slab(slot), rowOf(slot));
  }
}
