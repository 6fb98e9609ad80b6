/**
 * When verdicts are looked for: at the earliest of their instants, in slices, and, when this
 * process could not run, not before the heartbeats that wait to be read have been read.
 */

import { DONE, MOVED, type Runner, SAID } from './crossings.js';
import type { Host } from './host.js';
import { arrival } from './peer-record.js';
import { OFFSET, type ProcessClock } from './process-clock.js';
import type { ResolvedSettings } from './settings.js';
import { StallGuard } from './stall-guard.js';
import type { SteadyClock } from './steady-clock.js';
import { WakeTimer } from './wake-timer.js';

/** The timer works in slices of this many ms, so that a mass death does not block the process. */
const SLICE = 8;
const STEPS_PER_LOOK = 64;
/** Timers are this late on a machine that is idle, in ms. */
const LATE = 10;

/** What is looked for; `Crossings` are that. */
export interface Steps {
  step(at: number): number;
  earliest(): number;
}

/** What is read; it counts the heartbeats that were read late, at least. */
export interface Reads {
  readonly looked: number;
}

export class Schedule implements Runner {
  readonly #host: Host;
  readonly #timers: boolean;
  readonly #timer: WakeTimer;
  readonly #guard: StallGuard | undefined;
  readonly #drain: number;
  readonly #clock: ProcessClock;
  readonly #steady: SteadyClock;
  readonly #maxAhead: number;
  /** The timer goes by a clock that has been set since. */
  #rearms = false;
  #steps: Steps = { step: () => DONE, earliest: () => Infinity };
  #reads: Reads = { looked: 0 };
  /** What the timer was armed for. */
  #armedFor = Infinity;
  #advancing = false;
  #closed = false;
  /** Verdicts wait until then at most for what waits to be read; −Infinity for not at all. */
  #drainedBy = -Infinity;
  #looked = 0;
  /** How deep we are in calls of listeners. */
  #listening = 0;

  /** @param stalled told when this process could not run, and for how long */
  constructor(
    settings: ResolvedSettings,
    clock: ProcessClock,
    steady: SteadyClock,
    stalled: (at: number, duration: number) => void,
  ) {
    const { host, timers, stallGuard, maxAhead } = settings;
    this.#clock = clock;
    this.#steady = steady;
    this.#maxAhead = maxAhead;
    clock.knownUntil(maxAhead === Infinity ? Infinity : -Infinity); // nothing is known yet
    this.#host = host;
    this.#timers = timers;
    this.#timer = new WakeTimer(host, (notBefore) => this.#wake(notBefore));
    this.#guard = stallGuard && new StallGuard(clock, stallGuard, stalled, host.wall);
    this.#drain = stallGuard?.drain ?? 0;
  }

  run(steps: Steps, reads: Reads): void {
    this.#steps = steps;
    this.#reads = reads;
  }

  /** Whether verdicts wait for what waits to be read. */
  get draining(): boolean {
    return this.#drainedBy !== -Infinity;
  }

  earlier(at: number): void {
    if (!this.#timers || this.#closed || this.#advancing || !(at < this.#timer.at)) return;
    this.#arm(at);
  }

  admits(last = -Infinity): boolean {
    const { quiet } = this.#clock;
    const before = quiet[OFFSET];
    const now = this.look(false, last);
    arrival[0] += quiet[OFFSET] - before;
    return arrival[0] <= now + this.#maxAhead;
  }

  /** The clock was found to have been set by so many ms. */
  stepped(): void {
    this.#clock.stepped(this.#host.now());
    this.#rearms = true;
  }

  /**
   * Notices a stall; `own` if it was our own work or that of listeners, which is nobody's news.
   * Returns the time, which is no earlier than `notBefore`.
   */
  look(own: boolean, notBefore = -Infinity): number {
    const now = this.#steady.look(notBefore);
    if (this.#guard?.look(now, own || this.#listening > 0)) this.#awaitInput(now);
    this.#clock.knownUntil(now + this.#maxAhead);
    if (this.#rearms) {
      this.#rearms = false;
      this.#timer.rearm();
    }
    return now;
  }

  /** Listeners are about to run, or have. */
  around(after: boolean): void {
    this.look(after);
    this.#listening += after ? -1 : 1;
  }

  /** Nothing is judged before a whole round of the event loop has brought no heartbeat. */
  #awaitInput(now: number): void {
    if (this.#closed) return;
    this.#looked = Number.NaN;
    if (this.draining) return;
    this.#drainedBy = now + this.#drain;
    this.#host.setImmediate(this.#turn);
  }

  /** After each round of the event loop, until one has brought no heartbeat. */
  readonly #turn = (): void => {
    if (this.#closed) return;
    this.look(false);
    const { looked } = this.#reads;
    if (looked === this.#looked || this.#host.now() >= this.#drainedBy) {
      this.#drainedBy = -Infinity;
      this.#clock.allRead(this.#host.now());
      this.#wake(-Infinity, true);
    } else {
      this.#looked = looked;
      this.#host.setImmediate(this.#turn);
    }
  };

  /** Says all that is due by `until`, of the clock; the next instant worth calling at. */
  advance(until: number): number {
    this.look(false);
    const { quiet } = this.#clock;
    if (this.draining) return this.#drainedBy - quiet[OFFSET]; // what waits to be read comes first
    const at = until + quiet[OFFSET];
    const nested = this.#advancing;
    this.#advancing = true;
    if (Number.isFinite(at)) while (!this.#closed && this.#steps.step(at) !== DONE);
    this.#advancing = nested;
    if (this.#guard) this.look(true);
    return this.#rearm() - quiet[OFFSET];
  }

  /** Says what is due, as long as it takes, but not for longer than a slice at a time. */
  #wake(notBefore: number, drained = false): void {
    if (this.#closed) return;
    this.look(false, notBefore);
    let now = this.#host.now();
    // Late, if by less than a stall: what waits to be read is read first.
    if (this.#guard && !drained && now > this.#armedFor + LATE) this.#awaitInput(now);
    const until = now + SLICE;
    let result = MOVED;
    this.#advancing = true;
    for (let n = 1; !this.#closed && !this.draining && result !== DONE && now < until; n++) {
      result = this.#steps.step(now);
      // Listeners take time: what comes after them is said then.
      if (result === SAID || n % STEPS_PER_LOOK === 0) now = this.#host.now();
    }
    this.#advancing = false;
    if (this.draining) return; // wakes again when that is over
    if (result === DONE) this.#rearm();
    else if (!this.#closed) this.#arm(now); // the rest after other work
  }

  #rearm(): number {
    if (this.#closed) return Infinity;
    const next = this.#steps.earliest();
    if (this.#timers) this.#arm(next);
    return next;
  }

  /** Wakes at `next`, or earlier to see whether this process runs. */
  #arm(next: number): void {
    if (this.#guard === undefined) {
      this.#timer.arm(next);
      return;
    }
    this.look(false);
    this.#guard.expect(this.#host.now(), next);
    this.#armedFor = Math.max(Math.min(next, this.#guard.due), this.#host.now());
    this.#timer.arm(Math.min(next, this.#guard.due));
  }

  close(): void {
    this.#closed = true;
    this.#timer.arm(Infinity);
  }
}
