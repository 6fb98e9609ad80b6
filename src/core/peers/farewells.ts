/**
 * Who left on purpose of late. Heartbeats that were under way meanwhile must not be taken for a new
 * peer. Bounded in time and in number; the oldest are forgotten first.
 */
import { type HeartbeatInfo, isCount } from '../heartbeat.js';

/** So long after the last of its heartbeats an incarnation that left is remembered, in ms. */
const REMEMBERED = 60_000;
/** Without incarnations: as long as it would have taken to suspect the peer, within these, in ms. */
const SHORTEST = 1000;
const LONGEST = 60_000;
const MOST = 16_384;

interface Left {
  readonly incarnation: number | undefined;
  /** Until then a heartbeat without an incarnation is one of the peer that left. */
  readonly doubtfulUntil: number;
  readonly until: number;
}

export class Farewells<Id> {
  readonly #left = new Map<Id, Left>();

  /** @param patience how long it would have taken to suspect the peer */
  remember(id: Id, incarnation: number | undefined, now: number, patience: number): void {
    const before = this.take(id);
    const doubtful = now + Math.min(Math.max(patience, SHORTEST), LONGEST);
    const highest = Math.max(incarnation ?? -1, before ?? -1);
    this.#left.set(id, {
      incarnation: highest < 0 ? undefined : highest,
      doubtfulUntil: doubtful,
      until: highest < 0 ? doubtful : now + REMEMBERED,
    });
    for (const [each, { until }] of this.#left) {
      if (until > now && this.#left.size <= MOST) break;
      this.#left.delete(each);
    }
  }

  /** Why a heartbeat of a peer that is not watched is refused; undefined if it is not. */
  refuses(
    id: Id,
    info: HeartbeatInfo | undefined,
    now: number,
  ): 'stale-incarnation' | 'refused' | undefined {
    const left = this.#left.size === 0 ? undefined : this.#left.get(id);
    if (left === undefined) return undefined;
    const { incarnation } = info ?? {};
    if (left.incarnation === undefined || !isCount(incarnation)) {
      return now < left.doubtfulUntil ? 'refused' : undefined;
    }
    if (incarnation > left.incarnation || now >= left.until) return undefined;
    this.#left.delete(id); // to the end of the line
    this.#left.set(id, { ...left, until: now + REMEMBERED });
    return 'stale-incarnation';
  }

  /** The peer is watched again: the incarnation that left is returned, and forgotten. */
  take(id: Id): number | undefined {
    const left = this.#left.get(id);
    if (left !== undefined) this.#left.delete(id);
    return left?.incarnation;
  }
}
