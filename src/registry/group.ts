/** The members of one service: how many there are, and where its traffic goes. */
import { BeatCount } from './beat-count.js';
import type { Member } from './member.js';
import { type Census, panics, removable, WEIGHTS } from './population.js';
import type { Route, Target } from './views.js';

/** How many of them there are; kept up to date, never looked for. */
export class Tally implements Census {
  n = 0;
  available = 0;
  down = 0;
  /** Of those that are down, who was for so long that no panic begins for it. */
  longDown = 0;
  /** Members that are heard, whether or not they count; and of these who is late. */
  heard = 0;
  late = 0;
  readonly beats = new BeatCount();

  /** @param sign 1 for a member as it stands, −1 before it changes */
  count(member: Member, sign: 1 | -1): void {
    if (member.isHeard) this.heard += sign;
    if (member.isLate) this.late += sign;
    if (!member.counts) return;
    this.n += sign;
    if (member.routable) this.available += sign;
    if (member.down) this.down += sign;
    if (member.longDown) this.longDown += sign;
  }

  /** Heartbeats come without more loss than a few members might have by themselves. */
  get hearsAll(): boolean {
    return this.heard > 0 && this.late <= removable(this.heard);
  }

  /** The population of a panic. */
  get recent(): Census {
    const { n, available, down, longDown } = this;
    return { n: n - longDown, available, down: down - longDown };
  }
}

/** What of the options concerns routing. */
export interface RoutingOptions {
  readonly panic: { readonly below: number; readonly route: 'all' | 'none' };
  readonly slowStart: number;
}

const LEAST_WEIGHT = 0.1;
/** Steps in which a weight rises. */
const STEPS = 100;

/** The share of its weight that a member has, so long after its return. */
export const ramp = (since: number, slowStart: number): number =>
  since >= slowStart ? 1 : Math.max(LEAST_WEIGHT, since / slowStart);

export const weightOf = (member: Member, now: number, slowStart: number): number =>
  member.routable
    ? (WEIGHTS[member.status] as number) * ramp(now - member.routableSince, slowStart)
    : 0;

export class Group extends Tally {
  readonly service: string;
  readonly members = new Map<string, Member>();
  readonly #options: RoutingOptions;
  panic = false;
  #route: Route | undefined;
  /** Until then the route is right as it is, if nobody changes. */
  #until = -Infinity;
  /** For `pick`: the sums of the weights up to each target, and how often each was picked. */
  #sums = new Float64Array();
  #picks = new Float64Array();

  constructor(service: string, options: RoutingOptions) {
    super();
    this.service = service;
    this.#options = options;
  }

  /** A member has changed; whether that begins or ends a panic. */
  settle(): boolean {
    this.#until = -Infinity;
    const before = this.panic;
    this.panic = panics(this.recent, this.#options.panic.below, before);
    return this.panic !== before;
  }

  route(now: number): Route {
    if (this.#route === undefined || now >= this.#until) this.#build(now);
    return this.#route as Route;
  }

  #build(now: number): void {
    const { panic, slowStart } = this.#options;
    const all = this.panic && panic.route === 'all';
    const targets: Target[] = [];
    const excluded: Route['excluded'][number][] = [];
    let ramping = false;
    for (const member of this.members.values()) {
      const { id, about, excluded: why } = member;
      const { address } = about;
      if (all && member.counts && !member.longDown) {
        // What we think of them is what we do not believe.
        targets.push(Object.freeze({ id, address, weight: 1 }));
      } else if (why === undefined && !this.panic) {
        const weight = weightOf(member, now, slowStart);
        targets.push(Object.freeze({ id, address, weight }));
        ramping ||= now - member.routableSince < slowStart;
      } else excluded.push(Object.freeze({ id, reason: why ?? 'panic' }));
    }
    const mode = this.panic ? 'panic' : targets.length === 0 ? 'empty' : 'normal';
    // Every reader gets the same, and `pick` goes by it.
    this.#route = Object.freeze({
      mode,
      targets: Object.freeze(targets),
      excluded: Object.freeze(excluded),
    });
    this.#until = ramping ? now + slowStart / STEPS : Infinity;
    this.#sums = new Float64Array(targets.length);
    this.#picks = new Float64Array(targets.length);
    let sum = 0;
    for (let i = 0; i < targets.length; i++) this.#sums[i] = sum += targets[i].weight;
  }

  /**
   * Two are drawn by weight, and of these the one that was picked less often for its weight: the
   * shares come out as the weights, with far less scatter than by one draw.
   */
  pick(now: number, random: () => number): Target | undefined {
    const { targets } = this.route(now);
    if (targets.length === 0) return undefined;
    const a = this.#draw(random());
    const b = this.#draw(random());
    const load = (i: number) => (this.#picks[i] + 1) / targets[i].weight;
    const chosen = load(b) < load(a) ? b : a;
    this.#picks[chosen]++;
    return targets[chosen];
  }

  /** The target at a share of the sum of all weights. */
  #draw(share: number): number {
    const sums = this.#sums;
    const at = share * sums[sums.length - 1];
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
