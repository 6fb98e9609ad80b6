/**
 * The calibrated model: what it learns, and φ from that.
 *
 * No distribution is fitted; nine quantiles of the silence are tracked instead, those that define
 * the levels of φ. A heartbeat that comes later than level j lifts it by η(1 − p_j), p_j = 10^−φ_j,
 * every other one lowers it by η·p_j: whatever the sequence, with a constant gain η the share of
 * heartbeats beyond a level tends to p_j (stochastic approximation, Robbins and Monro 1951; as in
 * online conformal inference, Gibbs and Candès 2021). So φ means what it says, on any network,
 * after about 3/p_j heartbeats; until then it is what the start says of it. Where a rate of mistakes
 * is wished, the level at the threshold is lowered by what is wished of the time that passed: then
 * it is the rate in time that is kept, whatever the cadence.
 *
 * A level is kept as the logarithm q_j of its excess over the cadence m, in units U that follow m.
 *
 *   φ(silence) = 0.3·silence/m                      up to m
 *              = straight on from there to 1        at m + U·e^q_1
 *              = through the points (q_j, φ_j)      in y = ln((silence − m)/U)
 *              = φ_9 + (y − q_9)·4/ln 10            beyond: a tail like 1/silence⁴, a guess
 *
 * Each piece rises and has a closed inverse. What else was tried is in docs/models.md.
 */
import { LEVELS, type QuantileLevels, TOP } from './quantile-levels.js';
import { checkNumber, checkObject, checkRange, checkType } from './validate.js';

/** φ of a silence as long as the cadence. */
const PHI_OF_CADENCE = 0.3;
/** φ for each factor e of excess beyond the top. */
const TAIL = 4 / Math.LN10;
/** y of a heartbeat without excess. */
const NO_EXCESS = -50;
const LEAST_STEP = 0.002;

const LEAST_GAIN = 0.05;
const MOST_GAIN = 0.7;
/** Seen so often, a level is its own: what lifts the one below does not push it. */
const SEEN = 3;
/** Cadences that a silence may lower the level that falls by time for. */
const LONGEST_FALL = 100;

/** The cadence follows by this share, at least. */
const FOLLOW = 1 / 32;
/** So many heartbeats in a row that are half a period late or more: the cadence is another one. */
const RUN = 4;
/** A silence of so many periods is an outage: what comes in a burst after it was queued. */
const OUTAGE = 3;
/** Heartbeats that count when the cadence is another one. */
const KEPT = 100;
const LEAST_CADENCE = 1e-6;
const LONGEST = 1e15;

// A record: doubles `f64[base + …]`, after the levels.
/** m. */
const CADENCE = LEVELS;
/** U, and its logarithm. */
const UNIT = 10;
const LOG_UNIT = 11;
/** Heartbeats learnt from; fewer after a change of cadence. */
const COUNT = 12;
/** Queued heartbeats that may still come. */
const DEBT = 13;
// Words `i32[2 * base + …]`.
/** Which levels the last heartbeat exceeded, as bits. */
const HITS = 28;
const LATE_RUN = 29;
const SIZE = 16;

/** Up to which φ so many heartbeats tell what is true, from 0 to 5. */
export const supportedPhi = (heartbeats: number): number =>
  Math.min(Math.max(Math.log10(heartbeats / 3), 0), TOP);

/** What the calibrated model learnt about a peer, as plain JSON. */
export interface LadderSnapshot {
  /** φ of the levels. */
  readonly levels: readonly number[];
  /** ln of their excess over the cadence, in units. */
  readonly quantiles: readonly number[];
  /** In ms. */
  readonly cadence: number;
  readonly unit: number;
  readonly heartbeats: number;
  readonly queued: number;
  readonly lateRun: number;
  /** The levels that the last heartbeat exceeded, as bits. */
  readonly hits: number;
}

/** What the calibrated model knows of a slab's peers; an entry is a record's number in the slab. */
export class QuantileLadders {
  readonly #f64: Float64Array;
  readonly #i32: Int32Array;

  constructor(records: number) {
    this.#f64 = new Float64Array(records * SIZE);
    this.#i32 = new Int32Array(this.#f64.buffer);
  }

