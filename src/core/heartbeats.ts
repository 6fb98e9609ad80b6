/**
 * Heartbeats in: what they change at once, and what is said of it. A peer changes before anybody is
 * told, so that a listener may call whatever it likes.
 */
import type { Crossings, Runner } from './crossings.js';
import type { Events } from './emitter.js';
import type {
  FailureDetectorEvents,
  LateHeartbeat,
  Reason,
  RefusedHeartbeat,
  Transition,
} from './events.js';
import { Farewells } from './farewells.js';
import type { ResolvedFlapDamping } from './guards.js';
import { type HeartbeatInfo, isCount, nextOf, type PeerDrops } from './journal.js';
import {
  crossedAfter,
  crossedInOrder,
  crossedOf,
  crossedWithSuspicion,
  isSuspect,
  levelOf,
  setCrossed,
} from './ladder.js';
import type { DropCounts, HeartbeatOutcome } from './outcomes.js';
import { anyBeat, arrival, NUMBERED, ordinaryBeat, PLAIN, RESTART, SIGN } from './peer-record.js';
import {
  FLAGS,
  HEARD,
  LAST,
  type PeerSlab,
  QUEUED_AT,
  RECOVERED,
  RUNG_MASK,
  SUSPECT_AT,
} from './peer-slab.js';
import { type PeerTable, slotOf } from './peer-table.js';
import { LATE_AT } from './process-clock.js';
import { announced, expectedAt, isLate, pausedSince, phiAt, silenceAt } from './suspicion.js';

const NONE: readonly number[] = [];

export class Heartbeats<Id> {
  readonly dropped: DropCounts = {
    duplicate: 0,
    'out-of-order': 0,
    'invalid-time': 0,
    'in-the-future': 0,
    'stale-incarnation': 0,
    refused: 0,
  };
  /** Heartbeats that took the long way: all do that were read late. */
  looked = 0;
  readonly farewells = new Farewells<Id>();
  readonly #table: PeerTable<Id>;
  readonly #events: Events<FailureDetectorEvents<Id>>;
  readonly #damping: ResolvedFlapDamping | undefined;
  readonly #crossings: Crossings<Id>;
  readonly #runner: Runner;

  constructor(
    table: PeerTable<Id>,
    events: Events<FailureDetectorEvents<Id>>,
    damping: ResolvedFlapDamping | undefined,
    crossings: Crossings<Id>,
    runner: Runner,
  ) {
    this.#table = table;
    this.#events = events;
    this.#damping = damping;
    this.#crossings = crossings;
    this.#runner = runner;
  }

  /** Takes the heartbeat at {@link arrival} in, and says what it changes. */
  heartbeat(slab: PeerSlab, row: number, kind = PLAIN): HeartbeatOutcome {
    if (!ordinaryBeat(slab, row)) return this.#beat(slab, row, kind, 0);
    const { f64 } = slab;
    // Without levels before it, suspicion is what comes next.
    if (f64[row + SUSPECT_AT] < f64[row + QUEUED_AT] || slab.profile(row).early) {
      this.#crossings.enqueue(slotOf(slab, row));
    }
    return 'accepted';
  }

  /** As {@link heartbeat}, with what it says of itself. */
  heartbeatWithInfo(slab: PeerSlab, row: number, info: HeartbeatInfo): HeartbeatOutcome {
    const at = arrival[0];
    if (!Number.isFinite(at)) return this.#drop(slab, row, 'invalid-time', info);
    if (at >= slab.quiet[LATE_AT] && !this.#runner.admits()) {
      return this.#drop(slab, row, 'in-the-future', info);
    }
    const journal = slab.writtenJournal();
    const entry = row >> 3;
    const outcome = journal.admit(entry, info);
    if (outcome !== 'accepted' && outcome !== 'restart') {
      // A copy that comes by another link proves that this one works.
      if (outcome !== 'stale-incarnation' && info.link) {
        this.#crossings.heardBy(slab, row, info.link);
      }
      return this.#drop(slab, row, outcome, info);
    }
    this.#crossings.heardBy(slab, row, info.link);
    const next = nextOf(info);
    const kind =
      (outcome === 'restart' ? RESTART : PLAIN) |
      (isCount(info.sequence) ? NUMBERED : PLAIN) |
      (info.learn === false ? SIGN : PLAIN);
    if (next > 0 || (kind & (RESTART | SIGN)) !== 0) return this.#beat(slab, row, kind, next);
    return this.heartbeat(slab, row, kind);
  }

  /**
   * The peer has left on purpose: it is watched no longer, and what is still under way of it is
   * refused. False for what is of an older incarnation than the peer's.
   */
  leave(slab: PeerSlab, row: number, info: HeartbeatInfo | undefined): boolean {
    const entry = row >> 3;
    const slot = slotOf(slab, row);
    const known = slab.journal?.incarnation(entry);
    const said = isCount(info?.incarnation) ? info.incarnation : undefined;
    if (said !== undefined && known !== undefined && said < known) {
      this.#drop(slab, row, 'stale-incarnation', info);
      return false;
    }
    const peer = this.#table.id(slot);
    const at = this.#crossings.now();
    const change: Transition<Id> = {
      peer,
      phi: phiAt(slab, row, at),
      due: at,
      at,
      silence: slab.f64[row + LAST] === -Infinity ? 0 : silenceAt(slab, row, at),
      level: undefined,
      previous: levelOf(slab, row),
      reason: 'left',
    };
    const patience = slab.f64[row + SUSPECT_AT] - slab.f64[row + LAST] - announced(slab, row);
    this.farewells.remember(peer, said ?? known, at, patience);
    this.#crossings.remove(slot);
    this.#events.post('left', change);
    this.#events.flush();
    return true;
  }

