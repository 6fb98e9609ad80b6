/**
 * A budget of mistakes also holds where intervals change: each change costs a few mistakes until it
 * is learnt, and fewer where the node returns to the interval of before.
 */

/** Mistakes after a change, beside the budget: to an interval that is new, or known. */
const MOST_IF_NEW = 3;
const MOST_IF_KNOWN = 2;
/** After so many heartbeats an interval is learnt. */
const LEARNT = 20;
const HOUR = 3.6e6;

/** The mistakes of one node since its interval changed. */
interface Change {
  readonly at: number;
  readonly most: number;
  made: number;
}

export class ChangeCheck {
  readonly #perHour: number | undefined;
  /** By node: the interval, the one before it if that was learnt, and heartbeats at the present one. */
  readonly #interval: Float64Array;
  readonly #before: Float64Array;
  readonly #heartbeats: Int32Array;
  /** Of the nodes whose interval has changed, and nothing else has happened since. */
  readonly #changes: (Change | undefined)[] = [];

  /** @param perHour the budget; undefined for none */
  constructor(intervals: Float64Array, perHour: number | undefined) {
    this.#perHour = perHour;
    this.#interval = intervals.slice();
    this.#before = new Float64Array(intervals.length);
    this.#heartbeats = new Int32Array(intervals.length);
  }

  /** The node beats at another interval from now on. */
  changed(node: number, at: number, interval: number): void {
    const learnt = this.#heartbeats[node] >= LEARNT;
    const most = this.#before[node] === interval ? MOST_IF_KNOWN : MOST_IF_NEW;
    this.#before[node] = learnt ? this.#interval[node] : 0;
    this.#interval[node] = interval;
    this.#heartbeats[node] = 0;
    this.#changes[node] = learnt ? { at, most, made: 0 } : undefined;
  }

  /** Anything else befalls what the node sends. */
  disturb(node: number): void {
    this.#before[node] = 0;
    this.#heartbeats[node] = 0;
    this.#changes[node] = undefined;
  }

  heard(node: number): void {
    this.#heartbeats[node]++;
  }

  /** The node was suspected, but runs; what is wrong with that. */
  mistake(node: number, at: number): string | undefined {
    const change = this.#changes[node];
    if (this.#perHour === undefined || change === undefined) return undefined;
    change.made++;
    const allowed = Math.round((3 * this.#perHour * (at - change.at)) / HOUR);
    if (change.made <= change.most + allowed) return undefined;
    return `mistake ${change.made} since its interval changed`;
  }
}
