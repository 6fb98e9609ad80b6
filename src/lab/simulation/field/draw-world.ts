/** What a kind of field worlds is: a function from chance to a world. */
import type { Random } from '../random.js';
import type { SimulateOptions } from '../simulate-options.js';

/** What a kind draws its worlds from. */
export interface FieldDraw {
  readonly random: Random;
  /** About so many heartbeats at most. */
  readonly beats: number;
}

/** Draws one world of its kind; the seed and the guards are set by whoever asks. */
export type DrawWorld = (draw: FieldDraw) => Omit<SimulateOptions, 'seed'>;
