/**
 * The detector's own time: the clock's without its steps. A wall clock that is set makes no peer
 * silent and no heartbeat an old one: what it was set by is an offset between its time and ours.
 * Everything is stored in ours, which never runs back; times that come in or go out are the clock's.
 *
 * That a clock was set back is seen when it is next read. How much time went by unseen is known
 * where a monotonic clock tells it, or a timer that fired; else it is no time. A clock that was set
 * forward looks like silence, or like a stall; it is told from both only where it is known to be
 * the platform's wall clock, since it gains on the monotonic one.
 */
import { type Bounds, timeOf } from '../peers/bounds.js';

/** Clocks may run back by so many ms without having been set. */
const JITTER = 10;
/** A wall clock that gains more than this on the monotonic one was set, or slept, in ms. */
const GAIN = 1000;
/** So near to the platform's wall clock, in ms, a clock is that. */
const SAME = 1000;
/** Some time has passed in any case. */
const MOMENT = 1e-3;

/** What a clock is compared with: the platform's own ones. */
export interface PlatformClocks {
  monotonic(): number;
  wall(): number;
}

/** Times of events that are of the clock. */
const TIMES = ['at', 'due', 'expected'] as const;

export class SteadyClock {
  readonly #read: () => number;
  readonly #bounds: Bounds;
  readonly #platform: PlatformClocks | undefined;
  readonly #stepped: (by: number) => void;
  /** The clock's time when it was last read. */
  #seen = -Infinity;
  /** Both times when they were last compared, and whether the clock was the platform's wall clock. */
  #compared = 0;
  #monotonic = 0;
  #isWall = false;

  /**
   * @param bounds have the offset, so that heartbeats have it at hand
   * @param platform not where the clock is a world of its own, or the monotonic one itself
   * @param stepped told by how many ms the clock was set, after our time has been put right
   */
  constructor(
    read: () => number,
    bounds: Bounds,
    platform: PlatformClocks | undefined,
    stepped: (by: number) => void,
  ) {
    this.#read = read;
    this.#bounds = bounds;
    this.#platform = platform;
    this.#stepped = stepped;
  }

  /** Our time. */
  readonly now = (): number => this.read() + this.#bounds.offset;

  /** The clock's time. */
  readonly read = (): number => {
    const at = timeOf(this.#read());
    if (at >= this.#seen && at < Infinity) {
      this.#seen = at;
      return at;
    }
    return this.#unlike(at, -Infinity);
  };

  /**
   * Our time, at a moment to compare it with the platform's clocks.
   *
   * @param atLeast it is no earlier than that, in ours
   */
  poll(atLeast = -Infinity): number {
    let at = timeOf(this.#read());
    if (at >= this.#seen && at < Infinity) this.#seen = at;
    else at = this.#unlike(at, atLeast - this.#bounds.offset);
    if (this.#platform) this.#compare(this.#platform, at);
    return at + this.#bounds.offset;
  }

  /** What has times of ours, with those of the clock. */
  inClock<Payload>(payload: Payload): Payload {
    const offset = this.#bounds.offset;
    if (offset === 0 || typeof payload !== 'object' || payload === null) return payload;
    const converted = { ...payload } as Record<string, unknown>;
    for (const key of TIMES) {
      const time = converted[key];
      if (typeof time === 'number') converted[key] = time - offset;
    }
    return converted as Payload;
  }

  /** The clock shows what it could not, had it gone on. */
  #unlike(at: number, atLeast: number): number {
    if (!Number.isFinite(at)) return Number.NaN;
    if (this.#seen - at <= JITTER) return this.#seen;
    let expected = Math.max(this.#seen, atLeast);
    if (this.#platform && this.#isWall) {
      expected = Math.max(expected, this.#compared + this.#platform.monotonic() - this.#monotonic);
    }
    this.#step(at, expected + MOMENT);
    return at;
  }

  #compare(platform: PlatformClocks, at: number): void {
    const monotonic = platform.monotonic();
    const wasWall = this.#isWall;
    this.#isWall = Math.abs(platform.wall() - at) < SAME;
    const expected = this.#compared + monotonic - this.#monotonic;
    if (wasWall && this.#isWall && at - expected > GAIN) this.#step(at, expected);
    this.#compared = at;
    this.#monotonic = monotonic;
  }

  #step(at: number, expected: number): void {
    this.#seen = at;
    this.#bounds.offset += expected - at;
    this.#stepped(at - expected);
  }
}
