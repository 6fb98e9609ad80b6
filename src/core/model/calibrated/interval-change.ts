/**
 * When a peer of the calibrated model sends at another interval. Silences that would be suspicions
 * and agree with each other are the new interval after three of them: the levels alone would need
 * many more, each a mistake. The interval of before is remembered, for peers that alternate (a
 * sensor by day and by night): one suspicion is enough to know it again when it is the longer one,
 * and three heartbeats in a row when it is the shorter one, as a single one may be a repetition.
 */

/** Silences beyond the threshold in a row that agree: a new interval. */
const ENOUGH = 3;
/** They agree within this factor, as the candidates of the window do. */
const AGREEMENT = 3;
/** An interval is the remembered one within this factor, */
const SAME = 1.25;
/** and worth remembering if it is another one by this factor. */
const OTHER = 1.5;

/** How many numbers {@link IntervalChange.state} has. */
export const CHANGE_NUMBERS = 7;

const isNear = (a: number, b: number, factor: number): boolean =>
  a <= factor * b && b <= factor * a;

export class IntervalChange {
  /** The interval of before, in ms; 0 for none. */
  other = 0;
  /** Silences in a row beyond the threshold that agree. */
  #late = 0;
  #sum = 0;
  #shortest = 0;
  #longest = 0;
  /** Heartbeats in a row at the shorter interval of before. */
  #back = 0;
  /** The interval when either row began: what is learnt follows the row, and is not worth keeping. */
  #before = 0;

  /**
   * Takes in an interval, in ms.
   *
   * @param isBeyond whether it was longer than the silence at the threshold
   * @returns the interval from now on, `current` if it is the same
   */
  observe(interval: number, current: number, isBeyond: boolean): number {
    const isKnown = this.other > 0 && isNear(interval, this.other, SAME);
    const isBack = isKnown && interval < current;
    if (this.#late === 0 && this.#back === 0) this.#before = current;
    this.#back = isBack ? this.#back + 1 : 0;
    if ((isBeyond && isKnown) || this.#back >= ENOUGH) return this.#changed(this.other);
    if (!isBeyond) {
      this.#late = 0;
      return current;
    }
    const shortest = Math.min(this.#shortest, interval);
    const longest = Math.max(this.#longest, interval);
    const agrees = this.#late > 0 && isNear(shortest, longest, AGREEMENT);
    this.#late = agrees ? this.#late + 1 : 1;
    this.#sum = agrees ? this.#sum + interval : interval;
    this.#shortest = agrees ? shortest : interval;
    this.#longest = agrees ? longest : interval;
    return this.#late >= ENOUGH ? this.#changed(this.#sum / this.#late) : current;
  }

  /** All of it as it stands, for {@link restored}. */
  get state(): readonly number[] {
    const sums = [this.#sum, this.#shortest, this.#longest];
    return [this.other, this.#before, this.#late, ...sums, this.#back];
  }

  static restored(state: readonly number[]): IntervalChange {
    const change = new IntervalChange();
    [change.other, change.#before, change.#late] = state;
    [, , , change.#sum, change.#shortest, change.#longest, change.#back] = state;
    return change;
  }

  /** Nothing is worth keeping. */
  get isOver(): boolean {
    return this.other === 0 && this.#late === 0;
  }

  #changed(interval: number): number {
    if (!isNear(interval, this.#before, OTHER)) this.other = this.#before;
    this.#late = 0;
    this.#back = 0;
    return interval;
  }
}
