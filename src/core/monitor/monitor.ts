/**
 * What heartbeats and the passing of time change of the peers of a detector, and which events that
 * causes. A peer changes before anybody is told, so that a listener may call whatever it likes.
 */
import type { Events } from '../emitter.js';
import type { FailureDetectorEvents, LateHeartbeat, Reason, Transition } from '../events.js';
import type { DropCounts, HeartbeatInfo, HeartbeatOutcome } from '../heartbeat.js';
import { isCount } from '../heartbeat.js';
import { EARLIER, SLOW } from '../model/model.js';
import type { ResolvedOptions } from '../options.js';
import { nextOf } from '../peers/announcements.js';
import type { Bounds } from '../peers/bounds.js';
import { Farewells } from '../peers/farewells.js';
import { Links } from '../peers/links.js';
import type { PauseTimeline } from '../peers/pauses.js';
import type { Peers } from '../peers/peers.js';
import { CROSSED, HEARD, OVERDUE, RESTORED, type Records, type Slot } from '../peers/records.js';
import type { PeerDrops } from '../peers/sequence.js';
import type { ResolvedSettings } from '../settings.js';
import { Arrivals, NUMBERED, PLAIN, RESTART, SIGN } from './arrivals.js';
import { BUSY, DeadlineQueue, type Deadlines, IDLE } from './deadlines.js';
import { FlapDamping } from './flap-damping.js';
import { Levels } from './levels.js';
import { HOLD, MassSilence } from './mass-silence.js';
import { Timing } from './timing.js';

/** Results of {@link Monitor.step}. */
export const DONE = 0;
export const MOVED = 1;
export const EMITTED = 2;

const NONE: readonly number[] = [];

/** What a monitor needs of whoever runs it. */
export interface MonitorRuntime {
  now(): number;
  /** A crossing is due at `at`, before those that were queued so far. */
  earlier(at: number): void;
  /**
   * Polls the clock: whether the heartbeat at {@link Bounds.at} may have that time. If the clock was
   * set, the time is put right. The time of now is no earlier than `last`.
   */
  admits(last?: number): boolean;
}

export class Monitor<Id> implements Deadlines {
  readonly peers: Peers<Id>;
  readonly links: Links;
  readonly timing: Timing;
  readonly levels: Levels;
  readonly arrivals: Arrivals;
  readonly flaps: FlapDamping;
  readonly farewells = new Farewells<Id>();
  readonly dropped: DropCounts = {
    duplicate: 0,
    'out-of-order': 0,
    'invalid-time': 0,
    'in-the-future': 0,
    'stale-incarnation': 0,
    refused: 0,
  };
  /** Heartbeats that took the slow path: all do that were read late. */
  slowPathCount = 0;
  readonly #records: Records;
  readonly #bounds: Bounds;
  readonly #events: Events<FailureDetectorEvents<Id>>;
  readonly #runtime: MonitorRuntime;
  readonly #queue = new DeadlineQueue(this);
  readonly #mass: MassSilence | undefined;
  /** Its suspicion is due; who is overdue has to be known first. */
  #pending: Slot | undefined;
  /** The next slot to be queued anew after a link came back. */
  #rescan = Infinity;

  constructor(
    peers: Peers<Id>,
    pauses: PauseTimeline,
    { massSilence, flapDamping }: ResolvedSettings,
    events: Events<FailureDetectorEvents<Id>>,
    runtime: MonitorRuntime,
  ) {
    this.peers = peers;
    this.#records = peers.records;
    this.#bounds = peers.bounds;
    this.#events = events;
    this.#runtime = runtime;
    this.links = new Links(
      peers.bounds,
      pauses,
      () => runtime.now(),
      (sooner) => this.#linkChanged(sooner),
    );
    this.timing = new Timing(peers, pauses, this.links);
    this.levels = new Levels(peers, this.timing);
    this.arrivals = new Arrivals(peers, this.timing, pauses);
    this.flaps = new FlapDamping(flapDamping);
    this.#mass =
      massSilence &&
      new MassSilence(massSilence, peers, this.timing, (event) => {
        // Of a group each peer is told about.
        if (event.active && event.group === undefined) pauses.slowBefore(event.at);
        events.post('mass-silence', event);
      });
  }

