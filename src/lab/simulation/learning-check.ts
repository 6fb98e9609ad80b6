/**
 * How an observer's tolerance of silence changes while nothing else happens: outages must leave no
 * trace, a new cadence must be learnt soon.
 */
const CALM = 20;
const AFTER = 5;
const LONG_OUTAGE = 10_000;
const SAME = 1.1;
const MOST_TRANSITIONS = 10;

/** What is called upon after a silence that was none of the interval. */
type SilenceInvariant = 'outages' | 'pauses';

export class LearningCheck {
  /** What `acceptablePause` adds to any silence that is tolerated, in ms. */
  readonly #leeway: number;
  /** Accepted heartbeats since anything irregular, by node. */
  readonly #calm: Int32Array;
  /** The silence beyond the leeway that was tolerated before an outage; NaN for none to compare with. */
  readonly #before: Float64Array;
  /** Whether the outage was shorter than what was tolerated. */
  readonly #wasTolerated: Uint8Array;
  readonly #outageSince: Float64Array;
  /** Transitions since the cadence changed; NaN when something else has happened since. */
  readonly #transitions: Float64Array;

  constructor(nodes: number, leeway: number) {
    this.#leeway = leeway;
    this.#wasTolerated = new Uint8Array(nodes);
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
    const usual = tolerated - this.#leeway;
    const comparable = this.#calm[node] >= CALM && usual > 0;
    this.disturb(node);
    this.#outageSince[node] = at;
    if (comparable) this.#before[node] = usual;
  }

  /** @param interval the node's: so much longer its silence may be at most */
  endOutage(node: number, at: number, interval: number): void {
    this.#calm[node] = 0;
    this.#transitions[node] = Number.NaN;
    const silent = at - this.#outageSince[node];
    const before = this.#before[node];
    // What is usual is learnt, and may be; what is tolerated beyond it may not.
    const least = this.#leeway > 0 ? before : Math.max(LONG_OUTAGE, before);
    if (!(silent >= least)) this.#before[node] = Number.NaN;
    this.#wasTolerated[node] = silent + 1.5 * interval < before + this.#leeway ? 1 : 0;
  }

  /** @param clear whether every silence from now on is longer than what is tolerated */
  changeCadence(node: number, clear: boolean): void {
    this.disturb(node);
    if (clear) this.#transitions[node] = 0;
  }

  /** A heartbeat was accepted; returns what is wrong with the silence that is tolerated now. */
  accept(node: number, tolerated: number): [SilenceInvariant, string] | undefined {
    const calm = ++this.#calm[node];
    const before = this.#before[node];
    if (calm !== AFTER || Number.isNaN(before)) return undefined;
    this.#before[node] = Number.NaN;
    const usual = tolerated - this.#leeway;
    if (usual <= SAME * before) return undefined;
    const [is, was] = [usual, before].map((ms) => (ms + this.#leeway).toFixed(0));
    const invariant = this.#wasTolerated[node] === 1 ? 'pauses' : 'outages';
    return [invariant, `tolerates ${is} ms after a silence, ${was} before it`];
  }

  /** A suspicion or a return; returns what is wrong. */
  transition(node: number): string | undefined {
    const count = ++this.#transitions[node]; // NaN stays NaN
    if (!(count > MOST_TRANSITIONS)) return undefined;
    this.#transitions[node] = Number.NaN;
    return `${count} transitions since its cadence changed`;
  }
}
