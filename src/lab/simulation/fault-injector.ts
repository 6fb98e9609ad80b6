/** What befalls a simulated world: each fault turned into what it does, now and when it ends. */
import { type Fault, resolveWhich } from './faults.js';
import type { Network } from './network.js';
import type { Message, Nodes } from './nodes.js';
import type { Observer } from './observer.js';
import type { Random } from './random.js';

/** What faults change. */
export interface FaultyWorld {
  readonly now: number;
  readonly nodes: Nodes;
  readonly observers: readonly Observer[];
  readonly network: Network;
  /** By how many each observer hears every node. */
  readonly links: number;
  readonly random: Random;
  after(ms: number, end: () => void): void;
  beatAt(node: number, at: number): void;
  floodAt(node: number, at: number): void;
  send(node: number, message?: Message): void;
  disturb(link: number): void;
}

export class FaultInjector {
  readonly #world: FaultyWorld;
  /** Heartbeats that are left of a flood, and the time between them, by node. */
  readonly #floodLeft: Int32Array;
  readonly #floodGap: Float64Array;

  constructor(world: FaultyWorld) {
    this.#world = world;
    this.#floodLeft = new Int32Array(world.nodes.count);
    this.#floodGap = new Float64Array(world.nodes.count);
  }

  befall(fault: Fault): void {
    const { now, observers } = this.#world;
    const { count } = this.#world.nodes;
    const nodes = resolveWhich('nodes' in fault ? fault.nodes : 'all', count);
    const which = resolveWhich('observers' in fault ? fault.observers : 'all', observers.length);
    const links = this.#linksOf(which, nodes);
    if (fault.fault !== 'crash' && fault.fault !== 'clock-step') {
      for (const { checker } of observers) checker.cuts.spoil();
    }
    switch (fault.fault) {
      case 'network':
        this.#changeNetwork(links, fault);
        break;
      case 'partition':
        for (const o of which) {
          observers[o].checker.cutOff(nodes, now, fault.duration, fault.duration);
        }
        this.#cut(links, fault.duration, fault.queued ?? false);
        for (const o of which) observers[o].checker.unrest = now + fault.duration;
        break;
      case 'staggered':
        this.#stagger(nodes, which, fault);
        break;
      case 'outage':
        this.#silenceAll(which, fault.duration, fault.known ?? false);
        this.#cut(links, fault.duration, fault.queued ?? false);
        break;
      case 'link-down': {
        const { link, duration } = fault;
        for (const o of which) observers[o].linkDown(link, duration ?? Infinity);
        if (duration === undefined) break;
        this.#world.after(duration, () => {
          for (const o of which) observers[o].linkUp(link);
        });
        break;
      }
      case 'observer-clock':
        for (const o of which) {
          for (const node of nodes) observers[o].checker.disturb(node);
          observers[o].setClock(fault.by);
        }
        break;
      case 'stall':
        for (const link of links) this.#world.disturb(link);
        for (const o of which) {
          observers[o].stall(fault.duration);
          observers[o].checker.unrest = now + fault.duration;
        }
        break;
      default:
        for (const node of nodes) this.#befallNode(node, fault);
    }
  }

  /** The links of the network by which these observers hear these nodes. */
  #linksOf(which: readonly number[], nodes: readonly number[]): readonly number[] {
    const { observers, links } = this.#world;
    const { count } = this.#world.nodes;
    return Array.from({ length: links }, (_, link) => link * observers.length).flatMap((first) =>
      which.flatMap((observer) => nodes.map((node) => (first + observer) * count + node)),
    );
  }

  /** A heartbeat of a flood, if it is not over. */
  flood(node: number): void {
    if (this.#floodLeft[node]-- <= 0 || this.#world.nodes.running[node] === 0) return;
    this.#world.send(node);
    this.#world.floodAt(node, this.#world.now + this.#floodGap[node]);
  }

  #changeNetwork(links: readonly number[], fault: Extract<Fault, { fault: 'network' }>): void {
    const { at, fault: _, nodes, observers, duration, ...quality } = fault;
    for (const link of links) {
      this.#world.disturb(link);
      const end = this.#world.network.change(link, quality);
      if (duration !== undefined) {
        this.#world.after(duration, () => {
          end();
          this.#world.disturb(link);
        });
      }
    }
  }

  #cut(links: readonly number[], duration: number, queued: boolean): void {
    const { network, observers, now } = this.#world;
    const { count } = this.#world.nodes;
    const checkerOf = (link: number) =>
      observers[Math.floor(link / count) % observers.length].checker;
    for (const link of links) {
      if (!network.isCut(link)) checkerOf(link).beginSilence(link % count, now);
      network.cut(link, queued);
    }
    this.#world.after(duration, () => {
      for (const link of links) {
        network.mend(link, queued);
        if (network.isCut(link)) continue;
        const node = link % count;
        const { interval } = this.#world.nodes;
        checkerOf(link).learning.endOutage(node, this.#world.now, interval[node]);
      }
    });
  }

  /** A node returns to all observers at once: it is the node that connects anew. */
  #stagger(
    nodes: readonly number[],
    which: readonly number[],
    { duration, spread = 0, backOff }: Extract<Fault, { fault: 'staggered' }>,
  ): void {
    const { now, observers, random } = this.#world;
    if (backOff === undefined) {
      for (const o of which) observers[o].checker.cutOff(nodes, now, duration, duration + spread);
    }
    for (const node of nodes) {
      let silent = duration + spread * random.next();
      if (backOff !== undefined) {
        let pause = 500;
        for (silent = 0; silent < duration; pause = Math.min(2 * pause, backOff)) {
          silent += Math.min(pause, backOff) * random.between(0.5, 1.5);
        }
      }
      this.#cut(this.#linksOf(which, [node]), silent, false);
      for (const o of which) {
        const { checker } = observers[o];
        checker.unrest = Math.max(checker.unrest, now + silent);
      }
    }
  }

  #silenceAll(which: readonly number[], duration: number, known: boolean): void {
    for (const o of which) this.#world.observers[o].beginOutage(duration, known);
    this.#world.after(duration, () => {
      for (const o of which) this.#world.observers[o].endOutage(known);
    });
  }

  #befallNode(node: number, fault: Fault): void {
    const { nodes } = this.#world;
    if (fault.fault === 'clock-step') {
      nodes.wallClock[node] += fault.by;
    } else if (fault.fault === 'stamps-ahead') {
      nodes.ahead[node] = fault.ahead;
      this.#disturbNode(node);
      this.#world.after(fault.duration, () => {
        if (nodes.ahead[node] !== fault.ahead) return; // another one has taken its place
        nodes.ahead[node] = 0;
        this.#disturbNode(node);
      });
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
    } else if (fault.fault === 'nap') {
      this.#nap(node, fault.duration, fault.wakesAfter ?? fault.duration);
    } else if (fault.fault === 'leave') {
      if (nodes.running[node] === 0) return;
      this.#stop(node);
      this.#disturbNode(node);
      nodes.crashed[node] = 1;
      this.#world.send(node, { leaves: true });
    } else if (nodes.crashed[node] === 1) {
      // Nothing else happens to the dead.
    } else if (fault.fault === 'cadence') {
      const { now } = this.#world;
      nodes.interval[node] = fault.interval;
      nodes.setCadence(node, fault.interval);
      for (const { checker } of this.#world.observers) {
        checker.unrest = now;
        const clear = 0.8 * fault.interval > checker.tolerated(node);
        checker.learning.changeCadence(node, clear);
        checker.changes.changed(node, now, fault.interval);
      }
      const soon = now + fault.interval;
      if (nodes.nextBeat[node] > soon) this.#world.beatAt(node, soon);
    } else if (fault.fault === 'flood') {
      this.#disturbNode(node);
      // As long as this it may be taken for a new cadence.
      if (fault.gap * fault.count > 2 * nodes.fastest[node]) nodes.setCadence(node, fault.gap);
      this.#floodLeft[node] = fault.count;
      this.#floodGap[node] = fault.gap;
      this.flood(node);
    }
  }

  #stop(node: number): void {
    const { nodes, now } = this.#world;
    if (nodes.crashed[node] === 1) return;
    nodes.setRunning(node, false, now);
    nodes.nextBeat[node] = Number.NaN;
    for (const { checker } of this.#world.observers) {
      checker.quality.stopped(node, now);
      checker.cuts.died(node);
      if (!checker.isSuspect(node)) checker.quality.died(node, now);
    }
  }

  #start(node: number, burst: number): void {
    const { nodes, now } = this.#world;
    nodes.setRunning(node, true, now);
    for (const { checker } of this.#world.observers) {
      checker.quality.started(node, now, checker.isSuspect(node));
    }
    for (let i = 1; i < burst; i++) this.#world.send(node);
    const { random } = this.#world;
    this.#world.beatAt(node, burst > 0 ? now : now + nodes.interval[node] * random.next());
  }

  #freeze(node: number, duration: number, burst: number): void {
    if (this.#world.nodes.running[node] === 0) return;
    this.#stop(node);
    this.#fallSilent(node, duration, () => this.#start(node, burst));
  }

  #nap(node: number, announced: number, duration: number): void {
    if (this.#world.nodes.running[node] === 0) return;
    this.#fallSilent(node, duration, () => {});
    this.#world.send(node, { next: announced });
    this.#world.beatAt(node, this.#world.now + duration);
  }

  /** Nothing is heard of the node for a while that is none of its interval; then, if it lives, `end`. */
  #fallSilent(node: number, duration: number, end: () => void): void {
    const { nodes, now, observers } = this.#world;
    const incarnation = nodes.incarnation[node];
    for (const { checker } of observers) {
      checker.unrest = now + duration;
      checker.beginSilence(node, now);
    }
    this.#world.after(duration, () => {
      if (nodes.crashed[node] === 1 || nodes.incarnation[node] !== incarnation) return;
      const { interval } = nodes;
      for (const { checker } of observers) {
        checker.learning.endOutage(node, this.#world.now, interval[node]);
      }
      end();
    });
  }

  #disturbNode(node: number): void {
    const { nodes, observers } = this.#world;
    for (let o = 0; o < observers.length; o++) this.#world.disturb(o * nodes.count + node);
  }
}
