/**
 * How far up its levels a peer is, and when it climbs on. Instants are those of the clock, moved by
 * what was paused since the last heartbeat.
 */

import { FLAGS, type PeerSlab, RUNG_MASK, RUNG_SHIFT, STARTED, SUSPECT_AT } from './peer-slab.js';
import { instantOf, pausedSince } from './suspicion.js';

/** How many rungs of its ladder the peer has climbed. */
export function rungOf(slab: PeerSlab, row: number): number {
  return (slab.i32[2 * row + FLAGS] & RUNG_MASK) >> RUNG_SHIFT;
}

export function setRung(slab: PeerSlab, row: number, rung: number): void {
  const i = 2 * row + FLAGS;
  slab.i32[i] = (slab.i32[i] & ~RUNG_MASK) | (rung << RUNG_SHIFT);
}

/** The highest level that was said to be crossed. */
export function levelOf(slab: PeerSlab, row: number): string | undefined {
  return slab.profile(row).rungs[rungOf(slab, row) - 1]?.name;
}

export function isSuspect(slab: PeerSlab, row: number): boolean {
  return rungOf(slab, row) >= slab.profile(row).suspectRung;
}

/** When the peer climbs on, if silence goes on; Infinity for never, as while its link is down. */
export function climbsAt(slab: PeerSlab, row: number): number {
  const started = (slab.i32[2 * row + FLAGS] & STARTED) !== 0;
  if (!started) return Infinity;
  return instantOfRung(slab, row, rungOf(slab, row)) + pausedSince(slab, row, Infinity);
}

/** How many of the first `most` rungs are crossed at `at`. */
export function crossedBy(slab: PeerSlab, row: number, at: number, most: number): number {
  const silent = at - pausedSince(slab, row, at);
  let crossed = 0;
  while (crossed < most && instantOfRung(slab, row, crossed) <= silent) crossed++;
  return crossed;
}

/** When the peer climbs from `rung` to the next, if silence goes on and nothing is paused. */
function instantOfRung(slab: PeerSlab, row: number, rung: number): number {
  const { rungs, suspectRung } = slab.profile(row);
  if (rung + 1 === suspectRung) return slab.f64[row + SUSPECT_AT];
  if (rung === rungs.length) return Infinity;
  const instant = instantOf(slab, row, rungs[rung]);
  // What ends a peer's availability at once has crossed the levels before it as well.
  return rung < suspectRung ? Math.min(instant, slab.f64[row + SUSPECT_AT]) : instant;
}
