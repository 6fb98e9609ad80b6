/**
 * The levels of φ at which the calibrated model tracks the silence, and how fast it does: the same
 * for all peers of a profile.
 *
 * They are φ = 1, 1.5, … 5, but the one next to the threshold, which takes the threshold's place:
 * what decides is tracked itself, not read between two others.
 */

export const LEVELS = 9;
/** φ of the highest, unless a wish asks for a higher one. */
export const TOP = 5;

/** A level starts at 0.15 of the cadence for φ = 1, three times as much for each φ more. */
const FIRST = Math.log(0.15);
const SLOPE = Math.log(3);
const GAIN = 0.7;
/** ln of the least excess where there is none; what is constant must not fall for ever. */
const NO_FLOOR = -20;

/**
 * The least excess in ms: 0.1 at φ = 1, ten times as much for each two φ, 1 from φ = 3 on. Timers
 * and schedulers are no more exact, and a constant cadence has no excess to learn from.
 */
const leastExcess = (phi: number): number => Math.min(1, 0.1 * 10 ** ((phi - 1) / 2));

export class QuantileLevels {
  /** Rising. */
  readonly phi = Float64Array.from({ length: LEVELS }, (_, j) => 1 + j / 2);
  /** 10^−φ. */
  readonly share: Float64Array;
  /** A level's gain is this times (heartbeats)^−0.75, within limits. */
  readonly gain: Float64Array;
  /** ln of the least excess in ms. */
  readonly least: Float64Array;
  /** ln of the excess in cadences, at the start. */
  readonly start: Float64Array;
  /** How far a level may lie above the one below while nothing was seen beyond it. */
  readonly most = new Float64Array(LEVELS).fill(1);
  /** Which level the threshold is; −1 for none. */
  readonly decisive: number = -1;
  /** Which level falls by time, not by heartbeats; −1 for none. */
  readonly timed: number = -1;
  /** The share by which it falls for each ms. */
  readonly perMs: number = 0;

  constructor(
    readonly threshold: number,
    mistakesPerHour?: number,
    /** Of a cohort, whose unit is each peer's own cadence: a floor in ms is the peer's, too. */
    ofCohort = false,
  ) {
    const { phi } = this;
    const wished = mistakesPerHour !== undefined;
    if (threshold >= 1 && (threshold <= TOP || wished)) {
      let next = 0;
      for (let j = 1; j < LEVELS; j++) {
        if (Math.abs(phi[j] - threshold) < Math.abs(phi[next] - threshold)) next = j;
      }
      // The lowest stays, and the highest, unless the threshold lies beyond.
      if (next === 0 && threshold > 1) next = 1;
      if (next === LEVELS - 1 && threshold < TOP) next--;
      phi[next] = threshold;
      this.decisive = next;
      if (threshold > TOP) this.most[next] = 2 * (threshold - phi[next - 1]);
      if (wished) {
        this.timed = next;
        this.perMs = mistakesPerHour / 3.6e6;
      }
    }
    this.share = phi.map((each) => 10 ** -each);
    this.gain = this.share.map((share) => GAIN * share ** -0.75);
    this.least = phi.map((each) => (ofCohort ? NO_FLOOR : Math.log(leastExcess(each))));
    this.start = phi.map((each) => FIRST + (each - 1) * SLOPE);
  }
}
