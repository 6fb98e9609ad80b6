/**
 * The calibrated model: what it learns, and φ from that.
 *
 * No distribution is fitted; nine quantiles of the silence are tracked instead, those that define
 * φ = 1, 1.5, … 5. A heartbeat that comes later than level j lifts it by η(1 − p_j), p_j = 10^−φ_j,
 * every other one lowers it by η·p_j: whatever the sequence, with a constant gain η the share of
 * heartbeats beyond a level tends to p_j (stochastic approximation, Robbins and Monro 1951; as in
 * online conformal inference, Gibbs and Candès 2021). So φ means what it says, on any network,
 * after about 3/p_j heartbeats; until then it is what the start says of it.
 *
 * A level is kept as the logarithm q_j of its excess over the expected time, in units U of the
 * cadence m. The excess begins LEAST_EXCESS after the cadence: a constant cadence has no excess to
 * learn, and timers are no better than that.
 *
 *   φ(silence) = 0.3·silence/m                          up to m
 *              = straight on from there to 1            at m + LEAST_EXCESS + U·e^q_1
 *              = through the points (q_j, φ_j)          in y = ln((silence − m − LEAST_EXCESS)/U)
 *              = 5 + (y − q_9)·4/ln 10                  beyond 5: a tail like 1/silence⁴, a guess
 *
 * Each piece rises and has a closed inverse.
 */
import { checkNumber, checkType } from './validate.js';

/** Levels: φ = 1, 1.5, … 5. */
const LEVELS = 9;
const TOP = 5;
const SHARES = Float64Array.from({ length: LEVELS }, (_, j) => 10 ** -(1 + j / 2));

/** Timers and schedulers are no more exact, in ms. */
const LEAST_EXCESS = 1;
/** φ of a silence as long as the cadence. */
const PHI_OF_CADENCE = 0.3;
/** Decades of silence per φ beyond the top. */
const TAIL = 4 / Math.LN10;

/** q_1 at the start, and the step from each level to the next. */
const FIRST = Math.log(0.15);
const STEP = Math.log(3);
/** y of a heartbeat that came before its excess began. */
const NO_EXCESS = -20.7;
const LOWEST = -7;
const LEAST_STEP = 0.002;
/** While a level is beyond all that was seen, it stays so close to the one below. */
const MOST_STEP_UNSEEN = 1;

const GAIN = 0.7;
const LEAST_GAIN = 0.05;
const MOST_GAIN = 0.5;
/** Above it the gain is the least; below, the most. */
const SETTLED = (GAIN / LEAST_GAIN) ** (4 / 3);
const UNSETTLED = (GAIN / MOST_GAIN) ** (4 / 3);

/** The cadence follows by this share, at least. */
const FOLLOW = 1 / 32;
/** So many heartbeats in a row that are half a period late or more: the cadence is another one. */
const RUN = 4;
/** A silence of so many periods is an outage: what comes in a burst after it was queued. */
const OUTAGE = 3;
/** Heartbeats that are kept in mind when the cadence is another one. */
const KEPT = 100;
const LEAST_CADENCE = 1e-6;
const LONGEST = 1e15;

// A record: doubles `f64[base + …]`.
/** m. */
const CADENCE = LEVELS;
/** U. */
const UNIT = 10;
/** Heartbeats learnt from; fewer after a change of cadence. */
const COUNT = 11;
/** Queued heartbeats that may still come. */
const DEBT = 12;
/** Words of the double that is used as two, `i32[2 * base + …]`. */
const HITS = 26;
const LATE_RUN = 27;
const SIZE = 16;

/** Up to which φ so many heartbeats tell what is true, from 0 to 5. */
export const supportedPhi = (heartbeats: number): number =>
  Math.min(Math.max(Math.log10(heartbeats / 3), 0), TOP);

/** What the calibrated model knows of a slab's peers; an entry is a record's number in the slab. */
export class QuantileLadders {
  readonly #f64: Float64Array;
  readonly #i32: Int32Array;

  constructor(records: number) {
    this.#f64 = new Float64Array(records * SIZE);
    this.#i32 = new Int32Array(this.#f64.buffer);
  }

  /** Begins anew, with an expected interval in ms. */
  begin(entry: number, interval: number): void {
    const base = entry * SIZE;
    const f64 = this.#f64;
    f64.fill(0, base, base + SIZE);
    for (let j = 0; j < LEVELS; j++) f64[base + j] = FIRST + (j / 2) * STEP;
    f64[base + CADENCE] = interval;
    f64[base + UNIT] = interval;
  }

  /** The expected time between heartbeats, in ms. */
  cadence(entry: number): number {
    return this.#f64[entry * SIZE + CADENCE];
  }

  /** Heartbeats learnt from. */
  count(entry: number): number {
    return this.#f64[entry * SIZE + COUNT];
  }

  /** Learns one interval, in ms. */
  learn(entry: number, interval: number): void {
    const base = entry * SIZE;
    const f64 = this.#f64;
    const i32 = this.#i32;
    const x = interval < LONGEST ? interval : LONGEST;
    const cadence = f64[base + CADENCE];
    const n = f64[base + COUNT] + 1;
    f64[base + COUNT] = n;
    const run = i32[2 * base + LATE_RUN];
    const changing = run >= RUN && x > 1.5 * cadence;
    if (!changing) this.#step(base, n, x - cadence - LEAST_EXCESS);
    const debt = f64[base + DEBT];
    if (debt > 0 && x < cadence / 2) {
      f64[base + DEBT] = debt - 1;
      return;
    }
    f64[base + DEBT] = x > OUTAGE * cadence ? (1.25 * x) / cadence + 4 : 0;
    this.#follow(base, n, x, cadence, run);
  }

