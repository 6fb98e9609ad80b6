/** The simulated world: its time, its nodes and what they send. One queue of all that is to come. */
import { MinHeap } from '../../core/monitor/min-heap.js';
import { Datagrams } from './datagrams.js';
import { FaultInjector, type FaultyWorld } from './fault-injector.js';
import type { Violation } from './invariants.js';
import { type Carriage, Network } from './network.js';
import { type Message, Nodes } from './nodes.js';
import { Observer, type ObserverWorld, type SimulationEvent } from './observer.js';
import { Random } from './random.js';
import type { ResolvedWorld } from './simulate-options.js';

// What comes is a number: its kind in the lowest bits, and what it is about.
const KIND_BITS = 3;
const KIND_MASK = 7;
const BEAT = 0;
const RUN = 1;
const FAULT = 2;
const END = 3;
const FLOOD = 4;
const SWEEP = 5;

export class World implements Carriage, FaultyWorld, ObserverWorld {
  now = 0;
  readonly nodes: Nodes;
  readonly datagrams = new Datagrams();
  readonly events: SimulationEvent[] = [];
  readonly violations: Violation[] = [];
  readonly observers: Observer[] = [];
  /** Heartbeats that nodes have sent, to all observers together. */
  sent = 0;
  readonly options;
  readonly socketBuffer;
  /** By how many each observer hears every node. */
  readonly links: number;
  readonly make;
  readonly random: Random;
  readonly network: Network;
  readonly #given: ResolvedWorld;
  readonly #injector: FaultInjector;
  readonly #queue = new MinHeap<number>();
  /** Apart, for they are few: a heartbeat under way is soon there. */
  readonly #underWay = new MinHeap<number>();
  /** Between two looks at all invariants: the mean interval of the nodes. */
  readonly #sweepEvery: number;
  #ordinal = 0;
  readonly #ends: (() => void)[] = [];

  constructor(given: ResolvedWorld) {
    const { intervals, groups, observers, network, seed, detector, socketBuffer, faults } = given;
    this.links = given.links;
    this.#given = given;
    this.options = detector;
    this.socketBuffer = socketBuffer;
    this.make = given.make;
    this.random = new Random(seed);
    this.nodes = new Nodes(intervals, detector.heartbeatInterval ?? 1000, groups);
    const { count } = this.nodes;
    this.network = new Network(count * observers * this.links, network, this.random, this);
    this.#injector = new FaultInjector(this);
    for (const [i, { at }] of faults.entries()) this.#push(at, FAULT, i);
    const told = faults.some((each) => each.fault === 'outage' && each.known) || this.links > 1;
    for (let i = 0; i < observers; i++) {
      const observer = new Observer(i, this);
      if (told) observer.useLinks();
      this.observers.push(observer);
    }
    for (let node = 0; node < count; node++) {
      this.beatAt(node, this.nodes.interval[node] * this.random.next());
    }
    this.#sweepEvery = intervals.reduce((sum, each) => sum + each / count, 0);
    this.#push(this.#sweepEvery, SWEEP, 0);
  }

  run(): void {
    const { duration } = this.#given;
    const queue = this.#queue;
    const underWay = this.#underWay;
    for (;;) {
      const at = queue.key;
      const arrival = underWay.key;
      if (at > duration && arrival > duration) break;
      if (arrival <= at) {
        const datagram = underWay.first;
        this.now = arrival;
        underWay.pop();
        this.#arrive(datagram);
      } else {
        const what = queue.first;
        this.now = at;
        queue.pop();
        this.#happen(what & KIND_MASK, what >> KIND_BITS);
      }
    }
    this.now = duration;
    for (const observer of this.observers) observer.sweep();
    for (const { detector } of this.observers) detector.close();
  }

  #happen(kind: number, about: number): void {
    if (kind === BEAT) this.#beat(about);
    else if (kind === RUN) this.observers[about].loop.run();
    else if (kind === FAULT) this.#injector.befall(this.#given.faults[about]);
    else if (kind === END) this.#ends[about]();
    else if (kind === FLOOD) this.#injector.flood(about);
    else this.#sweep();
  }

  #push(at: number, kind: number, about: number): void {
    this.#queue.push(at, this.#ordinal++ | 0, (about << KIND_BITS) | kind);
  }

  /** Calls `end` so much later. */
  after(ms: number, end: () => void): void {
    this.#push(this.now + ms, END, this.#ends.push(end) - 1);
  }

  runAt(at: number, observer: number): void {
    this.#push(at, RUN, observer);
  }

  log(event: SimulationEvent): void {
    this.events.push(event);
  }

  readonly report = (violation: Violation): void => {
    this.violations.push(violation);
  };

  floodAt(node: number, at: number): void {
    this.#push(at, FLOOD, node);
  }

  // Heartbeats.

  /** The next regular heartbeat of a node, in place of any that was to come. */
  beatAt(node: number, at: number): void {
    this.nodes.nextBeat[node] = at;
    this.#push(at, BEAT, node);
  }

  #beat(node: number): void {
    const { nodes } = this;
    // A restart or a new cadence has put another one in its place.
    if (nodes.nextBeat[node] !== this.now) return;
    nodes.nextBeat[node] = Number.NaN;
    if (nodes.running[node] === 0) return;
    this.send(node);
    const { jitter } = this.#given;
    const spread = jitter > 0 ? jitter * (2 * this.random.next() - 1) : 0;
    this.beatAt(node, this.now + nodes.interval[node] * (1 + spread));
  }

  /** A heartbeat of a node, or another message of its, to all observers. */
  send(node: number, message?: Message): void {
    const { nodes } = this;
    const sequence = ++nodes.sequence[node];
    if (message) nodes.say(node, message);
    const incarnation = nodes.incarnation[node];
    const interval = nodes.interval[node];
    this.sent += this.observers.length;
    for (let way = 0; way < this.observers.length * this.links; way++) {
      this.network.send(way * nodes.count + node, incarnation, sequence, interval);
    }
  }

  deliver(link: number, incarnation: number, sequence: number, delay: number): void {
    const datagram = this.datagrams.add(link, incarnation, sequence);
    this.#underWay.push(this.now + delay, this.#ordinal++ | 0, datagram);
  }

  #arrive(datagram: number): void {
    const { count } = this.nodes;
    const link = this.datagrams.link[datagram];
    const observer = this.#observerOf(link);
    const isDown = observer.checker.links.isDown(this.linkOf(link));
    if (!isDown && observer.arrive(datagram, link % count)) return;
    this.datagrams.release(datagram);
    this.lose(link);
  }

  /** By which of its links, from 0, an observer hears what goes by one of the network. */
  linkOf(link: number): number {
    return Math.floor(link / (this.nodes.count * this.observers.length));
  }

  #observerOf(link: number): Observer {
    return this.observers[Math.floor(link / this.nodes.count) % this.observers.length];
  }

  lose(link: number): void {
    const { links } = this.#observerOf(link).checker;
    const another = this.linkOf(link) === 0 ? 1 : 0;
    // What comes by another link as well is not lost.
    if (this.links > 1 && !links.isDown(another)) return;
    if (!this.network.isCut(link)) this.disturb(link);
  }

  garble(link: number): void {
    this.disturb(link);
  }

  /** Something irregular befalls what a node sends to an observer. */
  disturb(link: number): void {
    const { count } = this.nodes;
    const { checker } = this.#observerOf(link);
    checker.disturb(link % count);
    checker.unrest = this.now;
  }

  #sweep(): void {
    for (const observer of this.observers) observer.sweep();
    this.#push(this.now + this.#sweepEvery, SWEEP, 0);
  }
}
