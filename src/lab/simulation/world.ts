/** The simulated world: its time, its nodes, and what befalls them. One queue of all that is to come. */
import { MinHeap } from '../../core/min-heap.js';
import { Datagrams } from './datagrams.js';
import { type Fault, resolveWhich } from './faults.js';
import type { Violation } from './invariants.js';
import { type Carriage, Network } from './network.js';
import { Nodes } from './nodes.js';
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

export class World implements Carriage, ObserverWorld {
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
  readonly make;
  readonly #given: ResolvedWorld;
  readonly #random: Random;
  readonly #network: Network;
  readonly #queue = new MinHeap<number>();
  /** Apart, for they are few: a heartbeat under way is soon there. */
  readonly #underWay = new MinHeap<number>();
  /** Between two looks at all invariants: the mean interval of the nodes. */
  readonly #sweepEvery: number;
  #ordinal = 0;
  readonly #ends: (() => void)[] = [];
  readonly #floodLeft: Int32Array;
  readonly #floodGap: Float64Array;

  constructor(given: ResolvedWorld) {
    const { intervals, observers, network, seed, detector, socketBuffer, faults } = given;
    this.#given = given;
    this.options = detector;
    this.socketBuffer = socketBuffer;
    this.make = given.make;
    this.#random = new Random(seed);
    this.nodes = new Nodes(intervals, detector.heartbeatInterval ?? 1000);
    const { count } = this.nodes;
    this.#network = new Network(count * observers, network, this.#random, this);
    this.#floodLeft = new Int32Array(count);
    this.#floodGap = new Float64Array(count);
    for (const [i, { at }] of faults.entries()) this.#push(at, FAULT, i);
    const told = faults.some((fault) => fault.fault === 'outage' && fault.known);
    for (let i = 0; i < observers; i++) {
      const observer = new Observer(i, this);
      if (told) observer.useLink();
      this.observers.push(observer);
    }
    for (let node = 0; node < count; node++) {
      this.#beatAt(node, this.nodes.interval[node] * this.#random.next());
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
    else if (kind === FAULT) this.#befall(this.#given.faults[about]);
    else if (kind === END) this.#ends[about]();
    else if (kind === FLOOD) this.#flood(about);
    else this.#sweep();
  }

  #push(at: number, kind: number, about: number): void {
    this.#queue.push(at, this.#ordinal++ | 0, (about << KIND_BITS) | kind);
  }

  #after(ms: number, end: () => void): void {
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

  // Heartbeats.