  /** Begins anew, with an expected interval in ms. */
  begin(entry: number, { start }: QuantileLevels, interval: number): void {
    const base = entry * SIZE;
    this.#f64.fill(0, base, base + SIZE);
    this.#f64.set(start, base);
    this.#f64[base + CADENCE] = interval;
    this.#f64[base + UNIT] = interval;
    this.#f64[base + LOG_UNIT] = Math.log(interval);
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
  learn(entry: number, levels: QuantileLevels, interval: number): void {
    const base = entry * SIZE;
    const f64 = this.#f64;
    const i32 = this.#i32;
    const x = interval < LONGEST ? interval : LONGEST;
    const cadence = f64[base + CADENCE];
    const n = f64[base + COUNT] + 1;
    f64[base + COUNT] = n;
    let run = i32[2 * base + LATE_RUN];
    // While the cadence changes, what is late by it tells nothing of the levels.
    if (!(run >= RUN && x > 1.5 * cadence)) this.#step(base, levels, n, x, cadence);

    const debt = f64[base + DEBT];
    const outage = x > OUTAGE * cadence;
    if (!outage && debt > 0 && x < cadence / 2) {
      f64[base + DEBT] = debt > 1 ? debt - 1 : 0;
      return;
    }
    if (outage) f64[base + DEBT] = (1.25 * x) / cadence + 4;
    else if (debt > 0) f64[base + DEBT] = 0;

    const most = cadence / 2;
    let error = x - cadence;
    if (error >= most) {
      error = most;
      if (run < 1e9) run++;
    } else {
      run = 0;
      if (error < -most) error = -most;
    }
    i32[2 * base + LATE_RUN] = run;
    let rate = 1 / (n + 1);
    if (run >= RUN) rate = 0.5;
    else if (rate < FOLLOW) rate = FOLLOW;
    const moved = cadence + rate * error;
    f64[base + CADENCE] = moved > LEAST_CADENCE ? moved : LEAST_CADENCE;
    const unit = f64[base + UNIT];
    if (moved < unit / 2 || moved > 2 * unit) this.#rescale(base, n);
  }

  /** Moves the levels. */
  #step(base: number, levels: QuantileLevels, n: number, x: number, cadence: number): void {
    const { share: shares, gain: gains, least, most, timed, perMs } = levels;
    const f64 = this.#f64;
    const logUnit = f64[base + LOG_UNIT];
    const y = x > cadence ? Math.log(x - cadence) - logUnit : NO_EXCESS;
    const before = this.#i32[2 * base + HITS];
    const slowing = 1 / Math.sqrt(n * Math.sqrt(n)); // n^−0.75
    let hits = 0;
    let below = 0;
    for (let j = 0; j < LEVELS; j++) {
      const share = shares[j];
      let gain = gains[j] * slowing;
      gain = gain < LEAST_GAIN ? LEAST_GAIN : gain > MOST_GAIN ? MOST_GAIN : gain;
      let fall = share;
      if (j === timed) {
        fall = perMs * (x < LONGEST_FALL * cadence ? x : LONGEST_FALL * cadence);
        if (fall > 0.5) fall = 0.5;
      }
      const old = f64[base + j];
      let q = old;
      if (y > q) {
        let lift = gain * (1 - fall);
        // Two in a row have one cause: the second lifts no further than to what was seen.
        if ((before & (1 << j)) !== 0 && lift > y - q) lift = y - q;
        q += lift;
        hits |= 1 << j;
        if (j + 1 < LEVELS && n * shares[j + 1] >= SEEN) {
          const above = f64[base + j + 1];
          const limit = above - LEAST_STEP > old ? above - LEAST_STEP : old;
          if (y <= above && q > limit) q = limit;
        }
      } else q -= gain * fall;
      if (q < least[j] - logUnit) q = least[j] - logUnit;
      if (j > 0) {
        // Nothing was seen beyond it: the start must not hold it far off.
        if (n * share < 1 && q > below + most[j]) q = below + most[j];
        if (q < below + LEAST_STEP) q = below + LEAST_STEP;
      }
      f64[base + j] = q;
      below = q;
    }
    this.#i32[2 * base + HITS] = hits;
  }

