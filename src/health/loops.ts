/**
 * Loops of the program: each beats once a turn, and φ over the times that its turns take shows that
 * it has stalled.
 *
 * One detector of the core watches them all. Time in which the event loop was blocked does not count
 * as silence of a loop, which could not run then: the detector's stall guard subtracts it, so that
 * the first probe after a block does not find everything dead. A loop that is stuck while the event
 * loop runs gets no such excuse. A blocked event loop itself answers no probe at all.
 */

import { FailureDetector } from '../core/detector.js';
import type { Explanation } from '../core/explain.js';
import type { DetectorOptions } from '../core/options.js';
import type { Peer } from '../core/peer.js';
import type { Link } from '../core/peers/link.js';
import type { Clock } from '../core/settings.js';

/**
 * How a loop is watched, as options of a detector. Defaults that differ from those:
 *
 * - `model` `'calibrated'`: it learns loops of many short turns and now and then a long one as well.
 * - `heartbeatInterval`: the mean of the first eight turns. Until they are over, 5000 ms: a loop
 *   that never beats, or stops among its first beats, has stalled after 26 s. One whose turns take
 *   longer than 20 s has to say so.
 * - `maxSilence` Infinity: turns of minutes among short ones are learnt as well.
 * - `windowSize` 100, for models that have one.
 * - `acceptablePause` 1000 ms: so long a silence never is a stall, however fast the loop is; it
 *   covers a slow write or a collection of garbage.
 */
export interface LoopOptions extends DetectorOptions {
  /** Which group has the check. Default `'livez'`. */
  group?: string;
}

/** A loop that is watched. */
export interface Loop {
  readonly name: string;
  /** Once in each turn of the loop. Returns at once; never throws. */
  beat(): void;
  /** The loop waits for work that nobody can foretell: no silence until it beats again. */
  idle(): void;
  /** φ of the silence so far: near 0 just after a beat; undefined once closed. */
  readonly phi: number | undefined;
  /** All that led to the present answer; undefined once closed. */
  explain(): Explanation | undefined;
  /** The loop has ended: it is watched no more and its check is gone. */
  close(): void;
}

const DEFAULTS: DetectorOptions = {
  model: 'calibrated',
  heartbeatInterval: 5000,
  maxSilence: Infinity,
  windowSize: 100,
  acceptablePause: 1000,
};

/** The number of turns whose mean is the heartbeat interval to begin with. */
const FIRST_TURNS = 8;
/** After this many turns in a row that were stalls until they ended, the interval is learnt anew. */
const LATE_TURNS = 3;

class WatchedLoop implements Loop {
  readonly name: string;
  readonly #detector: FailureDetector;
  readonly #options: DetectorOptions;
  readonly #closed: () => void;
  #peer: Peer;
  /** All of its turns are heard by it, as it waits for work while the link is down. */
  readonly #link: Link;
  #idle = false;
  /** Its name may be another loop's by then. */
  #ended = false;
  /** A new one after each wait for work: the wait is not a turn. */
  #incarnation = 0;
  /** When the first turn began, and how many are over; the latter is Infinity once they told. */
  #began = 0;
  #turns = -1;
  /** How long the last turns took, those in a row that were stalls. */
  #late: number[] = [];

  constructor(
    name: string,
    detector: FailureDetector,
    options: DetectorOptions,
    closed: () => void,
  ) {
    this.name = name;
    this.#detector = detector;
    this.#options = { ...DEFAULTS, ...options };
    if (options.heartbeatInterval !== undefined) this.#turns = Infinity;
    this.#link = detector.link();
    this.#peer = detector.watch(name, { ...this.#options, link: this.#link });
    this.#closed = closed;
  }

  beat(): void {
    if (this.#ended) return;
    if (this.#idle) {
      this.#idle = false;
      this.#incarnation++;
      this.#link.up();
    }
    if (this.#turns < FIRST_TURNS) this.#countTurn();
    else this.#countLate();
    this.#peer.heartbeat(undefined, { incarnation: this.#incarnation, link: this.#link });
  }

  idle(): void {
    if (this.#idle || this.#ended) return;
    this.beat(); // what is heard by the link has no silence while it is down
    if (this.#turns < FIRST_TURNS) this.#turns = -1;
    this.#idle = true;
    this.#link.down();
  }

  /** A detector takes long to learn an interval that is far from what it expects. */
  #countTurn(): void {
    const now = this.#detector.now();
    if (++this.#turns === 0) this.#began = now;
    if (this.#turns === FIRST_TURNS) this.#expect((now - this.#began) / FIRST_TURNS);
  }

  /** One that becomes slower for good must not be restarted for as long as the model takes. */
  #countLate(): void {
    if (this.#peer.status !== 'suspect') {
      if (this.#late.length > 0) this.#late = [];
      return;
    }
    this.#late.push(this.#peer.explain()?.silence ?? 0);
    if (this.#late.length < LATE_TURNS) return;
    this.#expect(this.#late.reduce((sum, each) => sum + each) / LATE_TURNS);
    this.#late = [];
  }

  /** Watches it anew, with this heartbeat interval, in ms. */
  #expect(turn: number): void {
    const heartbeatInterval = Math.max(turn, 1);
    this.#detector.forget(this.name);
    const options = { ...this.#options, heartbeatInterval, link: this.#link };
    this.#peer = this.#detector.watch(this.name, options);
  }

  get phi(): number | undefined {
    return this.#ended ? undefined : this.#detector.phi(this.name);
  }

  explain(): Explanation | undefined {
    return this.#ended ? undefined : this.#detector.explain(this.name);
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#detector.forget(this.name);
    this.#closed();
  }
}

export class Loops {
  readonly #clock: Clock | undefined;
  readonly #loops = new Map<string, Loop>();
  #detector: FailureDetector | undefined;

  constructor(clock: Clock | undefined) {
    this.#clock = clock;
  }

  /** The loops that are watched, by name. */
  get all(): ReadonlyMap<string, Loop> {
    return this.#loops;
  }

  /** @param closed called when the loop is closed */
  watch(name: string, options: DetectorOptions, closed: () => void): Loop {
    // Loops are one process: that all of them stall at once is no fault of who watches them.
    this.#detector ??= new FailureDetector({
      clock: this.#clock,
      massSilence: false,
      flapDamping: false,
      autoWatch: false,
    });
    const loop = new WatchedLoop(name, this.#detector, options, () => {
      this.#loops.delete(name);
      closed();
    });
    this.#loops.set(name, loop);
    return loop;
  }

  /** Why a loop has stalled; undefined while it has not. */
  stalled(name: string): string | undefined {
    const detector = this.#detector;
    detector?.advance();
    const facts = detector?.explain(name);
    if (detector === undefined || facts?.status !== 'suspect') return undefined;
    const { phi, silence, mean } = facts;
    const turns = `a turn takes ${Math.round(mean)}ms as a rule`;
    return `stalled: no beat for ${Math.round(silence ?? 0)}ms, ${turns}, φ ${phi.toFixed(1)}`;
  }

  close(): void {
    this.#loops.clear();
    this.#detector?.close();
  }
}