  // Heartbeats.

  /** The stored time that a caller's time is: NaN for what is no number. */
  timeFrom(at: number): number {
    return at + this.#bounds.offset;
  }

  /** The caller's time of the heartbeat that is recorded next. */
  setTime(at: number): void {
    this.#bounds.at = at + this.#bounds.offset;
  }

  /** Records the heartbeat at {@link Bounds.at}, and emits the events that it causes. */
  record(slot: Slot): HeartbeatOutcome {
    return this.#recordFast(slot) ? 'accepted' : this.#recordSlow(slot, PLAIN, 0);
  }

  /** Records the heartbeat if it is an ordinary one; otherwise nothing has changed. */
  #recordFast(slot: Slot): boolean {
    const { model, isEarly } = this.peers.profile(slot);
    const result = model.recordFast(slot);
    if (result === SLOW) return false;
    // Without levels before it, suspicion is what comes next, and it is queued no later than it was due.
    if (result === EARLIER || isEarly) this.enqueue(slot);
    return true;
  }

  /** As {@link record}, with what the heartbeat says of itself. */
  recordWithInfo(slot: Slot, info: HeartbeatInfo): HeartbeatOutcome {
    const { at, slowFrom } = this.#bounds;
    if (!Number.isFinite(at)) return this.#drop(slot, 'invalid-time', info);
    if (at >= slowFrom && !this.#runtime.admits()) return this.#drop(slot, 'in-the-future', info);
    const admission = this.peers.sequences.admit(slot, info);
    if (admission !== 'accepted' && admission !== 'restart') {
      // A copy that comes by another link proves that this one works.
      if (admission !== 'stale-incarnation' && info.link) this.heardBy(slot, info.link);
      return this.#drop(slot, admission, info);
    }
    this.heardBy(slot, info.link);
    const next = nextOf(info);
    const kind =
      (admission === 'restart' ? RESTART : PLAIN) |
      (isCount(info.sequence) ? NUMBERED : PLAIN) |
      (info.learn === false ? SIGN : PLAIN);
    const isPlain = next === 0 && (kind & (RESTART | SIGN)) === 0;
    if (isPlain && this.#recordFast(slot)) return 'accepted';
    return this.#recordSlow(slot, kind, next);
  }

  /** A heartbeat that may change more than its peer's window and deadline. */
  #recordSlow(slot: Slot, kind: number, next: number): HeartbeatOutcome {
    const records = this.#records;
    const { levels, timing } = this;
    this.slowPathCount++;
    const last = records.last(slot);
    const given = this.#bounds.at;
    // One that comes too early may do so because the clock was set back.
    if ((given >= this.#bounds.slowFrom || given <= last) && !this.#runtime.admits(last)) {
      return this.#drop(slot, Number.isFinite(given) ? 'in-the-future' : 'invalid-time');
    }
    const { at } = this.#bounds;
    const isHeard = records.has(slot, HEARD);
    const isLate = isHeard && (kind & RESTART) === 0 && timing.isLate(slot, at);
    const isFirst = !isHeard && this.#events.hasListeners('available');
    const changes = records.has(slot, CROSSED) || isLate || isFirst;
    const before = changes ? this.#silenceAt(slot, at) : undefined;
    const crossed = changes ? levels.crossedInOrder(slot) : NONE;
    // The heartbeat's own time may be any.
    if (isHeard && this.#mass?.active) this.#mass.beforeBeat(slot, this.#runtime.now());
    const outcome = this.arrivals.record(slot, kind, next);
    if (outcome !== 'accepted') return this.#drop(slot, outcome);
    if (!levels.isSuspect(slot)) {
      if (isHeard) this.#heard(slot);
      else this.#join(slot, true);
    }
    if (before !== undefined) this.#settle(slot, before, crossed, isLate, isFirst);
    this.enqueue(slot);
    this.#events.flush();
    return outcome;
  }

  /** What listeners are told of the silence that a heartbeat ends. */
  #silenceAt(slot: Slot, at: number): LateHeartbeat<Id> {
    const { timing } = this;
    const paused = timing.pausedSince(slot, at);
    return {
      peer: this.peers.id(slot),
      at,
      expected: timing.expectedAt(slot) + paused,
      due: this.#records.suspectAt(slot) + paused,
      silence: this.#records.last(slot) === -Infinity ? 0 : timing.silence(slot, at), // it was not even watched
      phi: timing.phi(slot, at),
    };
  }

  /**
   * Crosses levels downwards; the peer may be available from now on, and a late heartbeat is told.
   *
   * @param crossed the levels that are crossed, in the order of their crossings
   * @param isFirst whether it is the peer's first, and somebody wants to know
   */
  #settle(
    slot: Slot,
    before: LateHeartbeat<Id>,
    crossed: readonly number[],
    isLate: boolean,
    isFirst: boolean,
  ): void {
    const { peer, at, phi, silence, due } = before;
    const { levels, flaps } = this;
    const { levels: all, suspect, options } = this.peers.profile(slot);
    const isSuspected = levels.isSuspect(slot);
    let after = levels.crossedAfter(slot, at);
    if (isSuspected) {
      const recovered = at < due ? levels.recovered(slot) + 1 : 1;
      levels.setRecovered(slot, recovered);
      if (recovered < flaps.needed(slot, at, options.recoverAfter)) {
        after |= levels.crossedWithSuspicion(slot);
      }
    }
    const stays = (i: number) => (after & (1 << i)) !== 0;
    const last = crossed.filter(stays).at(-1) ?? -1;
    levels.setCrossed(slot, after, last + 1);
    const live = this.peers.liveness(slot);
    const cross = (
      event: 'level' | 'available',
      from: number,
      to: number,
      reason: Reason = 'heartbeat',
    ) => {
      const level = all[to]?.name;
      const previous = all[from]?.name;
      const change: Transition<Id> = { peer, phi, due: at, at, silence, level, previous, reason };
      this.#events.post(event, change, live);
    };
    for (let k = crossed.length - 1; k >= 0; k--) {
      if (!stays(crossed[k]) && crossed[k] !== suspect) cross('level', crossed[k], crossed[k - 1]);
    }
    if (isSuspected && !stays(suspect)) {
      flaps.returned(slot, at);
      levels.setRecovered(slot, 0);
      this.#join(slot);
      this.peers.sequences.forgive(slot);
      cross('available', suspect, last);
    }
    if (isFirst && !isSuspected) cross('available', last, last, 'first-heartbeat');
    if (isLate) this.#events.post('late', before, live);
  }

  /** Counts a heartbeat, or a watch, that is refused. */
  refuse<R extends keyof DropCounts>(reason: R): R {
    this.slowPathCount++;
    this.dropped[reason]++;
    this.#events.flush();
    return reason;
  }

  #drop<R extends keyof PeerDrops>(slot: Slot, reason: R, info?: HeartbeatInfo): R {
    const { peers } = this;
    peers.sequences.drop(slot, reason);
    if (this.levels.isSuspect(slot) && peers.sequences.refuses(slot, reason)) {
      const { incarnation, sequence } = info ?? {};
      const refused = {
        peer: peers.id(slot),
        at: this.#runtime.now(),
        outcome: reason,
        info: {
          ...(incarnation !== undefined && { incarnation }),
          ...(sequence !== undefined && { sequence }),
        },
        incarnation: peers.sequences.incarnation(slot),
      };
      this.#events.post('refused', refused, peers.liveness(slot));
    }
    return this.refuse(reason);
  }

  // Watches.

  /** The peer is expected from `at` on. */
  start(slot: Slot, at: number): void {
    this.arrivals.start(slot, at);
    this.enqueue(slot);
  }

  /** The peer is heard by the link from now on. */
  heardBy(slot: Slot, link: unknown): void {
    this.links.heardBy(slot, link, this.timing.lastHeartbeat(slot));
  }

  /**
   * New options for a watched peer. It keeps the levels that it has crossed as far as the new options
   * have them, and a suspected one is so until it has recovered; what is crossed now is emitted when
   * it is next due.
   */
  reconfigure(slot: Slot, options: ResolvedOptions): void {
    this.#mass?.leave(slot);
    const crossed = this.levels.save(slot);
    this.peers.reconfigure(slot, options);
    if (this.timing.isStarted(slot)) this.timing.expect(slot);
    this.levels.load(slot, crossed);
    if (this.levels.status(slot) === 'available') this.#join(slot);
    this.enqueue(slot);
  }

  /** A new peer goes on where its snapshot stood. */
  restored(slot: Slot): void {
    this.enqueue(slot);
    if (this.levels.status(slot) !== 'available') return;
    this.#join(slot);
    if (!this.#events.hasListeners('available')) return;
    const at = this.#runtime.now();
    const level = this.levels.level(slot);
    const change: Transition<Id> = {
      peer: this.peers.id(slot),
      phi: this.timing.phi(slot, at),
      due: at,
      at,
      silence: at - this.#records.last(slot),
      level,
      previous: level,
      reason: 'restored',
    };
    this.#events.post('available', change, this.peers.liveness(slot));
    this.#events.flush();
  }

  /** Forgets a peer. */
  remove(slot: Slot): void {
    const mass = this.#mass;
    mass?.leave(slot);
    if (mass?.until === -Infinity) this.#runtime.earlier(-Infinity); // a hold is over
    this.links.end(slot);
    this.levels.end(slot);
    this.flaps.end(slot);
    this.peers.remove(slot);
  }

  /**
   * The peer has left on purpose: it is watched no longer, and what is still under way of it is
   * refused. False for what is of an older incarnation than the peer's.
   */
  leave(slot: Slot, info: HeartbeatInfo | undefined): boolean {
    const { timing, levels } = this;
    const known = this.peers.sequences.incarnation(slot);
    const said = isCount(info?.incarnation) ? info.incarnation : undefined;
    if (said !== undefined && known !== undefined && said < known) {
      this.#drop(slot, 'stale-incarnation', info);
      return false;
    }
    const peer = this.peers.id(slot);
    const at = this.#runtime.now();
    const change: Transition<Id> = {
      peer,
      phi: timing.phi(slot, at),
      due: at,
      at,
      silence: this.#records.last(slot) === -Infinity ? 0 : timing.silence(slot, at),
      level: undefined,
      previous: levels.level(slot),
      reason: 'left',
    };
    const patience =
      this.#records.suspectAt(slot) - this.#records.last(slot) - timing.announced(slot);
    this.farewells.remember(peer, said ?? known, at, patience);
    this.remove(slot);
    this.#events.post('left', change);
    this.#events.flush();
    return true;
  }

  // Mass silence.

  /** Suspicions of the slot are held because many are silent. */
  isHeld(slot: Slot): boolean {
    return this.#mass?.holds(slot) ?? false;
  }

  /** The peer is heard, and not suspected, from now on; `isFresh`: for the first time. */
  #join(slot: Slot, isFresh = false): void {
    this.#records.clear(slot, OVERDUE);
    this.#mass?.join(slot, isFresh);
  }

  /** A peer that is not suspected has sent a heartbeat, not its first. */
  #heard(slot: Slot): void {
    const mass = this.#mass;
    if (!mass || !(mass.active || this.#records.has(slot, OVERDUE))) return;
    this.#records.clear(slot, OVERDUE);
    const now = this.#runtime.now();
    if (mass.beat(slot, now)) this.#runtime.earlier(now);
  }

  #linkChanged(isSooner: boolean): void {
    if (!isSooner) return;
    this.#rescan = 0;
    this.#runtime.earlier(this.#runtime.now());
  }

  // The passing of time.

  /**
   * A bounded step towards `at`: {@link EMITTED} when the next crossing was due by then,
   * {@link MOVED} when there may be more to do, {@link DONE} when there is not.
   */
  step(at: number): number {
    const mass = this.#mass;
    mass?.expire(at);
    const released = mass?.released();
    if (released !== undefined) {
      this.enqueue(released);
      return MOVED;
    }
    if (this.#rescan < this.peers.length) {
      const slot = this.#rescan++ as Slot;
      mass?.requeue(slot);
      this.enqueue(slot);
      return MOVED;
    }
    if (this.#pending !== undefined) {
      if (mass?.step(at)) return MOVED;
      const slot = this.#pending;
      this.#pending = undefined;
      return this.#decide(mass as MassSilence, slot, at);
    }
    const slot = this.#queue.step(at);
    if (slot === IDLE) {
      this.#events.flush();
      return DONE;
    }
    if (slot === BUSY) return MOVED;
    if (mass !== undefined && this.levels.isSuspicionNext(slot)) {
      this.#pending = slot;
      return MOVED;
    }
    this.#cross(slot, at);
    return EMITTED;
  }

  /** When to step next: the earliest crossing, or a little before; Infinity for never. */
  earliest(): number {
    const isBusy = this.#pending !== undefined || this.#rescan < this.peers.length;
    if (isBusy || this.#mass?.releasing) return -Infinity;
    return Math.min(this.#queue.earliest(), this.#mass?.until ?? Infinity);
  }

  /** A suspicion was due; who else is silent is known now. */
  #decide(mass: MassSilence, slot: Slot, at: number): number {
    const due = this.dueAt(slot);
    if (!(due <= at) || !this.levels.isSuspicionNext(slot)) {
      this.enqueue(slot); // it has sent a heartbeat since, or is another peer
      return MOVED;
    }
    const isHeld = mass.holds(slot);
    if (mass.judge(slot, at) === HOLD) this.enqueue(slot);
    else this.#cross(slot, at, isHeld ? 'mass-silence' : undefined);
    this.#events.flush();
    return EMITTED;
  }

  /** The peer crosses its next level, whose instant has come. */
  #cross(slot: Slot, at: number, given?: Reason): void {
    const { levels, timing } = this;
    const { levels: all, suspect } = this.peers.profile(slot);
    const next = levels.next(slot);
    const due = levels.nextAt(slot);
    const previous = levels.level(slot);
    const isSuspicion = next === suspect;
    const reason = given ?? this.#reason(slot, due);
    levels.setCrossed(slot, levels.crossed(slot) | (1 << next), next + 1);
    if (isSuspicion) {
      levels.suspect(slot);
      this.#records.clear(slot, OVERDUE);
      this.#mass?.leave(slot);
    }
    this.enqueue(slot);
    const event = isSuspicion ? 'suspect' : 'level';
    if (!this.#events.hasListeners(event)) return;
    const change: Transition<Id> = {
      peer: this.peers.id(slot),
      phi: timing.phi(slot, at),
      due,
      at,
      silence: timing.silence(slot, at),
      level: all[next].name,
      previous,
      reason,
    };
    this.#events.post(event, change, this.peers.liveness(slot));
    this.#events.flush();
  }

  #reason(slot: Slot, due: number): Reason {
    if (this.#records.has(slot, RESTORED)) return 'restored';
    if (this.timing.pausedSince(slot, Infinity) > 0) return 'stall';
    const longest = this.timing.since(slot) + this.peers.profile(slot).model.longest(slot);
    return due === longest ? 'max-silence' : 'silence';
  }

  /** Queues the peer where it is due, if that is earlier than it stands. */
  enqueue(slot: Slot): void {
    const due = this.dueAt(slot);
    if (!(due < this.queuedAt(slot))) return;
    this.#queue.insert(slot, due);
    this.#runtime.earlier(due);
  }

  dueAt(slot: Slot): number {
    const due = this.levels.nextAt(slot);
    return this.#mass ? Math.max(due, this.#mass.heldUntil(slot)) : due;
  }

  queuedAt(slot: Slot): number {
    return this.#records.queuedAt(slot);
  }

  setQueuedAt(slot: Slot, key: number): void {
    this.#records.setQueuedAt(slot, key);
  }

  ordinalOf(slot: Slot): number {
    return this.#records.watch(slot);
  }
}
