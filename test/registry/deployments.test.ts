/** Deployments as people do them: whoever was replaced leaves, and whoever serves is routed to. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Loop } from '../support/loop.js';
import { registryOn } from './world.js';

const MINUTE = 60_000;
/** From an operator's view: no dead instance is among the targets for longer. */
const LONGEST = 5 * MINUTE;
/** A death counts from its suspicion on. */
const DETECTION = 4000;

interface Node {
  readonly id: string;
  readonly generation: number;
  readonly service: string;
  /** Its own part of an interval. */
  readonly phase: number;
  readonly startedAt: number;
  killedAt?: number;
  /** It said that it goes. */
  left?: boolean;
}

/** Nodes that come and go, and what must hold all the while. */
class Fleet {
  readonly loop: Loop;
  readonly #registry: ReturnType<typeof registryOn>['registry'];
  readonly #interval: number;
  readonly nodes = new Map<string, Node>();
  #started = 0;
  /** The longest for which a killed one was among the targets, in ms, by whether it was replaced. */
  longest = 0;

  constructor(interval: number) {
    const { loop, registry } = registryOn({ heartbeatInterval: interval, random: () => 0.5 });
    this.loop = loop;
    this.#registry = registry;
    this.#interval = interval;
  }

  get size(): number {
    return this.#registry.size;
  }

  alive(service = 'api'): Node[] {
    return [...this.nodes.values()].filter(
      (each) => each.service === service && each.killedAt === undefined && !each.left,
    );
  }

