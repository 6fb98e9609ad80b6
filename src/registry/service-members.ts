/** The members of one service: how many there are, and where its traffic goes. */
import type { Member } from './member.js';
import { Picker, RAMP_STEPS, ramp } from './pick.js';
import { type Census, panics, removable, WEIGHTS } from './population.js';
import type { Route, Target } from './views.js';

const BUCKETS = 16;
/** A window that has to change by less than this share is left alone: its counts would be lost. */
const SLACK = 0.25;

/** How many heartbeats came within the last W ms: a ring of counts, each of a sixteenth of W. */
class BeatCount {
  readonly #counts = new Uint32Array(BUCKETS);
  #width = 0;
  /** Number of the present bucket, since time 0. */
  #bucket = -Infinity;
  #since = 0;

  /** Counts over the last `ms` from now on. */
  setWindow(ms: number, now: number): void {
    const width = ms / BUCKETS;
    if (Math.abs(width - this.#width) <= SLACK * this.#width) return;
    this.#width = width;
    this.#counts.fill(0);
    this.#bucket = Math.floor(now / width);
    this.#since = now;
  }

  add(now: number): void {
    this.#roll(now);
    this.#counts[this.#bucket & (BUCKETS - 1)]++;
  }

  /** The heartbeats, and over how many ms they were counted. */
  received(now: number): { readonly count: number; readonly over: number } {
    this.#roll(now);
    const from = Math.max((this.#bucket - BUCKETS + 1) * this.#width, this.#since);
    return { count: this.#counts.reduce((a, b) => a + b), over: Math.max(now - from, 0) };
  }

  #roll(now: number): void {
    const bucket = Math.floor(now / this.#width);
    for (let b = Math.max(this.#bucket + 1, bucket - BUCKETS + 1); b <= bucket; b++) {
      this.#counts[b & (BUCKETS - 1)] = 0;
    }
    this.#bucket = Math.max(bucket, this.#bucket);
  }
}

/** How many members there are and how they stand: counted at each change, never by looking. */
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
    if (member.isLeaseOnly) return;
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

export const weightOf = (member: Member, now: number, slowStart: number): number =>
  member.routable
    ? (WEIGHTS[member.status] as number) * ramp(now - member.routableSince, slowStart)
    : 0;

export class ServiceMembers extends Tally {
  readonly name: string;
  readonly members = new Map<string, Member>();
  readonly #options: RoutingOptions;
  panic = false;
  #route: Route | undefined;
  /** Until then the route is right as it is, if nobody changes. */
  #until = -Infinity;
  #picker = new Picker([]);

  constructor(name: string, options: RoutingOptions) {
    super();
    this.name = name;
    this.#options = options;
  }

  /** Whether a change of a member begins or ends a panic. */
  review(): boolean {
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
        const since = now - member.routableSince;
        const rises = since < slowStart;
        const full = WEIGHTS[member.status] as number;
        const rising = rises && { rising: Object.freeze({ full, since, over: slowStart }) };
        targets.push(Object.freeze({ id, address, weight, ...rising }));
        ramping ||= rises;
      } else excluded.push(Object.freeze({ id, reason: why ?? 'panic' }));
    }
    const mode = this.panic ? 'panic' : targets.length === 0 ? 'empty' : 'normal';
    // Every reader gets the same, and `pick` goes by it.
    this.#route = Object.freeze({
      mode,
      targets: Object.freeze(targets),
      excluded: Object.freeze(excluded),
    });
    this.#until = ramping ? now + slowStart / RAMP_STEPS : Infinity;
    this.#picker = new Picker(targets);
  }

  pick(now: number, random: () => number): Target | undefined {
    this.route(now);
    return this.#picker.pick(random);
  }
}
