/**
 * Who counts, and how many of them may be missing: the one place in which shares are compared.
 *
 * The population of a service are its members but for those that said themselves, or whose operator
 * said, that they take no traffic (draining, not ready), those that wait for their first proof, and
 * those whose death is confirmed: see confirmation.ts. It is the same in every ratio, in every
 * decision and in what a panic routes to: where these differ, a wave of new or draining members turns
 * protection on or off by itself. Only a panic does not count who has been dead for long: see there.
 */
import type { InstanceStatus } from './instance.js';

/** How many of a population there are, may be routed to, and are silent. */
export interface Census {
  readonly n: number;
  /** Routable for their own sake, less or more. */
  readonly available: number;
  /** Dead, or zombies. */
  readonly down: number;
}

/** Statuses of who is not heard, or not by the signal that counts. */
export const isDown = (status: InstanceStatus): boolean => status === 'dead' || status === 'zombie';

/** By status: the weight of who is routed to, and nothing for who is not. */
export const WEIGHTS: Readonly<Partial<Record<InstanceStatus, number>>> = {
  available: 1,
  'probe-failing': 1,
  overloaded: 0.5,
  critical: 0.25,
};

/** How far above its entry a panic is left, in percent: a share at the edge must not toggle it. */
const LEAVE = 10;

/**
 * Whether to panic: below `below` percent, not at it; once in it, up to 10 above. A single missing
 * member must not hold a panic: one of two, which is not below 50 percent, ends it.
 */
export function panics({ n, available }: Census, below: number, already: boolean): boolean {
  if (n === 0 || below === 0) return false;
  const share = (100 * available) / n;
  if (share < below) return true;
  return already && share < Math.min(below + LEAVE, 100) && available < n - 1;
}

/** The share of a population that has to be heard before more than a few may be removed. */
export const HEARD = 0.85;
/** The share of it, in percent, at which nobody is removed any more, and from how many on. */
const STOP = 55;
const STOP_ABOVE = 2;

/** How many of a population one sweep may remove: 1 of 1 and 6, 2 of 7, 3 of 20, 15 of 100. */
export const removable = (n: number): number => Math.max(1, n - Math.trunc(HEARD * n));

/** Why nobody of a population may be removed, undefined if somebody may. */
export function freezes(
  { n, down }: Census,
  heartbeats: { readonly received: number; readonly expected: number },
): 'too-many-down' | 'too-few-heartbeats' | undefined {
  if (down > STOP_ABOVE && 100 * down >= STOP * n) return 'too-many-down';
  const heard = heartbeats.received > HEARD * heartbeats.expected;
  return heard || down <= removable(n) ? undefined : 'too-few-heartbeats';
}
