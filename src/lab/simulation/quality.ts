/** How good the verdicts were, by the truth: mistakes, and how long deaths went unnoticed. */
export interface Accuracy {
  /** Suspicions in all. */
  readonly suspicions: number;
  /** Suspicions of nodes that ran: their heartbeats were lost, late, or not read. */
  readonly mistakes: number;
  /** Mistakes that a guard which was off would have prevented. */
  readonly excused: number;
  /** Share of the time for which a running node was not suspected. */
  readonly availability: number;
}

/** A death, and when it was noticed. */
export interface Detection {
  readonly observer: number;
  readonly node: number;
  /** When the node died. */
  readonly at: number;
  /** From the death to the suspicion, in ms. */
  readonly delay: number;
  /** What the delay had to be at most: the computed instant and the stated bounds. */
  readonly bound: number;
}

export class Quality {
  suspicions = 0;
  mistakes = 0;
  excused = 0;
  worst: Detection | undefined;
  readonly #mistakenSince: Float64Array;
  readonly #diedAt: Float64Array;
  #mistaken = 0;

  constructor(nodes: number) {
    this.#mistakenSince = new Float64Array(nodes).fill(Number.NaN);
    this.#diedAt = new Float64Array(nodes).fill(Number.NaN);
  }

  /** The node died, not suspected. */
  died(node: number, at: number): void {
    this.#diedAt[node] = at;
  }

  /** The node does not run, so that its suspicion is no mistake. */
  stopped(node: number, at: number): void {
    const since = this.#mistakenSince[node];
    if (!Number.isNaN(since)) this.#mistaken += at - since;
    this.#mistakenSince[node] = Number.NaN;
  }

  /** The node runs; `suspect`: but is suspected. */
  started(node: number, at: number, suspect: boolean): void {
    this.#diedAt[node] = Number.NaN;
    if (suspect) this.#mistakenSince[node] = at;
  }

  /** @param limit when it had to be said at the latest */
  suspect(observer: number, node: number, at: number, running: boolean, limit: number): void {
    this.suspicions++;
    if (running) {
      this.mistakes++;
      this.#mistakenSince[node] = at;
    }
    const died = this.#diedAt[node];
    if (Number.isNaN(died)) return;
    this.#diedAt[node] = Number.NaN;
    const delay = at - died;
    if (delay > (this.worst?.delay ?? -1)) {
      this.worst = { observer, node, at: died, delay, bound: limit - died };
    }
  }

  available(node: number, at: number): void {
    this.stopped(node, at);
  }

  /** It is watched no more: its end is none to be found. */
  left(node: number, at: number): void {
    this.stopped(node, at);
    this.#diedAt[node] = Number.NaN;
  }

  /** Time for which running nodes were suspected, up to `at`. */
  mistakenUntil(at: number): number {
    let sum = this.#mistaken;
    for (const since of this.#mistakenSince) if (!Number.isNaN(since)) sum += at - since;
    return sum;
  }
}