  #beatAt(node: number, at: number): void {
    this.nodes.nextBeat[node] = at;
    this.#push(at, BEAT, node);
  }

  #beat(node: number): void {
    const { nodes } = this;
    // A restart or a new cadence has put another one in its place.
    if (nodes.nextBeat[node] !== this.now) return;
    nodes.nextBeat[node] = Number.NaN;
    if (nodes.running[node] === 0) return;
    this.#send(node);
    const { jitter } = this.#given;
    const spread = jitter > 0 ? jitter * (2 * this.#random.next() - 1) : 0;
    this.#beatAt(node, this.now + nodes.interval[node] * (1 + spread));
  }

  #send(node: number): void {
    const { nodes } = this;
    const sequence = ++nodes.sequence[node];
    const incarnation = nodes.incarnation[node];
    const interval = nodes.interval[node];
    this.sent += this.observers.length;
    for (let o = 0; o < this.observers.length; o++) {
      this.#network.send(o * nodes.count + node, incarnation, sequence, interval);
    }
  }

  deliver(link: number, incarnation: number, sequence: number, delay: number): void {
    const datagram = this.datagrams.add(link, incarnation, sequence);
    this.#underWay.push(this.now + delay, this.#ordinal++ | 0, datagram);
  }

  #arrive(datagram: number): void {
    const { count } = this.nodes;
    const link = this.datagrams.link[datagram];
    const observer = this.observers[(link / count) | 0];
    const reached = !observer.checker.linkDown && observer.arrive(datagram, link % count);
    if (reached) return;
    this.datagrams.release(datagram);
    this.lose(link);
  }

  lose(link: number): void {
    if (!this.#network.isCut(link)) this.#disturb(link);
  }

  garble(link: number): void {
    this.#disturb(link);
  }

  #flood(node: number): void {
    if (this.#floodLeft[node]-- <= 0 || this.nodes.running[node] === 0) return;
    this.#send(node);
    this.#push(this.now + this.#floodGap[node], FLOOD, node);
  }

  // Faults.

  #disturb(link: number): void {
    const { count } = this.nodes;
    const { checker } = this.observers[(link / count) | 0];
    checker.learning.disturb(link % count);
    checker.unrest = this.now;
  }

  #disturbNode(node: number): void {
    for (let o = 0; o < this.observers.length; o++) this.#disturb(o * this.nodes.count + node);
  }

  #befall(fault: Fault): void {
    const { count } = this.nodes;
    const nodes = resolveWhich('nodes' in fault ? fault.nodes : 'all', count);
    const which = resolveWhich(
      'observers' in fault ? fault.observers : 'all',
      this.observers.length,
    );
    const links = which.flatMap((observer) => nodes.map((node) => observer * count + node));
    switch (fault.fault) {
      case 'network':
        this.#changeNetwork(links, fault);
        break;
      case 'partition':
        this.#cut(links, fault.duration, fault.queued ?? false);
        for (const o of which) this.observers[o].checker.unrest = this.now + fault.duration;
        break;
      case 'outage':
        this.#silenceAll(which, fault.duration, fault.known ?? false);
        this.#cut(links, fault.duration, fault.queued ?? false);
        break;
      case 'stall':
        for (const link of links) this.#disturb(link);
        for (const o of which) {
          this.observers[o].stall(fault.duration);
          this.observers[o].checker.unrest = this.now + fault.duration;
        }
        break;
      default:
        for (const node of nodes) this.#befallNode(node, fault);
    }
  }

  #changeNetwork(links: readonly number[], fault: Extract<Fault, { fault: 'network' }>): void {
    const { at, fault: _, nodes, observers, duration, ...quality } = fault;
    for (const link of links) {
      this.#disturb(link);
      const end = this.#network.change(link, quality);
      if (duration !== undefined) {
        this.#after(duration, () => {
          end();
          this.#disturb(link);
        });
      }
    }
  }

  #cut(links: readonly number[], duration: number, queued: boolean): void {
    const { count } = this.nodes;
    const checkerOf = (link: number) => this.observers[(link / count) | 0].checker;
    for (const link of links) {
      const { learning } = checkerOf(link);
      const settled = checkerOf(link).settled(link % count);
      if (!this.#network.isCut(link)) learning.beginOutage(link % count, this.now, settled);
      this.#network.cut(link, queued);
    }
    this.#after(duration, () => {
      for (const link of links) {
        this.#network.mend(link, queued);
        if (!this.#network.isCut(link)) {
          checkerOf(link).learning.endOutage(link % count, this.now);
        }
      }
    });
  }

  #silenceAll(which: readonly number[], duration: number, known: boolean): void {
    for (const o of which) this.observers[o].beginOutage(duration, known);
    this.#after(duration, () => {
      for (const o of which) this.observers[o].endOutage(known);
    });
  }

  #befallNode(node: number, fault: Fault): void {
    const { nodes } = this;
    if (fault.fault === 'clock-step') {
      nodes.wallClock[node] += fault.by;
    } else if (fault.fault === 'crash') {
      this.#stop(node);
      this.#disturbNode(node);
      nodes.crashed[node] = 1;
    } else if (fault.fault === 'restart') {
      this.#stop(node);
      this.#disturbNode(node);
      nodes.crashed[node] = 0;
      nodes.incarnation[node]++;
      nodes.sequence[node] = 0;
      this.#start(node, 1);
    } else if (fault.fault === 'freeze') {
      this.#freeze(node, fault.duration, fault.burst ?? 1);
    } else if (nodes.crashed[node] === 1) {
      // Nothing else happens to the dead.
    } else if (fault.fault === 'cadence') {
      nodes.interval[node] = fault.interval;
      nodes.setCadence(node, fault.interval);
      this.#disturbNode(node);
      for (const { checker } of this.observers) {
        const clear = 0.8 * fault.interval > checker.tolerated(node);
        checker.learning.changeCadence(node, clear);
      }
      const soon = this.now + fault.interval;
      if (nodes.nextBeat[node] > soon) this.#beatAt(node, soon);
    } else if (fault.fault === 'flood') {
      this.#disturbNode(node);
      // As long as this it may be taken for a new cadence.
      if (fault.gap * fault.count > 2 * nodes.fastest[node]) nodes.setCadence(node, fault.gap);
      this.#floodLeft[node] = fault.count;
      this.#floodGap[node] = fault.gap;
      this.#flood(node);
    }
  }

  #stop(node: number): void {
    const { nodes, now } = this;
    if (nodes.crashed[node] === 1) return;
    nodes.setRunning(node, false, now);
    nodes.nextBeat[node] = Number.NaN;
    for (const { checker } of this.observers) {
      checker.quality.stopped(node, now);
      if (!checker.isSuspect(node)) checker.quality.died(node, now);
    }
  }

  #start(node: number, burst: number): void {
    const { nodes, now } = this;
    nodes.setRunning(node, true, now);
    for (const { checker } of this.observers) {
      checker.quality.started(node, now, checker.isSuspect(node));
    }
    for (let i = 1; i < burst; i++) this.#send(node);
    this.#beatAt(node, burst > 0 ? now : now + nodes.interval[node] * this.#random.next());
  }

  #freeze(node: number, duration: number, burst: number): void {
    const { nodes } = this;
    if (nodes.running[node] === 0) return;
    const incarnation = nodes.incarnation[node];
    this.#stop(node);
    for (const { checker } of this.observers) {
      checker.unrest = this.now + duration;
      checker.learning.beginOutage(node, this.now, checker.settled(node));
    }
    this.#after(duration, () => {
      if (nodes.crashed[node] === 1 || nodes.incarnation[node] !== incarnation) return;
      for (const { checker } of this.observers) checker.learning.endOutage(node, this.now);
      this.#start(node, burst);
    });
  }

  #sweep(): void {
    for (const observer of this.observers) observer.sweep();
    this.#push(this.now + this.#sweepEvery, SWEEP, 0);
  }
}