  /** Moves the levels. */
  #step(base: number, n: number, excess: number): void {
    const f64 = this.#f64;
    const y = excess > 0 ? Math.log(excess / f64[base + UNIT]) : NO_EXCESS;
    const before = this.#i32[2 * base + HITS];
    let hits = 0;
    let below = 0;
    for (let j = 0; j < LEVELS; j++) {
      const share = SHARES[j];
      const seen = n * share;
      let gain = LEAST_GAIN;
      if (seen < UNSETTLED) gain = MOST_GAIN;
      else if (seen < SETTLED) {
        const root = Math.sqrt(seen);
        gain = GAIN / (root * Math.sqrt(root));
      }
      let q = f64[base + j];
      if (y > q) {
        const lift = gain * (1 - share);
        // Two in a row tell of one cause: together they lift no further than to what was seen.
        q += (before & (1 << j)) !== 0 && y - q < lift ? y - q : lift;
        hits |= 1 << j;
      } else q -= gain * share;
      if (j === 0) q = q > LOWEST ? q : LOWEST;
      else {
        if (seen < 1 && q > below + MOST_STEP_UNSEEN) q = below + MOST_STEP_UNSEEN;
        if (q < below + LEAST_STEP) q = below + LEAST_STEP;
      }
      f64[base + j] = q;
      below = q;
    }
    this.#i32[2 * base + HITS] = hits;
  }

  /** Moves the cadence. */
  #follow(base: number, n: number, x: number, cadence: number, run: number): void {
    const f64 = this.#f64;
    const most = cadence / 2;
    const late = x - cadence >= most;
    const error = late ? most : x - cadence > -most ? x - cadence : -most;
    const rate = run + +late >= RUN && late ? 0.5 : 1 / (n + 1) > FOLLOW ? 1 / (n + 1) : FOLLOW;
    this.#i32[2 * base + LATE_RUN] = late ? Math.min(run + 1, 1e9) : 0;
    const moved = Math.max(cadence + rate * error, LEAST_CADENCE);
    f64[base + CADENCE] = moved;
    const unit = f64[base + UNIT];
    if (moved >= unit / 2 && moved <= 2 * unit) return;
    f64[base + UNIT] = moved;
    f64[base + COUNT] = Math.min(n, KEPT);
  }

  /** φ of a silence in ms: ≥ 0, finite, rising. */
  phi(entry: number, silence: number): number {
    const base = entry * SIZE;
    const f64 = this.#f64;
    const cadence = f64[base + CADENCE];
    if (!(silence > cadence)) {
      return silence > 0 ? (PHI_OF_CADENCE * silence) / cadence : 0;
    }
    const excess = silence - cadence - LEAST_EXCESS;
    const y = excess > 0 ? Math.log(excess / f64[base + UNIT]) : -Infinity;
    let lower = f64[base];
    if (y < lower) {
      const first = LEAST_EXCESS + f64[base + UNIT] * Math.exp(lower);
      return PHI_OF_CADENCE + ((1 - PHI_OF_CADENCE) * (silence - cadence)) / first;
    }
    for (let j = 1; j < LEVELS; j++) {
      const upper = f64[base + j];
      if (y < upper) return 0.5 + (j + (y - lower) / (upper - lower)) / 2;
      lower = upper;
    }
    return TOP + (y - lower) * TAIL;
  }

  /** The silence in ms at which φ reaches `phi`; the inverse of {@link QuantileLadders.phi}. */
  silence(entry: number, phi: number): number {
    const base = entry * SIZE;
    const f64 = this.#f64;
    const cadence = f64[base + CADENCE];
    if (phi < PHI_OF_CADENCE) return (phi / PHI_OF_CADENCE) * cadence;
    const unit = f64[base + UNIT];
    if (phi < 1) {
      const first = LEAST_EXCESS + unit * Math.exp(f64[base]);
      return cadence + ((phi - PHI_OF_CADENCE) / (1 - PHI_OF_CADENCE)) * first;
    }
    let y = f64[base + LEVELS - 1] + (phi - TOP) / TAIL;
    if (phi < TOP) {
      const position = 2 * (phi - 1);
      const j = Math.floor(position);
      const lower = f64[base + j];
      y = lower + (position - j) * (f64[base + j + 1] - lower);
    }
    return cadence + LEAST_EXCESS + unit * Math.exp(y);
  }

  snapshot(entry: number): readonly number[] {
    const base = entry * SIZE;
    const words = [HITS, LATE_RUN].map((word) => this.#i32[2 * base + word]);
    return [...this.#f64.subarray(base, base + DEBT + 1), ...words];
  }

  /** @throws TypeError, RangeError for what is no snapshot */
  restore(entry: number, given: readonly number[]): void {
    const base = entry * SIZE;
    const fits = Array.isArray(given) && given.length === DEBT + 3;
    checkType('snapshot.ladder', `an array of ${DEBT + 3} numbers`, given, fits);
    given.forEach((value, i) => {
      const name = `snapshot.ladder[${i}]`;
      if (i < LEVELS) {
        const least = i === 0 ? LOWEST : given[i - 1] + LEAST_STEP / 2;
        checkNumber(name, value, { least, most: 1000 });
      } else if (i === CADENCE || i === UNIT) {
        checkNumber(name, value, { least: LEAST_CADENCE, most: 2 * LONGEST });
      } else {
        checkNumber(name, value, { least: 0, most: 1e300, integer: i > DEBT });
      }
    });
    this.#f64.set(given.slice(0, DEBT + 1), base);
    this.#i32[2 * base + HITS] = given[DEBT + 1];
    this.#i32[2 * base + LATE_RUN] = given[DEBT + 2];
  }
}
