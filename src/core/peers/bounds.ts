/**
 * What every heartbeat is compared with, in one small array: in the rule nothing happened since the
 * last one, and a heartbeat within these bounds is recorded by a few instructions.
 *
 * The time of the heartbeat, a silence and its φ are handed over here as well: as parameter or
 * result of a function that is not inlined a number is boxed, which allocates.
 */

/** The time of the heartbeat that is recorded. */
export const AT = 0;
/** A peer whose last heartbeat lies before this instant takes the slow path; one without always does. */
export const SLOW_BEFORE = 1;
/** So does a heartbeat at or after this instant: this process was late, or it lies too far ahead. */
export const SLOW_FROM = 2;
/** What is added to a time of the clock: what it was set back by, less what it was set forward by. */
export const OFFSET = 3;
/** The silence whose φ a model is asked for, and that φ. */
export const SILENCE = 4;
export const PHI = 5;

export class Bounds {
  readonly f64 = Float64Array.of(Number.NaN, -Number.MAX_VALUE, Infinity, 0, 0, 0);

  get at(): number {
    return this.f64[AT];
  }

  set at(at: number) {
    this.f64[AT] = at;
  }

  get slowBefore(): number {
    return this.f64[SLOW_BEFORE];
  }

  set slowBefore(at: number) {
    this.f64[SLOW_BEFORE] = at;
  }

  get slowFrom(): number {
    return this.f64[SLOW_FROM];
  }

  set slowFrom(at: number) {
    this.f64[SLOW_FROM] = at;
  }

  get offset(): number {
    return this.f64[OFFSET];
  }

  set offset(by: number) {
    this.f64[OFFSET] = by;
  }
}

/** What a caller gave as a time; NaN for what is no number. */
export const timeOf = (at: number): number => (typeof at === 'number' ? at : Number.NaN);
