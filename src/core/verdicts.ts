/**
 * What is said of the peers, and when: heartbeats and the passing of time in, events out. A peer
 * changes before anybody is told, so that a listener may call whatever it likes.
 */
import { BUSY, DeadlineQueue, type Deadlines, IDLE } from './deadline-queue.js';
import type { Events, FailureDetectorEvents, LateHeartbeat, Reason, Transition } from './events.js';
import { type Explanation, explain } from './explanation.js';
import type { Evidence } from './journal.js';
import { climbsAt, crossedBy, rungOf, setRung } from './ladder.js';
import { CONVICT, HOLD, MassSilence, type Silences } from './mass-silence.js';
import type { ResolvedFlapDamping, ResolvedOptions, ResolvedSettings } from './options.js';
import type { DropCounts, HeartbeatOutcome } from './outcomes.js';
import {
  anyBeat,
  arrival,
  instantOf,
  isLate,
  mean,
  ordinaryBeat,
  pausedSince,
  phiAt,
  start,
} from './peer-record.js';
import {
  FLAGS,
  HEARD,
  LAST,
  OVERDUE,
  type PeerSlab,
  QUEUED_AT,
  RECOVERED,
  RESTORED,
  RUNG_MASK,
  SUSPECT_AT,
} from './peer-slab.js';
import { type PeerTable, rowOf, slotOf } from './peer-table.js';
import { LATE_AT } from './process-clock.js';
import { type PeerSnapshot, restorePeer } from './snapshot.js';

/** Results of {@link Verdicts.step}. */
export const DONE = 0;
export const MOVED = 1;
export const SAID = 2;

const NOBODY = -1;

/** What verdicts need of whoever runs them. */
export interface Runner {
  /** A crossing is due at `at`, before those that were queued so far. */
  earlier(at: number): void;
  /** A heartbeat says that this process was late. */
  late(): void;
  /** Verdicts wait for heartbeats that wait to be read. */
  readonly draining: boolean;
}

export class Verdicts<Id> implements Deadlines, Silences {
  readonly dropped: DropCounts = {
    duplicate: 0,
    'out-of-order': 0,
    'not-finite': 0,
    'stale-incarnation': 0,
    refused: 0,
  };
  /** Heartbeats that took the long way: all do that were read late. */
  looked = 0;
  readonly now: () => number;
  readonly table: PeerTable<Id>;
  readonly #events: Events<FailureDetectorEvents<Id>>;
  readonly #runner: Runner;
  readonly #queue = new DeadlineQueue(this);
  readonly #mass: MassSilence | undefined;
  readonly #damping: ResolvedFlapDamping | undefined;
  /** Its verdict is due; who is overdue has to be known first. */
  #pending = NOBODY;
  /** The next slot to be queued anew after a link came back. */
  #rescan = Infinity;

  constructor(
    table: PeerTable<Id>,
    events: Events<FailureDetectorEvents<Id>>,
    { host, massSilence, flapDamping }: ResolvedSettings,
    runner: Runner,
  ) {
    this.now = host.now;
    this.table = table;
    this.#events = events;
    this.#runner = runner;
    this.#damping = flapDamping;
    this.#mass =
      massSilence &&
      new MassSilence(massSilence, this, (event) => {
        if (event.active) table.clock.lookBefore(event.at);
        events.post('mass-silence', event);
      });
  }

  /** The peer is expected from `at` on. */
  start(slot: number, at: number): void {
    start(this.table.slab(slot), rowOf(slot), at);
    this.#enqueue(slot);
  }

