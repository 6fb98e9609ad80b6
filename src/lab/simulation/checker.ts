/**
 * Watches one observer's detector from outside: what it was given, what it says, and the truth about
 * the nodes. It shares no state and no arithmetic with the detector but the model's inverse.
 */
import type { Transition } from '../../core/events.js';
import type { HeartbeatOutcome } from '../../core/heartbeat.js';
import type { ResolvedOptions } from '../../core/options.js';
import { ChangeCheck } from './change-check.js';
import { ClockCheck } from './clock-check.js';
import { CutCheck } from './cut-check.js';
import type { Guard } from './detector-port.js';
import { FarewellCheck } from './farewell-check.js';
import { BOUNDS, type Invariant, NEEDS, type Violation } from './invariants.js';
import { LadderCheck } from './ladder-check.js';
import { LearningCheck } from './learning-check.js';
import { LevelCheck } from './level-check.js';
import { LinkCheck } from './link-check.js';
import type { Nodes } from './nodes.js';
import { Nominal } from './nominal.js';
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
/** The mean interval is within this factor of those that were learnt. */
const MEAN = 1.25;
const ROUNDING = 1e-3;
/** For so long a heartbeat may wait in the buffer of an observer that does not stall. */
const UNREAD = 10;
/** Fewer silent peers are no mass silence. */
const MASS = 5;

/** What a checker needs of its world. */
interface CheckedWorld {
  /** By how many each observer hears every node. */
  readonly links: number;
  report(violation: Violation): void;
}

export class Checker {
  readonly learning: LearningCheck;
  readonly quality: Quality;
  readonly stalls = new Pauses();
  readonly cuts: CutCheck;
  readonly changes: ChangeCheck;
  readonly links: LinkCheck;
  readonly clock: ClockCheck;
  /** The latest outage of all peers: since when and until when, and how many were trusted then. */
  readonly outage = { since: Number.NaN, until: Number.NaN, trusted: 0 };
  /** When anything but outages of all peers happened last. */
  unrest = 0;
  /** Mass silences that are held: of groups, and of `undefined`, which is all. */
  readonly held = new Set<string | undefined>();
  /** The node whose heartbeat is being taken in; −1 for none. */
  beating = -1;
  /** The node whose farewell is being taken in; −1 for none. */
  leaving = -1;
  readonly #observer: number;
  readonly #nodes: Nodes;
  readonly #options: ResolvedOptions;
  readonly #guards: Readonly<Record<Guard, boolean>>;
  /** The only rule of learning that promises anything. */
  readonly #guarded: boolean;
  readonly #nominal: Nominal;
  readonly #ladder: LadderCheck;
  readonly #levels: LevelCheck;
  readonly #farewells: FarewellCheck;
  readonly #set = new SetCheck();
  readonly #regularity: Regularity;
  readonly #report: (violation: Violation) => void;
  /** Of the last accepted heartbeat or the start: its time, and the deadline that follows. */
  readonly #last: Float64Array;
  readonly #due: Float64Array;
  /** When a heartbeat came that waits to be read. */
  readonly #waitingSince: Float64Array;
  readonly #overdue: Uint8Array;
  /** What the last accepted heartbeat announced the next one for, in ms; 0 for as usual. */
  readonly #announced: Float64Array;
  readonly #incarnation: Int32Array;
  readonly #sequence: Int32Array;

