/**
 * Notices when this process could not run. It expects to be called at {@link StallGuard.due}; when
 * the next call of any kind comes later than that by more than the slack, the time between was a
 * stall, and is a pause of the timeline.
 *
 * The abstention is bounded. Stalls fill a bucket that running time drains; once it holds more
 * than `maxHold`, they count as silence, until it has drained. The suspicion of whoever is silent
 * hence falls due after at most 2·T_D + maxHold + one stall, T_D the detection time without stalls:
 * of a silence that has run for P < T_D, stalls took at most P + maxHold before the last one was
 * let in. It is said when the process next runs. A stall fills no more than half of the bucket, so
 * that a long one does not leave the next without excuse: of stalls longer than that, two in a row
 * are let in, and one more for each half of maxHold that the process ran.
 */
import type { ResolvedStallGuard } from '../guards.js';
import type { PauseTimeline } from '../peers/pauses.js';

/** Between two looks at the clock while a deadline is near, in ms. */
const TICK = 50;
/** So much more on the wall clock than on ours says that the machine slept, in ms. */
const ASLEEP = 1000;
/** With a deadline farther away, a tenth of the way to it: a stall is known to a tenth of it. */
const SHARE = 0.1;

export class StallGuard {
  readonly #pauses: PauseTimeline;
  readonly #options: ResolvedStallGuard;
  readonly #say: (at: number, duration: number) => void;
  readonly #wall: (() => number) | undefined;
  #wallSeen: number;
  #due = Infinity;
  /** When it was called last, and what stalls have put into the bucket by then. */
  #seen = 0;
  #level = 0;

  /**
   * @param say told of each stall that was not of our own making
   * @param wall the wall clock: the monotonic one of most systems stands while the machine sleeps
   */
  constructor(
    pauses: PauseTimeline,
    options: ResolvedStallGuard,
    say: (at: number, duration: number) => void,
    wall?: () => number,
  ) {
    this.#pauses = pauses;
    this.#options = options;
    this.#say = say;
    this.#wall = wall;
    this.#wallSeen = wall?.() ?? 0;
  }

  /** When it wants to be called next; Infinity while it sleeps. */
  get due(): number {
    return this.#due;
  }

  /** Looks again in time for what is due at `deadline`; sleeps if that is never. */
  expect(now: number, deadline: number): void {
    this.#seen = now;
    if (this.#wall) this.#wallSeen = this.#wall();
    this.#pollAt(deadline === Infinity ? Infinity : now + Math.max(TICK, SHARE * (deadline - now)));
  }

  /**
   * Whether the process comes late at `now`. What listeners and our own work took is a pause like
   * any other, but nobody's news: `own`.
   */
  poll(now: number, own = false): boolean {
    const slept = this.#slept(now);
    const due = this.#due;
    const late = now > due + this.#options.slack;
    this.#level = Math.max(this.#level - (Math.min(now, due) - this.#seen), 0);
    this.#seen = now;
    if (late || due < now + TICK) this.#pollAt(now + TICK); // it runs now
    if (!late && slept > 0) this.#say(now, slept);
    if (!late) return slept > 0;
    const excused = this.#level < this.#options.maxHold;
    this.#level += Math.min(now - due, this.#options.maxHold / 2);
    if (excused) this.#pauses.pause(due, now);
    // What came meanwhile is read in no more time than it took to come.
    this.#pauses.waiting(now, now + Math.min(now - due, this.#options.drain));
    if (!own) this.#say(now, now - due);
    return true;
  }

  /** For how long the machine slept since the last look: no silence, as our clock stood. */
  #slept(now: number): number {
    if (this.#wall === undefined) return 0;
    const wall = this.#wall();
    const ahead = wall - this.#wallSeen - (now - this.#seen);
    this.#wallSeen = wall;
    return ahead > ASLEEP && this.#seen > 0 ? ahead : 0;
  }

  #pollAt(due: number): void {
    this.#due = due;
    this.#pauses.lateFrom(due + this.#options.slack);
  }
}
