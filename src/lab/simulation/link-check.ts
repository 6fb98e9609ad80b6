/**
 * The links by which an observer hears: their outages that its detector is told of, and by which of
 * them each node was heard of late. Silence counts while one of those is up, and not else.
 */
import { Pauses } from './pauses.js';

/** A link by which a node was heard within so many intervals before the last time counts for sure, */
const COUNTS = 2;
/** and one by which it was not within so many does not. */
const FORGOTTEN = 6;

export class LinkCheck {
  readonly count: number;
  readonly #outages: Pauses[];
  /** Outages in force, by link. */
  readonly #down: Int32Array;
  /** When a node was last heard by a link, at `node * count + link`. */
  readonly #heardAt: Float64Array;
  /** The longest outage of any of them. */
  longest = 0;

  constructor(nodes: number, count: number) {
    this.count = count;
    this.#outages = Array.from({ length: count }, () => new Pauses());
    this.#down = new Int32Array(count);
    this.#heardAt = new Float64Array(nodes * count).fill(-Infinity);
  }

  /** @returns whether that is news: the link was up */
  begin(link: number, now: number, until: number): boolean {
    this.#outages[link].add(now, until);
    this.longest = Math.max(this.longest, until - now);
    return this.#down[link]++ === 0;
  }

  /** @returns whether the link is up now */
  end(link: number): boolean {
    return --this.#down[link] === 0;
  }

  isDown(link: number): boolean {
    return this.#down[link] > 0;
  }

  /** Whether any was down of late. */
  wasDown(from: number, to: number): boolean {
    return this.#outages.some((outages, i) => this.isDown(i) || outages.between(from, to) > 0);
  }

  heard(node: number, link: number, at: number): void {
    this.#heardAt[node * this.count + link] = at;
  }

  /** Whether silence does not count for sure: all links by which the node may be heard are down. */
  isHeld(node: number, interval: number): boolean {
    const links = this.#since(node, FORGOTTEN * interval);
    return links.length > 0 && links.every((link) => this.isDown(link));
  }

  /** How much of the silence since `last` does not count, at most. */
  paused(node: number, last: number, now: number, interval: number): number {
    const links = this.#since(node, COUNTS * interval);
    const each = links.map((link) => this.#outages[link].between(last, now));
    return each.length > 0 ? Math.min(...each) : 0;
  }

  /** The links by which the node was heard within `ms` before it was heard last. */
  #since(node: number, ms: number): number[] {
    const base = node * this.count;
    const heardAt = this.#heardAt.subarray(base, base + this.count);
    const last = Math.max(...heardAt);
    if (last === -Infinity) return [];
    return [...heardAt.keys()].filter((link) => heardAt[link] >= last - ms);
  }
}
