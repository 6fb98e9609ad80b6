/**
 * Watches one observer's detector from outside: what it was given, what it says, and the truth about
 * the nodes. It shares no state and no arithmetic with the detector but the model's inverse.
 */
import type { Transition } from '../../core/events.js';
import type { ResolvedOptions } from '../../core/options.js';
import type { HeartbeatOutcome } from '../../core/outcomes.js';
import { CutCheck } from './cut-check.js';
import type { Guard } from './detector-port.js';
import { BOUNDS, type Invariant, NEEDS, type Violation } from './invariants.js';
import { LadderCheck } from './ladder-check.js';
import { LearningCheck } from './learning-check.js';
import type { Nodes } from './nodes.js';
import { nominalSilence } from './nominal.js';
import { Pauses } from './pauses.js';
import { Quality } from './quality.js';
import { Regularity } from './regularity.js';
import { SetCheck } from './set-check.js';

/** Of the nominal silence, what must be tolerated at least and at most. */
const LEAST = 0.6;
const MOST = 1.6;
/**
 * A burst among the first three intervals leaves 2/5 of the guess as the mean, until some regular
 * ones are learnt; σ, which grows, makes up for it, but in the exponential model plays no part.
 */
const LEAST_AT_FIRST = 0.4 * LEAST;
const FIRST = 5;
/** After so many heartbeats, and so many of the slowest intervals, what came before is unlearnt. */
const LEARNT = 20;
/** Smaller windows are swayed by single intervals. */
const STEADY_WINDOW = 100;
const ROUNDING = 1e-3;
/** For so long a heartbeat may wait in the buffer of an observer that does not stall. */
const UNREAD = 10;
/** Fewer silent peers are no mass silence. */
const MASS = 5;

export class Checker {
  readonly learning: LearningCheck;
  readonly quality: Quality;
  readonly stalls = new Pauses();
  readonly cuts: CutCheck;
  /** Outages that the detector was told of. */
  readonly known = new Pauses();
  /** The latest outage of all peers: since when and until when, and how many were trusted then. */
  readonly outage = { since: Number.NaN, until: Number.NaN, trusted: 0 };
  /** When anything but outages of all peers happened last. */
  unrest = 0;
  /** Mass silences that are held: of groups, and of `undefined`, which is all. */
  readonly held = new Set<string | undefined>();
  /** The detector was told that its link is down. */
  linkDown = false;
  /** The node whose heartbeat is being taken in; −1 for none. */
  beating = -1;
  readonly #observer: number;
  readonly #nodes: Nodes;
  readonly #options: ResolvedOptions;
  readonly #guards: Readonly<Record<Guard, boolean>>;
  /** The only rule of learning that promises anything. */
  readonly #guarded: boolean;
  readonly #nominal: (interval: number) => number;
  readonly #ladder: LadderCheck;
  readonly #set = new SetCheck();
  readonly #regularity: Regularity;
  readonly #report: (violation: Violation) => void;
  /** Of the last accepted heartbeat or the start: its time, and the deadline that follows. */
  readonly #last: Float64Array;
  readonly #due: Float64Array;
  /** When a heartbeat came that waits to be read. */
  readonly #waitingSince: Float64Array;
  readonly #overdue: Uint8Array;
  readonly #incarnation: Int32Array;
  readonly #sequence: Int32Array;

  constructor(
    observer: number,
    nodes: Nodes,
    options: ResolvedOptions,
    guards: Readonly<Record<Guard, boolean>>,
    report: (violation: Violation) => void,
  ) {
    const { count } = nodes;
    this.#observer = observer;
    this.#nodes = nodes;
    this.#options = options;
    this.#guards = guards;
    this.#guarded = options.learn === 'guarded' && options.model !== 'calibrated';
    this.#nominal = nominalSilence(options);
    this.#ladder = new LadderCheck(options, count);
    this.#report = report;
    this.learning = new LearningCheck(count);
    this.quality = new Quality(count);
    this.cuts = new CutCheck(nodes.groups);
    this.#last = new Float64Array(count);
    this.#due = new Float64Array(count);
    this.#waitingSince = new Float64Array(count).fill(Number.NaN);
    this.#regularity = new Regularity(count, options.windowSize);
    this.#overdue = new Uint8Array(count);
    this.#incarnation = new Int32Array(count);
    this.#sequence = new Int32Array(count);
  }

