/**
 * Nodes that leave on purpose: one `left`, and nothing more of them but by a later incarnation, which
 * is heard at once.
 */
import type { HeartbeatOutcome } from '../../core/heartbeat.js';

/** So long after the last of its heartbeats an incarnation that left is remembered, in ms. */
const REMEMBERED = 60_000;

export class FarewellCheck {
  /** The incarnation that left, by node; NaN for those that are watched. */
  readonly #left: Float64Array;
  /** Until when its heartbeats are refused for sure. */
  readonly #until: Float64Array;
  /** Events `left` during the present call. */
  #told = 0;

  constructor(nodes: number) {
    this.#left = new Float64Array(nodes).fill(Number.NaN);
    this.#until = new Float64Array(nodes);
  }

  hasLeft(node: number): boolean {
    return !Number.isNaN(this.#left[node]);
  }

  /** Event `left` of the node; what is wrong with it. */
  told(leaving: boolean): string | undefined {
    this.#told++;
    return leaving ? undefined : 'left without a farewell';
  }

  /**
   * A farewell was read; what is wrong with what the detector did.
   *
   * @param newest the latest incarnation that was heard
   * @param done what `leave()` returned
   */
  leave(node: number, at: number, incarnation: number, newest: number, done: boolean) {
    const due = !this.hasLeft(node) && incarnation >= newest;
    const told = this.#told;
    this.#told = 0;
    if (due || this.hasLeft(node)) {
      this.#left[node] = Math.max(incarnation, this.#left[node] || 0, newest);
      this.#until[node] = at + REMEMBERED;
    }
    const right = done === due && told === (due ? 1 : 0);
    return right ? undefined : `leave() returned ${done}, ${told} events left`;
  }

  /** A heartbeat was read of a node that has left; what is wrong with its outcome. */
  heard(node: number, at: number, incarnation: number, outcome: HeartbeatOutcome) {
    const left = this.#left[node];
    const accepted = outcome === 'accepted';
    const isStraggler = incarnation <= left;
    const remembered = at < this.#until[node];
    if (accepted) this.#left[node] = Number.NaN;
    else if (isStraggler) this.#until[node] = at + REMEMBERED;
    if (isStraggler && accepted && remembered) return `brought back by incarnation ${incarnation}`;
    if (!isStraggler && !accepted) return `incarnation ${incarnation} is ${outcome} after ${left}`;
    return undefined;
  }
}
