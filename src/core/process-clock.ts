/**
 * Time in which silence does not count: this process could not run, or the link that the heartbeats
 * come by was down. All that is stored stays in the time of the clock; what was paused since a
 * peer's last heartbeat is added to its instants and taken out of its silence.
 */

/** So many pauses are told apart; of the time before them it is forgotten what was paused. */
const KEPT = 1024;

/** The pauses of one source of heartbeats, in the order of time, apart from each other. */
class Timeline {
  #starts: number[] = [];
  #ends: number[] = [];
  /** Paused time in all up to the end of each. */
  #totals: number[] = [];
  /** The link is down since then; Infinity when it is up. */
  downSince = Infinity;
  /** When it came back last, and until when its peers have time to be heard again. */
  upAt = Infinity;
  graceEnd = -Infinity;

  add(from: number, to: number): void {
    const last = this.#ends.length - 1;
    const start = last >= 0 && this.#ends[last] > from ? this.#ends[last] : from;
    if (to < start || (to === start && from < start)) return;
    this.#totals.push((last >= 0 ? this.#totals[last] : 0) + (to - start));
    this.#starts.push(start);
    this.#ends.push(to);
    if (this.#ends.length >= 2 * KEPT) {
      this.#starts = this.#starts.slice(-KEPT);
      this.#ends = this.#ends.slice(-KEPT);
      this.#totals = this.#totals.slice(-KEPT);
    }
  }

  /** What was paused before `at`, up to a constant. */
  before(at: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ends[middle] <= at) low = middle + 1;
      else high = middle;
    }
    // `low` is the first pause that ends after `at`.
    let paused = low > 0 ? this.#totals[low - 1] : this.#first();
    if (low < this.#ends.length && this.#starts[low] < at) paused += at - this.#starts[low];
    // The pause before it may not be over: it may have gone down again while its peers had time.
    if (at > this.downSince) paused += Math.max(at - Math.max(this.downSince, this.#end()), 0);
    return paused;
  }

  /** Whether a pause ended after `from`, or goes on. */
  touched(from: number): boolean {
    return this.#end() > from || this.downSince < Infinity;
  }

  #end(): number {
    return this.#ends.length > 0 ? this.#ends[this.#ends.length - 1] : -Infinity;
  }

  /** What was paused before the first pause that is kept. */
  #first(): number {
    return this.#ends.length > 0 ? this.#totals[0] - (this.#ends[0] - this.#starts[0]) : 0;
  }
}

// Numbers of `quiet`.
/** A peer whose last heartbeat lies before this instant needs a closer look; one without, always. */
export const LOOK_BEFORE = 0;
/** A heartbeat at or after this instant says that this process was late, or lies too far ahead. */
export const LATE_AT = 1;
/** What is added to a time of the clock: what it was set back by, less what it was set forward by. */
export const OFFSET = 2;

export class ProcessClock {
  /** What every heartbeat compares with: in the rule nothing happened since the last one. */
  readonly quiet = Float64Array.of(-Number.MAX_VALUE, Infinity, 0);
  /** When the clock was found to have been set; how long it is since before that is not sure. */
  steppedAt = -Infinity;
  #lateFrom = Infinity;
  #knownUntil = Infinity;
  /** That of this process, then those of the links, which have its pauses as well. */
  readonly #timelines = [new Timeline()];

  /** This process could not run. */
  pause(from: number, to: number): void {
    for (const timeline of this.#timelines) timeline.add(from, Math.min(to, timeline.downSince));
    this.lookBefore(to);
  }

  /** A heartbeat at or after `at` says that this process was late. */
  lateFrom(at: number): void {
    this.#lateFrom = at;
    this.#lookFrom();
  }

  /** A heartbeat before `at` is none of the future for sure. */
  knownUntil(at: number): void {
    this.#knownUntil = at;
    this.#lookFrom();
  }

  /** The clock was set, `at` is the time of now: every heartbeat is to be looked at closely. */
  stepped(at: number): void {
    this.steppedAt = at;
    this.lookBefore(at);
    this.knownUntil(-Infinity);
  }

  #lookFrom(): void {
    this.quiet[LATE_AT] = Math.min(this.#lateFrom, this.#knownUntil);
  }

  /** Peers whose last heartbeat lies before `at` are looked at closely when they beat. */
  lookBefore(at: number): void {
    if (at > this.quiet[LOOK_BEFORE]) this.quiet[LOOK_BEFORE] = at;
  }

  /** The number of a new link; 0 is none, which is never down. */
  addLink(): number {
    return this.#timelines.push(new Timeline()) - 1;
  }

  isLink(number: unknown): number is number {
    return Number.isInteger(number) && (number as number) in this.#timelines;
  }

  isDown(link: number): boolean {
    return this.#timelines[link].downSince < Infinity;
  }

  down(link: number, at: number): void {
    const timeline = this.#timelines[link];
    if (timeline.downSince === Infinity) timeline.downSince = at;
    this.quiet[LOOK_BEFORE] = Infinity;
  }

  /** The link is back at `at`; silence counts again from then on, or from `graceEnd` if not heard. */
  up(link: number, at: number, graceEnd: number): void {
    const timeline = this.#timelines[link];
    if (timeline.downSince === Infinity) return;
    timeline.add(timeline.downSince, graceEnd);
    timeline.downSince = Infinity;
    timeline.upAt = at;
    timeline.graceEnd = graceEnd;
    const anyDown = this.#timelines.some(({ downSince }) => downSince < Infinity);
    this.quiet[LOOK_BEFORE] = anyDown ? Infinity : graceEnd;
  }

  /** Time between two instants that counts for nobody who is heard by the link. */
  paused(link: number, from: number, to: number): number {
    const timeline = this.#timelines[link];
    if (!(to > from && timeline.touched(from))) return 0;
    // Who was heard since the link came back needs no time to be: only our own pauses count in it.
    const { upAt, graceEnd, downSince } = timeline;
    const own = from >= upAt ? Math.min(graceEnd, downSince, to) : from;
    if (own > from) return this.paused(0, from, own) + this.paused(link, own, to);
    return timeline.before(to) - timeline.before(from);
  }
}