  /** The cadence is another one, and so is its unit. */
  #rescale(base: number, n: number): void {
    const f64 = this.#f64;
    f64[base + UNIT] = f64[base + CADENCE];
    f64[base + LOG_UNIT] = Math.log(f64[base + UNIT]);
    f64[base + COUNT] = n < KEPT ? n : KEPT;
  }

  /** φ of a silence in ms: ≥ 0, rising. */
  phi(entry: number, { phi }: QuantileLevels, silence: number): number {
    const base = entry * SIZE;
    const f64 = this.#f64;
    const cadence = f64[base + CADENCE];
    const excess = silence - cadence;
    if (!(excess > 0)) return silence > 0 ? (PHI_OF_CADENCE * silence) / cadence : 0;
    const y = Math.log(excess) - f64[base + LOG_UNIT];
    let lower = f64[base];
    if (!(y > lower)) {
      const first = f64[base + UNIT] * Math.exp(lower);
      return PHI_OF_CADENCE + ((phi[0] - PHI_OF_CADENCE) * excess) / first;
    }
    for (let j = 1; j < LEVELS; j++) {
      const upper = f64[base + j];
      if (y < upper) return phi[j - 1] + (phi[j] - phi[j - 1]) * ((y - lower) / (upper - lower));
      lower = upper;
    }
    return phi[LEVELS - 1] + (y - lower) * TAIL;
  }

  /** The silence in ms at which φ reaches `level`; the inverse of {@link QuantileLadders.phi}. */
  silence(entry: number, { phi }: QuantileLevels, level: number): number {
    const base = entry * SIZE;
    const f64 = this.#f64;
    const cadence = f64[base + CADENCE];
    if (level < PHI_OF_CADENCE) return (level / PHI_OF_CADENCE) * cadence;
    if (level < phi[0]) {
      const share = (level - PHI_OF_CADENCE) / (phi[0] - PHI_OF_CADENCE);
      return cadence + share * f64[base + UNIT] * Math.exp(f64[base]);
    }
    return cadence + f64[base + UNIT] * Math.exp(this.#quantile(base, phi, level));
  }

  /** The silence in ms at which φ reaches the threshold. */
  tolerated(entry: number, levels: QuantileLevels): number {
    const { decisive, threshold } = levels;
    if (decisive < 0) return this.silence(entry, levels, threshold);
    const base = entry * SIZE;
    const f64 = this.#f64;
    return f64[base + CADENCE] + f64[base + UNIT] * Math.exp(f64[base + decisive]);
  }

  /** ln of the excess at a level that is not below the first. */
  #quantile(base: number, phi: ArrayLike<number>, level: number): number {
    const f64 = this.#f64;
    const last = LEVELS - 1;
    if (level >= phi[last]) return f64[base + last] + (level - phi[last]) / TAIL;
    let j = 0;
    while (level >= phi[j + 1]) j++;
    const lower = f64[base + j];
    return lower + ((level - phi[j]) / (phi[j + 1] - phi[j])) * (f64[base + j + 1] - lower);
  }

  /** What was learnt of other levels, read at these. */
  relevel(entry: number, from: ArrayLike<number>, { phi }: QuantileLevels): void {
    const base = entry * SIZE;
    const moved = phi.map((level) => this.#quantile(base, from, level));
    for (let j = 1; j < LEVELS; j++) moved[j] = Math.max(moved[j], moved[j - 1] + LEAST_STEP);
    this.#f64.set(moved, base);
    this.#i32[2 * base + HITS] = 0;
  }

  snapshot(entry: number, { phi }: QuantileLevels): LadderSnapshot {
    const base = entry * SIZE;
    const f64 = this.#f64;
    return {
      levels: [...phi],
      quantiles: [...f64.subarray(base, base + LEVELS)],
      cadence: f64[base + CADENCE],
      unit: f64[base + UNIT],
      heartbeats: f64[base + COUNT],
      queued: f64[base + DEBT],
      lateRun: this.#i32[2 * base + LATE_RUN],
      hits: this.#i32[2 * base + HITS],
    };
  }

  /** @throws TypeError, RangeError that name the part, what was expected and what came */
  restore(entry: number, levels: QuantileLevels, given: LadderSnapshot): void {
    checkObject('snapshot.ladder', given);
    const name = (part: string) => `snapshot.ladder.${part}`;
    const number = (part: keyof LadderSnapshot, least: number, most: number, integer = false) =>
      checkNumber(name(part), given[part], { least, most, integer });
    const { levels: from, quantiles } = given;
    checkRising(name('levels'), from, 1, 1e300);
    checkRising(name('quantiles'), quantiles, -1e3, 1e3);
    checkRange(name('levels'), 'the first to be 1', from[0], from[0] === 1);
    const base = entry * SIZE;
    const f64 = this.#f64;
    const cadence = number('cadence', LEAST_CADENCE, 2 * LONGEST);
    const unit = number('unit', LEAST_CADENCE, 2 * LONGEST);
    const heartbeats = number('heartbeats', 0, 1e300);
    const queued = number('queued', 0, 1e300);
    const words = [number('hits', 0, 2 ** LEVELS - 1, true), number('lateRun', 0, 1e9, true)];
    f64.set([...quantiles, cadence, unit, Math.log(unit), heartbeats, queued], base);
    this.#i32.set(words, 2 * base + HITS);
    if (from.some((phi, j) => phi !== levels.phi[j])) this.relevel(entry, from, levels);
  }
}

function checkRising(name: string, given: readonly number[], least: number, most: number): void {
  const fits = Array.isArray(given) && given.length === LEVELS;
  checkType(name, `an array of ${LEVELS} numbers`, given, fits);
  given.forEach((value, j) => {
    checkNumber(`${name}[${j}]`, value, { least: j > 0 ? given[j - 1] : least, most });
    const rises = j === 0 || value > given[j - 1];
    checkRange(`${name}[${j}]`, 'more than the one before', value, rises);
  });
}
