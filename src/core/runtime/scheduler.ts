/**
 * When the monitor is asked what is due: at the earliest of their instants, in slices, and, when this
 * process could not run, not before the heartbeats that wait to be read have been read.
 */

import type { Host } from '../host.js';
import { DONE, EMITTED, MOVED, type Monitor, type MonitorRuntime } from '../monitor/monitor.js';
import type { Bounds } from '../peers/bounds.js';
import type { PauseTimeline } from '../peers/pauses.js';
import type { ResolvedSettings } from '../settings.js';
import { StallGuard } from './stall-guard.js';
import type { SteadyClock } from './steady-clock.js';
import { WakeTimer } from './timer.js';

/** The timer works in slices of this many ms, so that a mass death does not block the process. */
const SLICE = 8;
const STEPS_PER_POLL = 64;
/** Timers are this late on a machine that is idle, in ms. */
const LATE = 10;

export class Scheduler implements MonitorRuntime {
  readonly #host: Host;
  readonly #timers: boolean;
  readonly #timer: WakeTimer;
  readonly #guard: StallGuard | undefined;
  readonly #drain: number;
  readonly #bounds: Bounds;
  readonly #pauses: PauseTimeline;
  readonly #steady: SteadyClock;
  readonly #maxAhead: number;
  /** The timer goes by a clock that has been set since. */
  #rearms = false;
  #monitor: Pick<Monitor<unknown>, 'step' | 'earliest' | 'slowPathCount'> | undefined;
  /** What the timer was armed for. */
  #armedFor = Infinity;
  #advancing = false;
  #closed = false;
  /** Suspicions wait until then at most for what waits to be read; −Infinity for not at all. */
  #drainedBy = -Infinity;
  #countBefore = 0;
  /** How deep we are in calls of listeners. */
  #listening = 0;

  /** @param stalled told when this process could not run, and for how long */
  constructor(
    settings: ResolvedSettings,
    bounds: Bounds,
    pauses: PauseTimeline,
    steady: SteadyClock,
    stalled: (at: number, duration: number) => void,
  ) {
    const { host, timers, stallGuard, maxAhead } = settings;
    this.#bounds = bounds;
    this.#pauses = pauses;
    this.#steady = steady;
    this.#maxAhead = maxAhead;
    pauses.knownUntil(maxAhead === Infinity ? Infinity : -Infinity); // nothing is known yet
    this.#host = host;
    this.#timers = timers;
    this.#timer = new WakeTimer(host, (notBefore) => this.#wake(notBefore));
    this.#guard = stallGuard && new StallGuard(pauses, stallGuard, stalled, host.wall);
    this.#drain = stallGuard?.drain ?? 0;
  }

  /** Whose crossings are looked for from now on. */
  run(monitor: Pick<Monitor<unknown>, 'step' | 'earliest' | 'slowPathCount'>): void {
    this.#monitor = monitor;
  }

  now(): number {
    return this.#host.now();
  }

  /** Whether suspicions wait for what waits to be read. */
  get draining(): boolean {
    return this.#drainedBy !== -Infinity;
  }

  earlier(at: number): void {
    if (!this.#timers || this.#closed || this.#advancing || !(at < this.#timer.at)) return;
    this.#arm(at);
  }

  admits(last = -Infinity): boolean {
    const bounds = this.#bounds;
    const before = bounds.offset;
    const now = this.poll(false, last);
    bounds.at += bounds.offset - before;
    return bounds.at <= now + this.#maxAhead;
  }

  /** The clock was found to have been set by so many ms. */
  stepped(): void {
    this.#pauses.stepped(this.#host.now());
    this.#rearms = true;
  }

  /**
   * Notices a stall; `own` if it was our own work or that of listeners, which is nobody's news.
   * Returns the time, which is no earlier than `notBefore`.
   */
  poll(own: boolean, notBefore = -Infinity): number {
    const now = this.#steady.poll(notBefore);
    if (this.#guard?.poll(now, own || this.#listening > 0)) this.#awaitInput(now);
    this.#pauses.knownUntil(now + this.#maxAhead);
    if (this.#rearms) {
      this.#rearms = false;
      this.#timer.rearm();
    }
    return now;
  }

  /** Listeners are about to run, or have. */
  around(after: boolean): void {
    this.poll(after);
    this.#listening += after ? -1 : 1;
  }

  /** Nobody is suspected before a whole round of the event loop has brought no heartbeat. */
  #awaitInput(now: number): void {
    if (this.#closed) return;
    this.#countBefore = Number.NaN;
    if (this.draining) return;
    this.#drainedBy = now + this.#drain;
    this.#host.setImmediate(this.#turn);
  }

  /** After each round of the event loop, until one has brought no heartbeat. */
  readonly #turn = (): void => {
    if (this.#closed) return;
    this.poll(false);
    const count = this.#monitor?.slowPathCount ?? 0;
    if (count === this.#countBefore || this.#host.now() >= this.#drainedBy) {
      this.#drainedBy = -Infinity;
      this.#pauses.allRead(this.#host.now());
      this.#wake(-Infinity, true);
    } else {
      this.#countBefore = count;
      this.#host.setImmediate(this.#turn);
    }
  };

  /** Says all that is due by `until`, of the clock; the next instant worth calling at. */
  advance(until: number): number {
    this.poll(false);
    const { offset } = this.#bounds;
    if (this.draining) return this.#drainedBy - offset; // what waits to be read comes first
    const at = until + offset;
    const nested = this.#advancing;
    this.#advancing = true;
    if (Number.isFinite(at)) while (!this.#closed && this.#monitor?.step(at) !== DONE);
    this.#advancing = nested;
    if (this.#guard) this.poll(true);
    return this.#rearm() - this.#bounds.offset;
  }

  /** Says what is due, as long as it takes, but not for longer than a slice at a time. */
  #wake(notBefore: number, drained = false): void {
    if (this.#closed) return;
    this.poll(false, notBefore);
    let now = this.#host.now();
    // Late, if by less than a stall: what waits to be read is read first.
    if (this.#guard && !drained && now > this.#armedFor + LATE) this.#awaitInput(now);
    const until = now + SLICE;
    let result = MOVED;
    this.#advancing = true;
    for (let n = 1; !this.#closed && !this.draining && result !== DONE && now < until; n++) {
      result = this.#monitor?.step(now) ?? DONE;
      // Listeners take time: what comes after them is said then.
      if (result === EMITTED || n % STEPS_PER_POLL === 0) now = this.#host.now();
    }
    this.#advancing = false;
    if (this.draining) return; // wakes again when that is over
    if (result === DONE) this.#rearm();
    else if (!this.#closed) this.#arm(now); // the rest after other work
  }

  #rearm(): number {
    if (this.#closed) return Infinity;
    const next = this.#monitor?.earliest() ?? Infinity;
    if (this.#timers) this.#arm(next);
    return next;
  }

  /** Wakes at `next`, or earlier to see whether this process runs. */
  #arm(next: number): void {
    if (this.#guard === undefined) {
      this.#timer.arm(next);
      return;
    }
    this.poll(false);
    this.#guard.expect(this.#host.now(), next);
    this.#armedFor = Math.max(Math.min(next, this.#guard.due), this.#host.now());
    this.#timer.arm(Math.min(next, this.#guard.due));
  }

  close(): void {
    this.#closed = true;
    this.#timer.arm(Infinity);
  }
}