  reconfigure(slot: number, options: ResolvedOptions): void {
    this.table.reconfigure(slot, options);
    const slab = this.table.slab(slot);
    if (this.#mass && this.table.status(slot) === 'available') this.#join(slab, rowOf(slot));
    this.#enqueue(slot);
  }

  /** A new peer goes on where its snapshot stood. */
  restore(slot: number, snapshot: PeerSnapshot<Id>): void {
    restorePeer(this.table.slab(slot), rowOf(slot), snapshot, this.now());
    if (this.table.status(slot) === 'available') this.#join(this.table.slab(slot), rowOf(slot));
    this.#enqueue(slot);
  }

  /** Forgets a peer. Its queue entry stays: it belongs to the slot, not the peer. */
  remove(slot: number): void {
    this.#mass?.leave(slot);
    this.table.remove(slot);
  }

  /** Takes the heartbeat at {@link arrival} in, and says what it changes. */
  heartbeat(slab: PeerSlab, row: number): HeartbeatOutcome {
    if (!ordinaryBeat(slab, row)) return this.#beat(slab, row, false);
    const { f64 } = slab;
    // Without levels below it, suspicion is what comes next.
    if (f64[row + SUSPECT_AT] < f64[row + QUEUED_AT] || slab.profile(row).suspectRung > 1) {
      this.#enqueue(slotOf(slab, row));
    }
    return 'accepted';
  }

  /** As {@link heartbeat}, with what it says of itself. */
  testify(slab: PeerSlab, row: number, evidence: Evidence): HeartbeatOutcome {
    if (!Number.isFinite(arrival[0])) return this.#drop(slab, row, 'not-finite');
    const journal = slab.writtenJournal();
    const entry = row >> 3;
    const outcome = journal.admit(entry, evidence);
    const number = evidence.link?.number;
    const link = slab.clock.isLink(number) ? number : 0;
    if (link !== journal.link(entry)) journal.setLink(entry, link);
    if (outcome === 'accepted') return this.heartbeat(slab, row);
    if (outcome === 'restart') return this.#beat(slab, row, true);
    return this.#drop(slab, row, outcome);
  }

  /** Counts a heartbeat, or a watch, that is refused. */
  refuse(reason: 'refused' | 'not-finite' = 'refused'): 'refused' | 'not-finite' {
    this.dropped[reason]++;
    return reason;
  }

  #drop<R extends Exclude<keyof DropCounts, 'refused'>>(slab: PeerSlab, row: number, reason: R): R {
    this.dropped[reason]++;
    slab.writtenJournal().drop(row >> 3, reason);
    return reason;
  }

