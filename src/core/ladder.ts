/**
 * Which levels a peer has crossed, and when it crosses the next one. Instants are those of the clock,
 * moved by what was paused since the last heartbeat.
 *
 * Levels of φ alone are crossed in the order of φ: how many they are says which. Where levels by
 * silence are among them, the order is the peer's own, and changes with what is learnt: then the
 * record has the level that was crossed last, and the journal which ones are crossed.
 */

import {
  FLAGS,
  LAST,
  type PeerSlab,
  RECOVERED,
  RUNG_MASK,
  RUNG_SHIFT,
  STARTED,
  SUSPECT_AT,
} from './peer-slab.js';
import type { Profile } from './profile.js';
import { announced, instantOf, pausedSince } from './suspicion.js';

/** The first so many levels of a profile, as bits. */
const first = (count: number): number => ~(-1 << count);
/** The highest of some levels by the order of their profile, counted from 1; 0 for none. */
const highest = (levels: number): number => 32 - Math.clz32(levels);

/** The level that was crossed last and still is, counted from 1 in its profile; 0 for none. */
export function rungOf(slab: PeerSlab, row: number): number {
  return (slab.i32[2 * row + FLAGS] & RUNG_MASK) >> RUNG_SHIFT;
}

/** The levels that are crossed, as bits. */
export function crossedOf(slab: PeerSlab, row: number): number {
  const rung = rungOf(slab, row);
  if (rung === 0 || !slab.profile(row).mixed) return first(rung);
  return slab.journal?.crossed(row >> 3) ?? 0;
}

/** @param rung the level of `crossed` that was crossed last, counted from 1 */
export function setCrossed(slab: PeerSlab, row: number, crossed: number, rung: number): void {
  const i = 2 * row + FLAGS;
  slab.i32[i] = (slab.i32[i] & ~RUNG_MASK) | (rung << RUNG_SHIFT);
  if (crossed !== 0 && slab.profile(row).mixed) slab.writtenJournal().setCrossed(row >> 3, crossed);
}

/** The level that was crossed last and still is. */
export function levelOf(slab: PeerSlab, row: number): string | undefined {
  return slab.profile(row).rungs[rungOf(slab, row) - 1]?.name;
}

/** The names of the levels that are crossed. */
export function crossedNames(slab: PeerSlab, row: number): string[] {
  const crossed = crossedOf(slab, row);
  return slab
    .profile(row)
    .rungs.filter((_, i) => (crossed & (1 << i)) !== 0)
    .map(({ name }) => name);
}

export function isSuspect(slab: PeerSlab, row: number): boolean {
  const { suspectRung, mixed } = slab.profile(row);
  if (!mixed) return rungOf(slab, row) >= suspectRung;
  return (crossedOf(slab, row) & (1 << (suspectRung - 1))) !== 0;
}

/** The place in its profile of the level that the peer crosses next; their number for none. */
export function nextLevel(slab: PeerSlab, row: number): number {
  const { rungs, mixed } = slab.profile(row);
  if (!mixed) return rungOf(slab, row);
  const crossed = crossedOf(slab, row);
  let next = rungs.length;
  let earliest = Infinity;
  for (let i = 0; i < rungs.length; i++) {
    if ((crossed & (1 << i)) !== 0) continue;
    const at = instantOfLevel(slab, row, i);
    if (at < earliest) {
      next = i;
      earliest = at;
    }
  }
  return next;
}

/** When the peer crosses its next level, if silence goes on; Infinity for never, as while its links are down. */
export function crossesAt(slab: PeerSlab, row: number): number {
  const started = (slab.i32[2 * row + FLAGS] & STARTED) !== 0;
  if (!started) return Infinity;
  return instantOfLevel(slab, row, nextLevel(slab, row)) + pausedSince(slab, row, Infinity);
}

/** The places in their profile of the levels that are crossed, in the order of their crossings. */
export function crossedInOrder(slab: PeerSlab, row: number): readonly number[] {
  const { rungs, suspectRung, mixed } = slab.profile(row);
  const crossed = crossedOf(slab, row);
  const all = Array.from(rungs.keys()).filter((i) => (crossed & (1 << i)) !== 0);
  if (!mixed) return all;
  // A suspicion that outlasts a heartbeat began before the present silence.
  const outlasted = isSuspect(slab, row) && slab.coldI32[row + RECOVERED] > 0 ? suspectRung : 0;
  const instants = rungs.map((_, i) => (i < outlasted ? -Infinity : instantOfLevel(slab, row, i)));
  return all.sort((a, b) => instants[a] - instants[b] || a - b);
}

/** Which of the levels that were crossed still are, by φ, after a heartbeat at `at`; as bits. */
export function crossedAfter(slab: PeerSlab, row: number, at: number, crossed: number): number {
  const silent = at - pausedSince(slab, row, at);
  let count = 0;
  while ((crossed & (1 << count)) !== 0 && instantOfLevel(slab, row, count) <= silent) count++;
  return first(count);
}

/** The levels that are crossed as long as the peer is suspected: itself and those before it; as bits. */
export const crossedWithSuspicion = ({ suspectRung }: Profile): number => first(suspectRung);

/**
 * The peer has other levels from now on: it keeps those that it has crossed, by name, and if it was
 * suspected it still is. What else is crossed is said when it is next due.
 *
 * @param level the one that was crossed last
 */
export function keepCrossed(
  slab: PeerSlab,
  row: number,
  names: readonly (string | undefined)[],
  level: string | undefined,
  suspected: boolean,
): void {
  const profile = slab.profile(row);
  const { rungs, suspectRung, mixed } = profile;
  const isOpen = (i: number) => suspected || i < suspectRung - 1 || rungs[i].silence < Infinity;
  let crossed = 0;
  let rung = 0;
  rungs.forEach(({ name }, i) => {
    if (!isOpen(i)) return;
    if (names.includes(name)) crossed |= 1 << i;
    if (name === level) rung = i + 1;
  });
  if (rung === 0) rung = highest(crossed);
  if (suspected) {
    crossed |= crossedWithSuspicion(profile);
    if (rung < suspectRung) rung = suspectRung;
  }
  setCrossed(slab, row, mixed ? crossed : first(rung), rung);
}

/** When the peer crosses a level of its profile, if silence goes on and nothing is paused. */
function instantOfLevel(slab: PeerSlab, row: number, i: number): number {
  const { rungs, suspectRung, mixed } = slab.profile(row);
  const suspectAt = slab.f64[row + SUSPECT_AT];
  if (i + 1 === suspectRung) return suspectAt;
  if (i === rungs.length) return Infinity;
  const { phi, silence } = rungs[i];
  let instant = phi < Infinity ? instantOf(slab, row, rungs[i]) : Infinity;
  // What ends a peer's availability at once has crossed the levels before it as well.
  if (i < suspectRung) instant = Math.min(instant, suspectAt);
  if (!mixed) return instant;
  // Where another rule decides on the suspicion, no higher φ comes before it.
  if (i >= suspectRung) instant = Math.max(instant, suspectAt);
  return Math.min(instant, slab.f64[row + LAST] + announced(slab, row) + silence);
}
