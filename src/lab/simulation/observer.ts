/** One observer: an event loop with a real detector on it, and a checker that looks over its shoulder. */

import { FailureDetector } from '../../core/detector.js';
import type { Transition } from '../../core/events.js';
import type { HeartbeatOutcome } from '../../core/heartbeat.js';
import type { Peer } from '../../core/peer.js';
import type { Link } from '../../core/peers/link.js';
import { type FailureDetectorOptions, resolveSettings } from '../../core/settings.js';
import { Checker } from './checker.js';
import type { Datagrams } from './datagrams.js';
import { guardsOf, type MakeDetector, type SimulatedOptions } from './detector-port.js';
import { EventLoop } from './event-loop.js';
import { compareCopy, inspect } from './inspection.js';
import type { Violation } from './invariants.js';
import type { Nodes } from './nodes.js';

/** Something that a detector said. */
export interface SimulationEvent {
  /** In ms from the start. */
  readonly at: number;
  readonly observer: number;
  readonly event:
    | 'suspect'
    | 'available'
    | 'level'
    | 'left'
    | 'stall'
    | 'clock-step'
    | 'mass-silence';
  /** Undefined for what concerns no single node. */
  readonly node?: number;
  /** The computed instant of a transition. */
  readonly due?: number;
  readonly silence?: number;
  readonly level?: string;
  readonly previous?: string;
  readonly reason?: string;
  /** Of a stall, in ms. */
  readonly duration?: number;
  /** Of a mass silence. */
  readonly active?: boolean;
}

/** A detector is compared with a copy of it after so many sweeps, and whenever they have doubled. */
const SWEEPS_BEFORE_COPY = 128;
/** Of times of a clock that was set, in ms. */
const ROUNDING = 1e-6;

/** What an observer needs of its world. */
export interface ObserverWorld {
  readonly now: number;
  readonly nodes: Nodes;
  readonly datagrams: Datagrams;
  readonly options: SimulatedOptions;
  readonly socketBuffer: number;
  /** By how many each observer hears every node. */
  readonly links: number;
  linkOf(link: number): number;
  readonly make: MakeDetector | undefined;
  runAt(at: number, observer: number): void;
  log(event: SimulationEvent): void;
  report(violation: Violation): void;
}