  /** A beat that may change more than its peer's window and deadline. */
  #beat(slab: PeerSlab, row: number, restart: boolean): HeartbeatOutcome {
    const at = arrival[0];
    this.looked++;
    if (at >= slab.quiet[LATE_AT]) this.#runner.late();
    const slot = slotOf(slab, row);
    const flags = slab.i32[2 * row + FLAGS];
    const heard = (flags & HEARD) !== 0;
    const last = slab.f64[row + LAST];
    const late = heard && !restart && isLate(slab, row, at);
    const changes = (flags & RUNG_MASK) !== 0 || late;
    const before = changes ? this.#silenceAt(slab, row, at) : undefined;
    const outcome = anyBeat(slab, row, restart);
    if (outcome !== 'accepted') return this.#drop(slab, row, outcome);
    const suspected = rungOf(slab, row) >= slab.profile(row).suspectRung;
    const mass = this.#mass;
    if (mass !== undefined && !suspected) {
      if (!heard) this.#join(slab, row);
      else if (mass.active || (flags & OVERDUE) !== 0) {
        slab.i32[2 * row + FLAGS] &= ~OVERDUE;
        if (mass.beat(slot, last, at)) this.#runner.earlier(at);
      }
    }
    if (before !== undefined) this.#settle(slab, row, before, late);
    this.#enqueue(slot);
    this.#events.flush();
    return outcome;
  }

  /** What listeners are told of the silence that a heartbeat ends. */
  #silenceAt(slab: PeerSlab, row: number, at: number): LateHeartbeat<Id> {
    const last = slab.f64[row + LAST];
    const paused = pausedSince(slab, row, at);
    return {
      peer: this.table.id(slotOf(slab, row)),
      at,
      expected: last + mean(slab, row) + slab.profile(row).options.acceptablePause + paused,
      due: slab.f64[row + SUSPECT_AT] + paused,
      silence: at - last - paused,
      phi: phiAt(slab, row, at),
    };
  }

  /** Levels fall, a suspected peer may have earned its return, a late beat is told. */
  #settle(slab: PeerSlab, row: number, before: LateHeartbeat<Id>, late: boolean): void {
    const { peer, at, phi, silence, due } = before;
    const { suspectRung, rungs } = slab.profile(row);
    const rung = rungOf(slab, row);
    const suspected = rung >= suspectRung;
    let target = crossedBy(slab, row, at, rung);
    if (suspected) {
      const recovered = at < due ? slab.coldI32[row + RECOVERED] + 1 : 1;
      slab.coldI32[row + RECOVERED] = recovered;
      if (recovered < this.#neededBeats(slab, row, at)) target = Math.max(target, suspectRung);
    }
    setRung(slab, row, target);
    const live = this.#liveness(slotOf(slab, row));
    const fall = (event: 'level' | 'available', from: number, to: number) => {
      const level = rungs[to - 1]?.name;
      const previous = rungs[from - 1].name;
      const reason = 'heartbeat';
      const change: Transition<Id> = { peer, phi, due: at, at, silence, level, previous, reason };
      this.#events.post(event, change, live);
    };
    for (let r = rung; r > target; r--) if (r !== suspectRung) fall('level', r, r - 1);
    if (suspected && target < suspectRung) {
      if (this.#damping) slab.writtenJournal().returned(row >> 3, at, this.#damping.calm);
      this.#join(slab, row);
      fall('available', suspectRung, target);
    }
    if (late) this.#events.post('late', before, live);
  }

  /** Beats in time that a suspected peer has to send: more and more, if it returns again and again. */
  #neededBeats(slab: PeerSlab, row: number, at: number): number {
    const { recoverAfter } = slab.profile(row).options;
    const damping = this.#damping;
    if (damping === undefined || slab.journal === undefined) return recoverAfter;
    const flaps = slab.journal.flaps(row >> 3, at, damping.calm);
    const more = recoverAfter * 2 ** Math.max(Math.min(flaps, 32) - 1, 0);
    return Math.max(Math.min(more, damping.maxBeats), recoverAfter);
  }

  #join(slab: PeerSlab, row: number): void {
    slab.i32[2 * row + FLAGS] &= ~OVERDUE;
    this.#mass?.join(slotOf(slab, row));
  }

  /** Whether the slot still has the tenant of now: of who was forgotten there is no more to say. */
  #liveness(slot: number): () => boolean {
    const watch = this.ordinalOf(slot);
    return () => this.ordinalOf(slot) === watch;
  }

  /** Silence by the link does not count from `at` on. */
  linkDown(link: number, at: number): void {
    this.table.clock.down(link, at);
  }

  /** Silence by the link counts again from `at` on. */
  linkUp(link: number, at: number, now: number): void {
    if (!this.table.clock.isDown(link)) return;
    this.table.clock.up(link, at);
    this.#rescan = 0;
    this.#runner.earlier(now);
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
      this.#enqueue(released);
      return MOVED;
    }
    if (this.#rescan < this.table.length) {
      this.#enqueue(this.#rescan++);
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
    return rungOf(slab, row) + 1 === slab.profile(row).suspectRung;
  }

  /** A suspicion was due; who else is silent is known now. */
  #judge(slot: number, at: number): number {
    const mass = this.#mass as MassSilence;
    const due = this.dueAt(slot);
    if (!(due <= at) || !this.#isVerdict(slot)) {
      this.#enqueue(slot); // it has beaten since, or is another peer
      return MOVED;
    }
    const held = mass.holds(slot);
    const until = mass.judge(slot, at);
    if (until === CONVICT) this.#cross(slot, at, held ? 'mass-silence' : undefined);
    else if (until !== HOLD) this.#enqueue(slot);
    this.#events.flush();
    return SAID;
  }

  /** The peer climbs one rung, whose instant has come. */
  #cross(slot: number, at: number, late?: Reason): void {
    const slab = this.table.slab(slot);
    const row = rowOf(slot);
    const { rungs, suspectRung } = slab.profile(row);
    const rung = rungOf(slab, row);
    const due = climbsAt(slab, row);
    const suspect = rung + 1 === suspectRung;
    const reason = late ?? this.#reason(slab, row, due);
    setRung(slab, row, rung + 1);
    if (suspect) {
      slab.coldI32[row + RECOVERED] = 0;
      slab.i32[2 * row + FLAGS] &= ~OVERDUE;
      this.#mass?.leave(slot);
    }
    this.#enqueue(slot);
    const event = suspect ? 'suspect' : 'level';
    if (!this.#events.hasListeners(event)) return;
    const change: Transition<Id> = {
      peer: this.table.id(slot),
      phi: phiAt(slab, row, at),
      due,
      at,
      silence: at - slab.f64[row + LAST] - pausedSince(slab, row, at),
      level: rungs[rung].name,
      previous: rungs[rung - 1]?.name,
      reason,
    };
    this.#events.post(event, change, this.#liveness(slot));
    this.#events.flush();
  }

  #reason(slab: PeerSlab, row: number, due: number): Reason {
    if ((slab.i32[2 * row + FLAGS] & RESTORED) !== 0) return 'restored';
    const paused = pausedSince(slab, row, Infinity);
    const longest = slab.f64[row + LAST] + slab.profile(row).options.maxSilence;
    return paused > 0 ? 'stall' : due === longest ? 'max-silence' : 'silence';
  }

  #enqueue(slot: number): void {
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
      calm: this.#damping?.calm ?? 0,
    });
  }

  dueAt(slot: number): number {
    const due = climbsAt(this.table.slab(slot), rowOf(slot));
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
    if (slab.isDown(row)) return Infinity;
    return instantOf(slab, row, slab.profile(row).overdue) + pausedSince(slab, row, Infinity);
  }

  setOverdue(slot: number): void {
    this.table.slab(slot).i32[2 * rowOf(slot) + FLAGS] |= OVERDUE;
  }

  lastHeartbeatOf(slot: number): number {
    return this.table.slab(slot).f64[rowOf(slot) + LAST];
  }

  periodOf(slot: number): number {
    return mean(this.table.slab(slot), rowOf(slot));
  }
}