  /** Counts a heartbeat, or a watch, that is refused. */
  refuse<R extends keyof DropCounts>(reason: R): R {
    this.looked++;
    this.dropped[reason]++;
    this.#events.flush();
    return reason;
  }

  #drop<R extends keyof PeerDrops>(
    slab: PeerSlab,
    row: number,
    reason: R,
    info?: HeartbeatInfo,
  ): R {
    this.looked++;
    this.dropped[reason]++;
    const journal = slab.writtenJournal();
    const entry = row >> 3;
    journal.drop(entry, reason);
    if (isSuspect(slab, row) && journal.refuses(entry, reason)) {
      const slot = slotOf(slab, row);
      const { incarnation, sequence } = info ?? {};
      const refused: RefusedHeartbeat<Id> = {
        peer: this.#table.id(slot),
        at: this.#crossings.now(),
        outcome: reason,
        info: {
          ...(incarnation !== undefined && { incarnation }),
          ...(sequence !== undefined && { sequence }),
        },
        incarnation: journal.incarnation(entry),
      };
      this.#events.post('refused', refused, this.#table.liveness(slot));
    }
    this.#events.flush(); // a stall may have been noticed
    return reason;
  }

  /** A beat that may change more than its peer's window and deadline. */
  #beat(slab: PeerSlab, row: number, kind: number, next: number): HeartbeatOutcome {
    let at = arrival[0];
    this.looked++;
    const last = slab.f64[row + LAST];
    // One that comes too early may do so because the clock was set back.
    if ((at >= slab.quiet[LATE_AT] || at <= last) && !this.#runner.admits(last)) {
      return this.#drop(slab, row, Number.isFinite(at) ? 'in-the-future' : 'invalid-time');
    }
    at = arrival[0];
    const slot = slotOf(slab, row);
    const flags = slab.i32[2 * row + FLAGS];
    const heard = (flags & HEARD) !== 0;
    const late = heard && (kind & RESTART) === 0 && isLate(slab, row, at);
    const first = !heard && this.#events.hasListeners('available');
    const changes = (flags & RUNG_MASK) !== 0 || late || first;
    const before = changes ? this.#silenceAt(slab, row, at) : undefined;
    const crossed = changes ? crossedInOrder(slab, row) : NONE;
    if (heard) this.#crossings.beforeBeat(slab, row);
    const outcome = anyBeat(slab, row, kind, next);
    if (outcome !== 'accepted') return this.#drop(slab, row, outcome);
    if (!isSuspect(slab, row)) {
      if (heard) this.#crossings.heard(slab, row);
      else this.#crossings.join(slab, row, true);
    }
    if (before !== undefined) this.#settle(slab, row, before, crossed, late, first);
    this.#crossings.enqueue(slot);
    this.#events.flush();
    return outcome;
  }

  /** What listeners are told of the silence that a heartbeat ends. */
  #silenceAt(slab: PeerSlab, row: number, at: number): LateHeartbeat<Id> {
    const last = slab.f64[row + LAST];
    const paused = pausedSince(slab, row, at);
    return {
      peer: this.#table.id(slotOf(slab, row)),
      at,
      expected: expectedAt(slab, row) + paused,
      due: slab.f64[row + SUSPECT_AT] + paused,
      silence: last === -Infinity ? 0 : silenceAt(slab, row, at), // it was not even watched
      phi: phiAt(slab, row, at),
    };
  }

  /**
   * Levels fall, a peer may be available from now on, a late heartbeat is told.
   *
   * @param crossed the levels that are crossed, in the order of their crossings
   * @param first whether it is the peer's first, and somebody wants to know
   */
  #settle(
    slab: PeerSlab,
    row: number,
    before: LateHeartbeat<Id>,
    crossed: readonly number[],
    late: boolean,
    first: boolean,
  ): void {
    const { peer, at, phi, silence, due } = before;
    const profile = slab.profile(row);
    const { rungs } = profile;
    const suspect = profile.suspectRung - 1;
    const suspected = isSuspect(slab, row);
    let after = crossedAfter(slab, row, at, crossedOf(slab, row));
    if (suspected) {
      const recovered = at < due ? slab.coldI32[row + RECOVERED] + 1 : 1;
      slab.coldI32[row + RECOVERED] = recovered;
      if (recovered < this.#neededBeats(slab, row, at)) after |= crossedWithSuspicion(profile);
    }
    const stays = (i: number) => (after & (1 << i)) !== 0;
    const last = crossed.filter(stays).at(-1) ?? -1;
    setCrossed(slab, row, after, last + 1);
    const live = this.#table.liveness(slotOf(slab, row));
    const fall = (
      event: 'level' | 'available',
      from: number,
      to: number,
      reason: Reason = 'heartbeat',
    ) => {
      const level = rungs[to]?.name;
      const previous = rungs[from]?.name;
      const change: Transition<Id> = { peer, phi, due: at, at, silence, level, previous, reason };
      this.#events.post(event, change, live);
    };
    for (let k = crossed.length - 1; k >= 0; k--) {
      if (!stays(crossed[k]) && crossed[k] !== suspect) fall('level', crossed[k], crossed[k - 1]);
    }
    if (suspected && !stays(suspect)) {
      if (this.#damping) slab.writtenJournal().returned(row >> 3, at, this.#damping.calm);
      this.#crossings.join(slab, row);
      slab.journal?.forgive(row >> 3);
      fall('available', suspect, last);
    }
    if (first && !suspected) fall('available', last, last, 'first-heartbeat');
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
}
