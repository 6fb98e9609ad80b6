/**
 * Worlds after reports from the field: a kind is a file beside this one, and a line here, in the
 * order of the alphabet. Which kind a seed draws changes with each new one; ask for a kind by name
 * where that matters.
 */
import { alternating } from './alternating.js';
import { clocks } from './clocks.js';
import type { DrawWorld } from './draw-world.js';
import { farewells } from './farewells.js';
import { groups } from './groups.js';
import { naps } from './naps.js';
import { pauses } from './pauses.js';
import { redundant } from './redundant.js';
import { resonance } from './resonance.js';
import { staggered } from './staggered.js';
import { stamps } from './stamps.js';

/** The kinds of worlds after reports from the field, by name. */
export const FIELD_KINDS = {
  alternating,
  clocks,
  farewells,
  groups,
  naps,
  pauses,
  redundant,
  resonance,
  staggered,
  stamps,
} satisfies Readonly<Record<string, DrawWorld>>;

export type FieldKind = keyof typeof FIELD_KINDS;