  start(n: number, service = 'api'): Node[] {
    return Array.from({ length: n }, () => {
      const id = `${service}-${++this.#started}`;
      const { generation } = this.#registry.register({ id, service, address: `${id}:80` });
      const phase = (this.#started * 0.618 * this.#interval) % this.#interval;
      const node = { id, generation, service, phase, startedAt: this.loop.now() };
      this.nodes.set(id, node);
      return node;
    });
  }

  sigkill(nodes: readonly Node[]): void {
    for (const node of nodes) node.killedAt = this.loop.now();
  }

  sigterm(nodes: readonly Node[]): void {
    for (const node of nodes) {
      this.#registry.drain(node.id);
      node.left = true;
    }
    this.run(2000);
    for (const { id } of nodes) {
      this.#registry.deregister(id);
      this.nodes.delete(id);
    }
  }

  /** Time passes, and the living beat. */
  run(ms: number): void {
    const end = this.loop.now() + ms;
    while (this.loop.now() < end) {
      const from = this.loop.now();
      const until = Math.min(from + this.#interval, end);
      for (const { id, generation, phase, killedAt } of this.nodes.values()) {
        if (killedAt !== undefined) continue;
        const at = Math.ceil((from - phase) / this.#interval) * this.#interval + phase;
        if (at < until)
          this.loop.arrive(at, () => this.#registry.heartbeat(id, { generation }) && undefined);
      }
      this.loop.runUntil(until);
      this.#check();
    }
  }

  #check(): void {
    const now = this.loop.now();
    const { targets, mode } = this.#registry.route('api');
    const routed = new Set(targets.map(({ id }) => id));
    for (const id of routed) {
      const { killedAt } = this.nodes.get(id) as Node;
      if (killedAt === undefined) continue;
      this.longest = Math.max(this.longest, now - killedAt);
      const view = this.#registry.get(id);
      const dead = view?.status === 'dead' ? now - (view.changedAt - 1.7e12) : 0;
      expect(dead, `${mode} at ${now}: ${id}`).toBeLessThanOrEqual(LONGEST + DETECTION);
    }
    for (const { id, startedAt } of this.alive()) {
      if (now - startedAt <= 2 * this.#interval) continue;
      expect(routed.has(id), `${mode} at ${now}: ${id} serves`).toBe(true);
    }
  }
}

type Stop = 'sigterm' | 'sigkill';
const SIZES = [1, 2, 3, 6, 20, 100];
const STOPS: readonly Stop[] = ['sigterm', 'sigkill'];
/** Beats of a large fleet come less often, so that the test does not take long. */
const fleetOf = (n: number) => new Fleet(n < 10 ? 1000 : n < 50 ? 5000 : 10_000);

/** Five times, ten minutes apart: at the end of each nobody who was killed is a target, or there. */
function fiveTimes(fleet: Fleet, deploy: (round: number) => void, n: (round: number) => number) {
  for (let round = 1; round <= 5; round++) {
    fleet.longest = 0;
    deploy(round);
    fleet.run(5 * MINUTE);
    expect(fleet.longest).toBeLessThan(LONGEST);
    fleet.run(5 * MINUTE);
    expect(fleet.size).toBe(n(round) + fleet.alive('other').length);
  }
}

describe.each(STOPS)('deployments that end the old ones by %s', (stop) => {
  it.each(SIZES)('of %i to as many, at once', (n) => {
    for (const overlap of [0, 90_000]) {
      const fleet = fleetOf(n);
      fleet.start(n);
      fleet.run(2 * MINUTE);
      const deploy = () => {
        const old = fleet.alive();
        fleet.start(n);
        fleet.run(overlap);
        fleet[stop](old);
      };
      fiveTimes(fleet, deploy, () => n);
    }
  });

  it.each(SIZES)('of %i to as many that come after a gap', (n) => {
    const fleet = fleetOf(n);
    fleet.start(n);
    fleet.run(2 * MINUTE);
    const deploy = () => {
      fleet[stop](fleet.alive());
      fleet.run(30_000);
      fleet.start(n);
    };
    fiveTimes(fleet, deploy, () => n);
  });

  it.each(SIZES)('of %i to fewer and to more', (n) => {
    const fleet = fleetOf(n);
    fleet.start(n);
    fleet.run(2 * MINUTE);
    const sizes = [n, Math.ceil(0.8 * n), Math.ceil(n / 3), 1, 2 * n, Math.ceil(n / 2)];
    const deploy = (round: number) => {
      const old = fleet.alive();
      fleet.start(sizes[round]);
      fleet[stop](old);
    };
    fiveTimes(fleet, deploy, (round) => sizes[round]);
  });

  it.each(SIZES)('of %i one after another', (n) => {
    for (const each of [2000, 40_000]) {
      if (n * each > 4 * MINUTE) continue;
      const fleet = fleetOf(n);
      fleet.start(n);
      fleet.run(2 * MINUTE);
      const deploy = () => {
        for (const old of fleet.alive()) {
          fleet.start(1);
          fleet.run(each);
          fleet[stop]([old]);
        }
      };
      fiveTimes(fleet, deploy, () => n);
    }
  });

  it.each(SIZES)('of %i, blue and green by turns', (n) => {
    const fleet = fleetOf(n);
    fleet.start(n);
    fleet.run(2 * MINUTE);
    const deploy = () => {
      const blue = fleet.alive();
      fleet.start(n);
      fleet.run(6 * MINUTE);
      fleet[stop](blue);
    };
    fiveTimes(fleet, deploy, () => n);
  });

  it.each(SIZES)('of %i down to one, to none, and up again, beside another service', (n) => {
    const fleet = fleetOf(n);
    fleet.start(2, 'other');
    fleet.start(n);
    fleet.run(2 * MINUTE);
    for (let round = 0; round < 5; round++) {
      // Nobody takes their place: that is told from a broken network later, by a minute at most.
      fleet[stop](fleet.alive().slice(1));
      fleet.run(8 * MINUTE);
      expect(fleet.size).toBe(1 + 2);
      fleet[stop](fleet.alive());
      fleet.run(8 * MINUTE);
      expect(fleet.size).toBe(2);
      fleet.start(n);
      fleet.run(2 * MINUTE);
    }
  });
});

describe('deployments', () => {
  it('of ten to eight at once leave no dead one after five minutes', () => {
    const fleet = new Fleet(1000);
    fleet.start(10);
    fleet.run(10 * MINUTE);
    const old = fleet.alive();
    fleet.start(8);
    fleet.sigkill(old);
    fleet.run(5 * MINUTE);
    expect(fleet.size).toBe(8);
    expect(fleet.longest).toBeLessThan(2 * MINUTE);
  });

  it('one a minute do not add up to a panic', () => {
    for (const n of [1, 2, 3, 6, 20]) {
      const fleet = new Fleet(1000);
      fleet.start(n);
      fleet.run(2 * MINUTE);
      for (let round = 0; round < 15; round++) {
        const old = fleet.alive();
        fleet.start(n);
        fleet.sigkill(old);
        fleet.run(MINUTE);
        expect(fleet.size).toBeLessThanOrEqual(3 * n);
      }
      expect(fleet.longest).toBeLessThan(10_000);
    }
  });

  const step = fc.record({
    do: fc.constantFrom('replace', 'replace', 'up', 'down', 'one by one', 'none'),
    n: fc.integer({ min: 1, max: 8 }),
    stop: fc.constantFrom(...STOPS),
    overlap: fc.constantFrom(0, 3000, 45_000),
    wait: fc.constantFrom(10_000, MINUTE, 3 * MINUTE, 7 * MINUTE),
  });

  it('in any order leave nobody dead among the targets, and everybody who serves', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
        const fleet = new Fleet(1000);
        fleet.start(1, 'other');
        fleet.start(3);
        fleet.run(MINUTE);
        for (const { do: what, n, stop, overlap, wait } of steps) {
          const old = fleet.alive();
          if (what === 'replace' || what === 'up') {
            fleet.start(n);
            fleet.run(overlap);
          }
          if (what === 'replace' || what === 'none') fleet[stop](old);
          if (what === 'down') fleet[stop](old.slice(n));
          if (what === 'one by one') {
            for (const each of old) {
              fleet.start(1);
              fleet.run(overlap);
              fleet[stop]([each]);
            }
          }
          fleet.run(wait);
        }
        fleet.run(7 * MINUTE);
        expect(fleet.size).toBe(fleet.alive().length + 1);
      }),
      { numRuns: 25 },
    );
  });
});