  fail(invariant: Invariant, at: number, node: number, message: string): void {
    const guard = NEEDS[invariant];
    if (guard !== undefined && !this.#guards[guard]) this.quality.excused++;
    else this.#report({ invariant, at, observer: this.#observer, node, message });
  }

  isSuspect(node: number): boolean {
    return this.#ladder.isSuspect(node);
  }

  /** The silence that the detector tolerates of a node, as it said after the last heartbeat. */
  tolerated(node: number): number {
    return this.#due[node] - this.#last[node];
  }

  /** As {@link tolerated}; NaN while it may still change by itself. */
  settled(node: number): number {
    const { fastest, slowest } = this.#nodes;
    const settled = fastest[node] === slowest[node] && this.#regularity.steady(node);
    return settled ? this.tolerated(node) : Number.NaN;
  }

  watched(node: number, at: number, due: number): void {
    this.#last[node] = at;
    this.#due[node] = due;
  }

  /** A heartbeat waits in the buffer. */
  waits(node: number, at: number): void {
    if (Number.isNaN(this.#waitingSince[node])) this.#waitingSince[node] = at;
  }

  /** @param due the detector's deadline after the heartbeat */
  read(node: number, at: number, outcome: HeartbeatOutcome, due: number): void {
    this.#waitingSince[node] = Number.NaN;
    if (outcome !== 'accepted') return;
    const interval = at - this.#last[node];
    this.#regularity.accept(node, interval, this.#nodes.interval[node], this.tolerated(node));
    this.#last[node] = at;
    this.#due[node] = due;
    this.#overdue[node] = 0;
    const wrong = this.learning.accept(node, due - at);
    if (wrong !== undefined && this.#guarded) this.fail('outages', at, node, wrong);
  }

  /** A heartbeat was read whose time lay further ahead than any may. */
  stampedAhead(node: number, at: number, ahead: number, outcome: HeartbeatOutcome): void {
    this.learning.disturb(node);
    this.unrest = at;
    if (outcome === 'accepted') {
      this.fail('ahead', at, node, `accepted with a time that lies ${ahead} ms ahead`);
    }
  }

  /** What an accepted heartbeat says of itself. */
  info(node: number, at: number, incarnation: number, sequence: number): void {
    const newest = this.#incarnation[node];
    const older = incarnation < newest;
    if (older || (incarnation === newest && sequence <= this.#sequence[node])) {
      const message = `accepted ${incarnation}/${sequence} after ${newest}/${this.#sequence[node]}`;
      this.fail('heartbeat-info', at, node, message);
    }
    this.#incarnation[node] = incarnation;
    this.#sequence[node] = sequence;
  }

  transition(
    event: 'suspect' | 'available' | 'level',
    change: Transition<number>,
    now: number,
    stalled: boolean,
  ): void {
    const node = change.peer;
    const unkept = event === 'level' ? undefined : this.#set.take(event, change);
    if (unkept !== undefined) this.fail('set', now, node, unkept);
    if (change.reason === 'first-heartbeat') {
      if (this.beating !== node) this.fail('order', now, node, 'first heard without a heartbeat');
      return; // it was not suspected: the rest is about levels and recoveries
    }
    const wrong = this.#ladder.take(event, change);
    if (wrong !== undefined) this.fail('order', now, node, wrong);
    if (change.at !== now) this.fail('order', now, node, `said at ${change.at}`);
    if (stalled) this.fail('held', now, node, `${event} while the observer stood still`);
    if (event === 'suspect') this.#suspect(change, now);
    if (event === 'available') {
      this.quality.available(node, now);
      if (this.beating !== node && !this.#guards.flapDamping) {
        this.fail('order', now, node, 'available without a heartbeat');
      }
    }
    if (event !== 'level') {
      const much = this.learning.transition(node);
      const interval = this.#nodes.interval[node];
      const bearable = this.#guarded && this.#nominal(interval) > MOST * interval;
      if (much !== undefined && bearable) this.fail('cadence', now, node, much);
    }
  }

  /** A node left on purpose. */
  left(change: Transition<number>): void {
    this.#set.take('left', change);
  }

  #suspect({ peer: node, due, silence, reason }: Transition<number>, now: number): void {
    const nodes = this.#nodes;
    const last = this.#last[node];
    const limit = this.#limit(node, now);
    const running = nodes.running[node] === 1;
    this.quality.suspect(this.#observer, node, now, running, limit);
    const soon = this.#due[node] - now;
    if (this.beating === node) this.fail('order', now, node, 'suspected by its own heartbeat');
    if (due < this.#due[node] - ROUNDING || due > now + ROUNDING) {
      this.fail('early', now, node, `due at ${due}, computed ${this.#due[node]}, said at ${now}`);
    } else if (soon > ROUNDING) {
      this.fail('early', now, node, `suspected ${soon} ms before its deadline`);
    }
    const paused = this.#guards.stallGuard || this.known.longest > 0;
    if (!paused && Math.abs(silence - (now - last)) > ROUNDING) {
      this.fail('early', now, node, `silence ${silence} instead of ${now - last}`);
    }
    const least = this.#least(node);
    if (this.#guarded && now - last < least) {
      this.fail('tolerance', now, node, `suspected after ${now - last} ms; nominal is ${least}`);
    }
    const held = this.held.has(undefined) || this.held.has(nodes.groups?.[node]);
    if (held && reason !== 'mass-silence') {
      this.fail('held', now, node, 'suspected while a mass silence is held');
    }
    // Who was never heard has no link yet.
    const linked = this.#regularity.accepted(node) > 0;
    if (this.linkDown && linked) this.fail('held', now, node, 'suspected while its link was down');
    if (now > limit) this.fail('complete', now, node, `said ${now - limit} ms after its bound`);
    this.#overdue[node] = 1;
    this.#duringCut(node, now, running);
    if (!this.#duringStall(node, now) && running) this.#duringOutage(node, now);
  }

  /** Nodes are cut off for `least` to `most` ms, and return evenly spread over the time between. */
  cutOff(nodes: readonly number[], now: number, least: number, most: number): void {
    const { running, interval } = this.#nodes;
    const calm = now - this.unrest > 10 * interval[0] && this.known.longest === 0;
    const tolerated = Math.max(...nodes.map((node) => this.tolerated(node)));
    // Returns before all are overdue are none.
    const held = least >= tolerated && most < 0.8 * BOUNDS.maxHold;
    if (calm && held && this.#sameCadence()) {
      const trusted = [...running.keys()].filter((n) => running[n] === 1 && !this.isSuspect(n));
      this.cuts.begin(nodes, now + most, trusted);
    }
  }

  #sameCadence(): boolean {
    const { interval, fastest, slowest } = this.#nodes;
    return fastest.every((f, i) => f === interval[0] && slowest[i] === interval[0]);
  }

  /** Who is cut off with others is not dead; who dies elsewhere meanwhile is, and is told at once. */
  #duringCut(node: number, now: number, running: boolean): void {
    const late = now - this.stalls.over(this.#due[node] + BOUNDS.timer) - BOUNDS.timer;
    if (!running) {
      if (late <= 0 || !this.cuts.isElsewhere(node)) return;
      this.fail('groups', now, node, `dead, and said ${late} ms late, as others were cut off`);
      return;
    }
    const invariant = this.cuts.brokenBy(node, now, this.tolerated(node));
    if (invariant) this.fail(invariant, now, node, 'suspected, as it was cut off with others');
  }

  /** Whether the verdict was the fault of a stall of the observer's own. */
  #duringStall(node: number, now: number): boolean {
    const { stalls } = this;
    const last = this.#last[node];
    const tolerated = this.tolerated(node);
    const lived = now - last - stalls.between(last, now);
    const missable = stalls.missable(last, now, tolerated);
    const missing = tolerated - lived - missable;
    const unread = now - this.#waitingSince[node];
    if (missing > 1) {
      const message = `suspected after ${lived} ms of the observer's own time, not ${tolerated}`;
      this.fail('stall', now, node, message);
    } else if (unread > UNREAD + missable) {
      this.fail('stall', now, node, `suspected with a heartbeat that waited for ${unread} ms`);
    } else {
      return false;
    }
    return true;
  }

  /** An outage of all peers at once is nobody's death, if nothing else was going on. */
  #duringOutage(node: number, now: number): void {
    const { since, until, trusted } = this.outage;
    const settled = this.#sameCadence();
    const quiet = since - this.unrest > 10 * this.#nodes.interval[0] && this.known.longest === 0;
    const short = now < since + 0.8 * BOUNDS.maxHold && !(now > until + this.tolerated(node));
    if (settled && quiet && short && trusted >= MASS) {
      this.fail('outage', now, node, `suspected ${now - since} ms after all fell silent`);
    }
  }

  /** When the suspicion of a node has to be said, if silence goes on. */
  #limit(node: number, now: number): number {
    const { stallGuard, massSilence } = this.#guards;
    const tolerated = this.tolerated(node);
    let limit = this.stalls.over(this.#due[node] + BOUNDS.timer);
    if (stallGuard) limit += 2 * tolerated + BOUNDS.maxHold + this.stalls.longest + BOUNDS.drain;
    if (massSilence) limit += BOUNDS.maxHold + this.#nodes.slowest[node];
    if (this.known.longest > 0) limit += this.known.between(this.#last[node], now) + tolerated;
    return this.stalls.over(limit) + BOUNDS.timer;
  }

  /** Compares the set that was kept from events with that of the detector. */
  compareSet(now: number, available: Iterable<number>): void {
    const node = this.#set.difference(available);
    if (node !== undefined) this.fail('set', now, node, 'the set kept from events is another one');
  }

  /** Nobody is silent beyond all bounds and not suspected. Cheap: it is called often. */
  sweep(now: number): void {
    const due = this.#due;
    for (let node = 0; node < due.length; node++) {
      if (due[node] >= now || this.#overdue[node] === 1 || this.#ladder.isSuspect(node)) continue;
      if (now <= this.#limit(node, now)) continue;
      this.#overdue[node] = 1;
      const message = `silent since ${this.#last[node]}, due at ${due[node]}, not suspected`;
      this.fail('complete', now, node, message);
    }
  }

  #least(node: number): number {
    const early = this.#options.model === 'exponential' && this.#regularity.regular(node) < FIRST;
    return (early ? LEAST_AT_FIRST : LEAST) * this.#nominal(this.#nodes.fastest[node]);
  }

  /** The silence that is tolerated of a node against what it ought to be. */
  tolerance(node: number, now: number): void {
    const tolerated = this.tolerated(node);
    const { slowest } = this.#nodes;
    const least = this.#least(node);
    const most = MOST * this.#nominal(slowest[node]);
    const enough = LEARNT * (1 + slowest[node] / this.#nodes.interval[node]);
    const learnt = this.learning.calm(node) >= enough && this.#regularity.steady(node);
    const sane = learnt && this.#options.windowSize >= STEADY_WINDOW;
    if (this.#guarded && (tolerated < least || (sane && tolerated > most))) {
      const range = `${least.toFixed(0)} to ${most.toFixed(0)}`;
      this.fail('tolerance', now, node, `tolerates ${tolerated} ms, nominal is ${range}`);
    }
  }
}