  constructor(
    observer: number,
    nodes: Nodes,
    options: ResolvedOptions,
    guards: Readonly<Record<Guard, boolean>>,
    { links, report }: CheckedWorld,
  ) {
    const { count } = nodes;
    this.#observer = observer;
    this.#nodes = nodes;
    this.#options = options;
    this.#guards = guards;
    this.#guarded = options.learn === 'guarded' && options.model !== 'calibrated';
    this.#nominal = new Nominal(options);
    this.#ladder = new LadderCheck(options, count);
    this.#levels = new LevelCheck(options, count);
    this.#farewells = new FarewellCheck(count);
    this.#report = report;
    this.learning = new LearningCheck(count, this.#nominal.leeway);
    this.quality = new Quality(count);
    this.clock = new ClockCheck(guards.stallGuard);
    this.links = new LinkCheck(count, links);
    this.cuts = new CutCheck(nodes.groups);
    this.changes = new ChangeCheck(nodes.interval, options.maxMistakesPerHour);
    this.#last = new Float64Array(count);
    this.#due = new Float64Array(count);
    this.#waitingSince = new Float64Array(count).fill(Number.NaN);
    this.#regularity = new Regularity(count, options.windowSize);
    this.#overdue = new Uint8Array(count);
    this.#announced = new Float64Array(count);
    this.#incarnation = new Int32Array(count);
    this.#sequence = new Int32Array(count);
  }

  fail(invariant: Invariant, at: number, node: number, message: string): void {
    const guard = NEEDS[invariant];
    if (guard !== undefined && !this.#guards[guard]) this.quality.excused++;
    else this.#report({ invariant, at, observer: this.#observer, node, message });
  }

  /** Anything befalls what the node sends, or the clock, that comparisons do not survive. */
  disturb(node: number): void {
    this.learning.disturb(node);
    this.changes.disturb(node);
  }

  isSuspect(node: number): boolean {
    return this.#ladder.isSuspect(node);
  }

  /** The silence that the detector tolerates of a node, as it said after the last heartbeat. */
  tolerated(node: number): number {
    return this.#due[node] - this.#last[node];
  }

  /** The node is silent from now on, for a while that is none of its interval. */
  beginSilence(node: number, at: number): void {
    this.changes.disturb(node);
    this.learning.beginOutage(node, at, this.#settled(node));
  }

  /** As {@link tolerated}; NaN while it may still change by itself. */
  #settled(node: number): number {
    const { fastest, slowest } = this.#nodes;
    const settled = fastest[node] === slowest[node] && this.#regularity.steady(node);
    return settled && this.#announced[node] === 0 ? this.tolerated(node) : Number.NaN;
  }

  watched(node: number, at: number, due: number): void {
    this.#last[node] = at;
    this.#due[node] = due;
  }

  /** A heartbeat waits in the buffer. */
  waits(node: number, at: number): void {
    if (Number.isNaN(this.#waitingSince[node])) this.#waitingSince[node] = at;
  }

  /**
   * @param due the detector's deadline after the heartbeat
   * @param announced what it announced the next one for, in ms; 0 for as usual
   */
  read(node: number, at: number, outcome: HeartbeatOutcome, due: number, announced: number): void {
    this.#waitingSince[node] = Number.NaN;
    const untold = this.clock.heard();
    if (untold !== undefined) this.fail('clock', at, node, untold);
    if (outcome !== 'accepted') return;
    const interval = at - this.#last[node];
    const learnable = this.tolerated(node) - (this.#guarded ? this.#nominal.leeway : 0);
    if (this.#announced[node] > 0) this.#regularity.pass(node);
    else this.#regularity.accept(node, interval, this.#nodes.interval[node], learnable);
    this.#last[node] = at;
    this.#due[node] = due;
    this.#overdue[node] = 0;
    this.#announced[node] = announced;
    this.changes.heard(node);
    const kept = this.#levels.heard(node);
    if (kept !== undefined) this.fail('levels', at, node, kept);
    const [invariant, wrong] = this.learning.accept(node, due - at) ?? [];
    if (invariant !== undefined && this.#unlearns(invariant))
      this.fail(invariant, at, node, wrong as string);
  }

  /** Whether the detector promises to learn nothing from it. */
  #unlearns(silence: 'outages' | 'pauses'): boolean {
    const { model, learn } = this.#options;
    return this.#guarded || (silence === 'pauses' && model === 'calibrated' && learn === 'guarded');
  }

  /** A heartbeat was read of a node that may have left. */
  heard(node: number, at: number, incarnation: number, outcome: HeartbeatOutcome): void {
    if (!this.hasLeft(node)) return;
    const wrong = this.#farewells.heard(node, at, incarnation, outcome);
    if (wrong !== undefined) this.fail('farewells', at, node, wrong);
  }

  hasLeft(node: number): boolean {
    return this.#farewells.hasLeft(node);
  }

  /** A farewell was read, and `leave()` returned so. */
  leave(node: number, at: number, incarnation: number, done: boolean): void {
    this.#waitingSince[node] = Number.NaN;
    const newest = this.#incarnation[node];
    const wrong = this.#farewells.leave(node, at, incarnation, newest, done);
    if (wrong !== undefined) this.fail('farewells', at, node, wrong);
    if (!this.hasLeft(node)) return;
    this.#last[node] = at;
    this.#due[node] = Infinity;
    this.#announced[node] = 0;
    this.#ladder.reset(node);
    this.#levels.reset(node);
    this.#regularity.reset(node);
    this.disturb(node);
    this.quality.left(node, at);
  }

  /** A heartbeat was read whose time lay further ahead than any may. */
  stampedAhead(node: number, at: number, ahead: number, outcome: HeartbeatOutcome): void {
    this.disturb(node);
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
    if (this.hasLeft(node) && this.beating !== node) {
      this.fail('farewells', now, node, `${event} after it left`);
    }
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
    if (event === 'level') {
      const since = now + ROUNDING - this.#last[node] - this.#leastNap(node);
      const known = Math.max(since, this.tolerated(node));
      const silence = since + this.clock.early(this.#last[node], now, known);
      const early = this.#levels.take(node, silence, this.#ladder);
      if (early !== undefined) this.fail('levels', now, node, early);
    }
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
      const bearable = this.#guarded && this.#nominal.tolerated(interval) > MOST * interval;
      if (much !== undefined && bearable) this.fail('cadence', now, node, much);
    }
  }

  /** A node left on purpose. */
  left(change: Transition<number>, now: number): void {
    this.#set.take('left', change);
    const wrong = this.#farewells.told(this.leaving === change.peer);
    if (wrong !== undefined) this.fail('farewells', now, change.peer, wrong);
  }

  /** By how much longer than usual the present silence was announced at least: than a mean. */
  #leastNap(node: number): number {
    const announced = this.#announced[node];
    return announced > 0 ? announced - MEAN * this.#nodes.slowest[node] : 0;
  }

  /** And at most. */
  #longestNap(node: number): number {
    const announced = this.#announced[node];
    return announced > 0 ? announced - this.#nodes.fastest[node] / MEAN : 0;
  }

  #suspect({ peer: node, due, silence, reason }: Transition<number>, now: number): void {
    const nodes = this.#nodes;
    const last = this.#last[node];
    const limit = this.#limit(node, now);
    const running = nodes.running[node] === 1;
    this.quality.suspect(this.#observer, node, now, running, limit);
    const tolerated = this.tolerated(node);
    const early = this.clock.early(last, now, tolerated) + ROUNDING;
    const soon = this.#due[node] - now;
    if (this.beating === node) this.fail('order', now, node, 'suspected by its own heartbeat');
    if (due < this.#due[node] - early || due > now + ROUNDING) {
      this.fail('early', now, node, `due at ${due}, computed ${this.#due[node]}, said at ${now}`);
    } else if (soon > early) {
      this.fail('early', now, node, `suspected ${soon} ms before its deadline`);
    }
    const stepped = this.clock.early(last, now, tolerated) > 0;
    const paused = this.#guards.stallGuard || this.links.longest > 0 || stepped;
    if (!paused && Math.abs(silence - (now - last)) > ROUNDING) {
      this.fail('early', now, node, `silence ${silence} instead of ${now - last}`);
    }
    const least = this.#least(node);
    if (now - last < least - early) {
      const invariant = this.#announced[node] > 0 ? 'naps' : 'tolerance';
      this.fail(invariant, now, node, `suspected after ${now - last} ms; nominal is ${least}`);
    }
    const held = this.held.has(undefined) || this.held.has(nodes.groups?.[node]);
    if (held && reason !== 'mass-silence') {
      this.fail('held', now, node, 'suspected while a mass silence is held');
    }
    // Who was never heard has no link yet.
    if (this.links.isHeld(node, nodes.slowest[node])) {
      this.fail('held', now, node, 'suspected while its links were down');
    }
    if (now > limit) this.#late(node, now, `said ${now - limit} ms after its bound`);
    this.#overdue[node] = 1;
    const beyond = running ? this.changes.mistake(node, now) : undefined;
    if (beyond !== undefined) this.fail('budget', now, node, beyond);
    this.#duringCut(node, now, running);
    if (!this.#duringStall(node, now) && running) this.#duringOutage(node, now);
  }

  /** Nodes are cut off for `least` to `most` ms, and return evenly spread over the time between. */
  cutOff(nodes: readonly number[], now: number, least: number, most: number): void {
    const { running, interval } = this.#nodes;
    const calm = now - this.unrest > 10 * interval[0] && this.links.longest === 0;
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
    const missable = stalls.missable(last, now, tolerated) + this.clock.early(last, now, tolerated);
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
    const quiet = since - this.unrest > 10 * this.#nodes.interval[0] && this.links.longest === 0;
    const short = now < since + 0.8 * BOUNDS.maxHold && !(now > until + this.tolerated(node));
    if (settled && quiet && short && trusted >= MASS) {
      this.fail('outage', now, node, `suspected ${now - since} ms after all fell silent`);
    }
  }

  #late(node: number, now: number, message: string): void {
    const redundant = this.links.count > 1 && this.links.longest > 0;
    this.fail(redundant ? 'links' : 'complete', now, node, message);
  }

  /**
   * When the suspicion of a node has to be said, if silence goes on; or another level, that is due
   * at `due`.
   */
  #limit(node: number, now: number, due = this.#due[node]): number {
    const { stallGuard, massSilence } = this.#guards;
    const tolerated = due - this.#last[node];
    let limit = this.stalls.over(due + BOUNDS.timer);
    if (stallGuard) limit += 2 * tolerated + BOUNDS.maxHold + this.stalls.longest + BOUNDS.drain;
    if (massSilence) limit += BOUNDS.maxHold + this.#nodes.slowest[node];
    if (this.links.longest > 0) {
      const last = this.#last[node];
      limit += this.links.paused(node, last, now, this.#nodes.fastest[node]) + tolerated;
    }
    limit += this.clock.late(this.#last[node], now, tolerated);
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
      const next = this.#levels.next(node);
      if (next < Infinity) this.#sweepLevel(node, now, next);
      if (due[node] >= now || this.#overdue[node] === 1 || this.#ladder.isSuspect(node)) continue;
      if (now <= this.#limit(node, now)) continue;
      this.#overdue[node] = 1;
      const message = `silent since ${this.#last[node]}, due at ${due[node]}, not suspected`;
      this.#late(node, now, message);
    }
  }

  /** @param silence at which the node crosses its next level by silence */
  #sweepLevel(node: number, now: number, silence: number): void {
    const last = this.#last[node] + this.#longestNap(node);
    if (last + silence >= now || this.hasLeft(node)) return;
    if (now <= this.#limit(node, now, last + silence)) return;
    this.#levels.missed(node);
    this.fail('levels', now, node, `silent since ${last}, no level after ${silence} ms`);
  }

  /** The silence that must be tolerated at least. */
  #least(node: number): number {
    if (!this.#guarded) return this.#announced[node];
    const early = this.#options.model === 'exponential' && this.#regularity.regular(node) < FIRST;
    const factor = early ? LEAST_AT_FIRST : LEAST;
    const usual = this.#nominal.tolerated(this.#nodes.fastest[node], factor);
    return Math.max(usual + this.#leastNap(node), this.#announced[node]);
  }

  /** The silence that is tolerated of a node against what it ought to be. */
  tolerance(node: number, now: number): void {
    const tolerated = this.tolerated(node);
    const { slowest } = this.#nodes;
    const least = this.#least(node);
    const most = this.#nominal.tolerated(slowest[node], MOST) + this.#longestNap(node);
    const enough = LEARNT * (1 + slowest[node] / this.#nodes.interval[node]);
    const learnt = this.learning.calm(node) >= enough && this.#regularity.steady(node);
    const sane = learnt && this.#guarded && this.#options.windowSize >= STEADY_WINDOW;
    if (tolerated < least - ROUNDING || (sane && tolerated > most + ROUNDING)) {
      const range = `${least.toFixed(0)} to ${most.toFixed(0)}`;
      const invariant = this.#announced[node] > 0 ? 'naps' : 'tolerance';
      this.fail(invariant, now, node, `tolerates ${tolerated} ms, nominal is ${range}`);
    }
  }
}
