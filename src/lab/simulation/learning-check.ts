/**
 * How an observer's tolerance of silence changes while nothing else happens: outages must leave no
 * trace, a new cadence must be learnt soon.
 */
const CALM = 20;
const AFTER = 5;
const LONG_OUTAGE = 10_000;
const SAME = 1.1;
const MOST_TRANSITIONS = 10;

export class LearningCheck {
  /** Accepted heartbeats since anything irregular, by node. */
  readonly #calm: Int32Array;
  /** The silence that was tolerated before an outage; NaN for none that could be compared with. */
  readonly #before: Float64Array;
  readonly #outageSince: Float64Array;
  /** Transitions since the cadence changed; NaN when something else has happened since. */
  readonly #transitions: Float64Array;

  constructor(nodes: number) {
    this.#calm = new Int32Array(nodes);
    this.#before = new Float64Array(nodes).fill(Number.NaN);
    this.#outageSince = new Float64Array(nodes).fill(Number.NaN);
    this.#transitions = new Float64Array(nodes).fill(Number.NaN);
  }

  /** Accepted heartbeats since anything irregular. */
  calm(node: number): number {
    return this.#calm[node];
  }

  /** Anything that comparisons do not survive. */
  disturb(node: number): void {
    this.#calm[node] = 0;
    this.#before[node] = Number.NaN;
    this.#transitions[node] = Number.NaN;
  }

  /** @param tolerated just before it; NaN where that had not settled */
  beginOutage(node: number, at: number, tolerated: number): void {
    const comparable = this.#calm[node] >= CALM;
    this.disturb(node);
    this.#outageSince[node] = at;
    if (comparable) this.#before[node] = tolerated;
  }

  endOutage(node: number, at: number): void {
    this.#calm[node] = 0;
    this.#transitions[node] = Number.NaN;
    // What is tolerated is learnt, and may be.
    const least = Math.max(LONG_OUTAGE, this.#before[node]);
    if (!(at - this.#outageSince[node] >= least)) this.#before[node] = Number.NaN;
  }

  /** @param clear whether every silence from now on is longer than what is tolerated */
  changeCadence(node: number, clear: boolean): void {
    this.disturb(node);
    if (clear) this.#transitions[node] = 0;
  }

  /** A heartbeat was accepted; returns what is wrong with the silence that is tolerated now. */
  accept(node: number, tolerated: number): string | undefined {
    const calm = ++this.#calm[node];
    const before = this.#before[node];
    if (calm !== AFTER || Number.isNaN(before)) return undefined;
    this.#before[node] = Number.NaN;
    if (tolerated <= SAME * before) return undefined;
    return `tolerates ${tolerated.toFixed(0)} ms after an outage, ${before.toFixed(0)} before it`;
  }

  /** A suspicion or a return; returns what is wrong. */
  transition(node: number): string | undefined {
    const count = ++this.#transitions[node]; // NaN stays NaN
    if (!(count > MOST_TRANSITIONS)) return undefined;
    this.#transitions[node] = Number.NaN;
    return `${count} transitions since its cadence changed`;
  }
}