export class Observer {
  readonly loop: EventLoop;
  readonly checker: Checker;
  readonly detector: FailureDetector<number>;
  /** Heartbeats that were read. */
  beats = 0;
  readonly #number: number;
  readonly #world: ObserverWorld;
  readonly #resolved;
  readonly #maxAhead: number;
  readonly #peers: Peer<number>[] = [];
  /** Reused: a detector reads it during the call. */
  readonly #info: {
    incarnation: number;
    sequence: number;
    link: Link | undefined;
    next: number | undefined;
  } = {
    incarnation: 0,
    sequence: 0,
    link: undefined,
    next: undefined,
  };
  /** Empty where the detector is told of none. */
  readonly #links: Link[] = [];
  #sweeps = 0;

  /** @param number from 0 */
  constructor(number: number, world: ObserverWorld) {
    this.#number = number;
    this.#world = world;
    const { nodes, options } = world;
    const around = {
      now: () => world.now,
      clockRead: (time: number) => this.checker.clock.shows(time),
      runAt: (at: number) => world.runAt(at, number),
      read: (datagram: number) => this.#read(datagram),
    };
    this.loop = new EventLoop(around, world.socketBuffer);
    const given = { ...options, clock: this.loop } as FailureDetectorOptions;
    const settings = resolveSettings(given);
    this.#resolved = settings.defaults;
    this.#maxAhead = settings.maxAhead;
    this.checker = new Checker(number, nodes, this.#resolved, guardsOf(given), world);
    this.detector = world.make?.(given) ?? new FailureDetector<number>(given);
    for (const event of ['suspect', 'available', 'level'] as const) {
      this.detector.on(event, (change) => this.#transition(event, change));
    }
    this.detector.on('left', (change) => {
      world.log({
        at: this.#inWorld(change.at),
        observer: number,
        event: 'left',
        node: change.peer,
      });
      this.checker.left(change, world.now);
    });
    this.detector.on('clock-step', ({ at, by }) => {
      world.log({ at: this.#inWorld(at), observer: number, event: 'clock-step', duration: by });
      const wrong = this.checker.clock.told(by);
      if (wrong !== undefined) this.checker.fail('clock', world.now, 0, wrong);
    });
    this.detector.on('stall', ({ at, duration }) => {
      world.log({ at: this.#inWorld(at), observer: number, event: 'stall', duration });
    });
    this.detector.on('mass-silence', ({ at, active, group }) => {
      if (active) this.checker.held.add(group);
      else this.checker.held.delete(group);
      world.log({ at: this.#inWorld(at), observer: number, event: 'mass-silence', active });
    });
    for (let node = 0; node < nodes.count; node++) {
      const group = nodes.groups?.[node];
      const peer = this.detector.watch(node, group === undefined ? undefined : { group });
      this.#peers.push(peer);
      this.checker.watched(node, world.now, peer.suspectAt());
    }
  }

  /** A heartbeat reaches the socket; false when it was dropped. */
  arrive(datagram: number, node: number): boolean {
    const { loop } = this;
    const { behind } = loop;
    const arrived = loop.arrive(datagram);
    if (behind && arrived) this.checker.waits(node, this.#world.now);
    return arrived;
  }

  /** The clock of its detector is set by so many ms. */
  setClock(by: number): void {
    const { now } = this.#world;
    this.loop.clockError += by;
    this.checker.clock.set(now, by);
    this.checker.unrest = now;
  }

  /** A time of the detector's clock, in that of the world. */
  #inWorld(at: number): number {
    const { clockError, time } = this.loop;
    if (clockError === 0) return at;
    // One that ran back a little stands still for the detector.
    const shown = Math.max(time, this.checker.clock.shown);
    return Math.abs(at - shown) < ROUNDING ? this.#world.now : at - clockError;
  }

  stall(duration: number): void {
    const { now } = this.#world;
    this.loop.stall(now + duration);
    this.checker.stalls.add(now, now + duration);
  }

  /** Nobody is heard from now on, for so long. */
  beginOutage(duration: number, known: boolean): void {
    const { now } = this.#world;
    const { outage } = this.checker;
    if (!(now <= outage.until)) {
      outage.since = now;
      outage.trusted = this.#peers.filter(({ status }) => status === 'available').length;
    }
    outage.until = Math.max(now + duration, outage.until || 0);
    if (!known) return;
    for (let link = 0; link < this.checker.links.count; link++) this.linkDown(link, duration);
  }

  endOutage(known: boolean): void {
    if (!known) return;
    for (let link = 0; link < this.checker.links.count; link++) this.linkUp(link);
  }

  /** Nobody is heard by the link from now on, for so long, and the detector knows. */
  linkDown(link: number, duration: number): void {
    const { now } = this.#world;
    if (this.checker.links.begin(link, now, now + duration)) this.#links[link]?.down();
  }

  linkUp(link: number): void {
    if (this.checker.links.end(link)) this.#links[link]?.up();
  }

  /** Heartbeats come by links that the detector can be told about. */
  useLinks(): void {
    for (let i = 0; i < this.checker.links.count; i++) this.#links.push(this.detector.link());
  }

  /** Looks whether all invariants hold. */
  sweep(): void {
    const { now, nodes, options } = this.#world;
    const { checker } = this;
    if (this.loop.stalled) return;
    checker.sweep(now);
    checker.compareSet(now, this.detector.available());
    const n = this.#sweeps++;
    const node = n % nodes.count;
    const isWatched = !checker.hasLeft(node);
    if (isWatched) checker.tolerance(node, now);
    // What its clock was set back by is known once that has been read.
    if (this.loop.time < checker.clock.shown) return;
    // Silence does not count while the link is down, nor for a while after; a copy has no link.
    const { heartbeatInterval } = this.#resolved;
    const lately = now - 3 * nodes.interval.reduce((a, b) => Math.max(a, b), heartbeatInterval);
    if (checker.links.wasDown(lately, now)) return;
    const suspect = checker.isSuspect(node);
    const wrong = isWatched && inspect(this.#peers[node], this.#resolved, suspect, this.loop.time);
    if (wrong) checker.fail('arithmetic', now, node, wrong);
    if (n < SWEEPS_BEFORE_COPY || (n & (n - 1)) !== 0) return;
    const difference = compareCopy(this.detector, options, this.loop.time);
    if (difference) checker.fail('snapshot', now, difference.node, difference.message);
  }

  #read(datagram: number): void {
    const world = this.#world;
    const { now, nodes, datagrams } = world;
    const way = datagrams.link[datagram];
    const node = way % nodes.count;
    const incarnation = datagrams.incarnation[datagram];
    const sequence = datagrams.sequence[datagram];
    datagrams.release(datagram);
    const info = this.#info;
    info.incarnation = incarnation;
    info.sequence = sequence;
    const { next, leaves } = nodes.said(node, incarnation, sequence) ?? {};
    info.next = next;
    const link = world.linkOf(way);
    info.link = this.#links[link];
    if (info.link) this.checker.links.heard(node, link, now);
    if (leaves) this.#leave(node);
    else this.#heartbeat(node, now);
  }

  #leave(node: number): void {
    const { checker } = this;
    checker.leaving = node;
    const done = this.detector.leave(node, this.#info);
    checker.leaving = -1;
    checker.leave(node, this.#world.now, this.#info.incarnation, done);
  }

  #heartbeat(node: number, now: number): void {
    const { checker } = this;
    const { incarnation, sequence, next = 0 } = this.#info;
    this.beats++;
    checker.beating = node;
    const ahead = this.#world.nodes.ahead[node];
    // As most callers do it: the detector reads its clock. A given time is taken as it is.
    const stamp = ahead === 0 ? undefined : this.loop.time + ahead;
    const outcome = this.detector.heartbeat(node, stamp, this.#info);
    checker.beating = -1;
    if (ahead > this.#maxAhead) checker.stampedAhead(node, now, ahead, outcome);
    if (checker.hasLeft(node)) this.#heardOfLeft(node, now, outcome);
    checker.read(node, now, outcome, this.#inWorld(this.#peers[node].suspectAt()), next);
    if (outcome === 'accepted') checker.info(node, now, incarnation, sequence);
  }

  /** A heartbeat of a node that has left: a straggler, or the node is back. */
  #heardOfLeft(node: number, now: number, outcome: HeartbeatOutcome): void {
    this.checker.heard(node, now, this.#info.incarnation, outcome);
    const peer = this.detector.peer(node);
    if (peer) this.#peers[node] = peer; // the handle of before is refused
  }

  #transition(event: 'suspect' | 'available' | 'level', change: Transition<number>): void {
    const told = { ...change, at: this.#inWorld(change.at), due: this.#inWorld(change.due) };
    const { at, peer: node, due, silence, level, previous, reason } = told;
    const { now } = this.#world;
    const observer = this.#number;
    // The log tells what became of nodes; all are heard in the beginning.
    if (reason !== 'first-heartbeat' || this.checker.hasLeft(node)) {
      this.#world.log({ at, observer, event, node, due, silence, level, previous, reason });
    }
    this.checker.transition(event, told, now, this.loop.stalled);
  }
}
