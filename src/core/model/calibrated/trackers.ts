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
import type { Slot } from '../../peers/records.js';
import { IntervalChange } from './interval-change.js';
import type { LatenessBudget } from './lateness-budget.js';
import { LEVELS, type QuantileLevels, TOP } from './levels.js';
import { checkLadder, type LadderSnapshot } from './snapshot.js';
import {
  BORROWED,
  CADENCE,
  CHANGES,
  COUNT,
  DEBT,
  fallTime,
  HITS,
  LATE_RUN,
  LEAST_STEP,
  LOG_UNIT,
  moveLevels,
  SIZE,
  UNIT,
} from './step.js';

/** φ of a silence as long as the cadence. */
const PHI_OF_CADENCE = 0.3;
/** φ for each factor e of excess beyond the top. */
const TAIL = 4 / Math.LN10;
/** The cadence follows by this share, at least. */
const FOLLOW = 1 / 32;
/** So many heartbeats in a row that are half a period late or more: the cadence is another one. */
const RUN = 4;
/** A silence of so many periods is an outage: what comes in a burst after it was queued. */
const OUTAGE = 3;
/** Heartbeats that count when the cadence is another one. */
const KEPT = 100;

/** Heartbeats after which a peer's cadence is more than what was configured. */
const GUESSED = 3;
/** Once a cohort has been taught by so many, every 16th of a peer is enough (the mask of a count). */
const TAUGHT = 1e5;
const SELDOM = 15;
/** A cohort lends what it knows from so many heartbeats on, */
const LENT_FROM = 30;
/** and it counts as so many at most: the peer's own soon outweigh it. */
const MOST_LENT = 1000;

const LEAST_CADENCE = 1e-6;
const LONGEST = 1e15;
/** All levels, as bits. */
const ALL = 2 ** LEVELS - 1;

/** Up to which φ so many heartbeats tell what is true, from 0 to 5. */
export const supportedPhi = (heartbeats: number): number =>
  Math.min(Math.max(Math.log10(heartbeats / 3), 0), TOP);

/** The slot of the one record that a cohort has. */
export const ONLY = 0 as Slot;

/** A cohort as its peers teach it: one record, whose cadence is 1. */
export interface Taught {
  readonly ladder: QuantileTrackers;
  readonly levels: QuantileLevels;
  readonly credit: LatenessBudget;
}

/** What the calibrated model knows of all peers of a detector, or of one cohort. */
export class QuantileTrackers {
  #f64 = new Float64Array();
  #i32 = new Int32Array();
  /** Of the few peers whose interval has changed, or may be changing. */
  readonly #changes = new Map<Slot, IntervalChange>();

  /** Makes room for so many slots. */
  reserve(slots: number): void {
    if (slots * SIZE <= this.#f64.length) return;
    const kept = this.#i32;
    this.#f64 = new Float64Array(slots * SIZE);
    this.#i32 = new Int32Array(this.#f64.buffer);
    this.#i32.set(kept);
  }

  /** Begins anew, with an expected interval in ms. */
  begin(slot: Slot, { start }: QuantileLevels, interval: number): void {
    const base = slot * SIZE;
    this.#changes.delete(slot);
    this.#f64.fill(0, base, base + SIZE);
    this.#f64.set(start, base);
    const cadence = Math.max(interval, LEAST_CADENCE);
    this.#f64[base + CADENCE] = cadence;
    this.#f64[base + UNIT] = cadence;
    this.#f64[base + LOG_UNIT] = Math.log(cadence);
  }

  /** The expected time between heartbeats, in ms. */
  cadence(slot: Slot): number {
    return this.#f64[slot * SIZE + CADENCE];
  }

  /** Heartbeats learnt from. */
  count(slot: Slot): number {
    return this.#f64[slot * SIZE + COUNT];
  }

  /** Whether any of them was the peer's own. */
  hasLearnt(slot: Slot): boolean {
    return this.count(slot) > this.#i32[2 * slot * SIZE + BORROWED];
  }

  /**
   * Learns one interval, in ms.
   *
   * @param tolerated no level rises for it: only `acceptablePause` kept it from being a suspicion
   */
  learn(slot: Slot, levels: QuantileLevels, interval: number, tolerated = false): void {
    const base = slot * SIZE;
    const f64 = this.#f64;
    const i32 = this.#i32;
    const x = interval < LONGEST ? interval : LONGEST;
    const cadence = f64[base + CADENCE];
    const n = f64[base + COUNT] + 1;
    f64[base + COUNT] = n;
    let run = i32[2 * base + LATE_RUN];
    const isBeyond = x > cadence && x > this.tolerated(slot, levels);
    // While the cadence changes, what is late by it tells nothing of the levels.
    if (!(run >= RUN && x > 1.5 * cadence)) {
      moveLevels(f64, i32, base, levels, x, f64, base, tolerated ? ALL : 0);
    }
    if ((isBeyond || i32[2 * base + CHANGES] !== 0) && this.#changed(slot, x, isBeyond)) return;

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
    // What others have taught says nothing of this one's cadence.
    let rate = 1 / (n - i32[2 * base + BORROWED] + 1);
    if (run >= RUN) rate = 0.5;
    else if (rate < FOLLOW) rate = FOLLOW;
    const moved = cadence + rate * error;
    f64[base + CADENCE] = moved > LEAST_CADENCE ? moved : LEAST_CADENCE;
    const unit = f64[base + UNIT];
    if (moved < unit / 2 || moved > 2 * unit) this.#rescale(base, n);
  }

  /** Whether the peer's interval is another one from now on. */
  #changed(slot: Slot, x: number, isBeyond: boolean): boolean {
    const base = slot * SIZE;
    const f64 = this.#f64;
    let change = this.#changes.get(slot);
    if (change === undefined) {
      change = new IntervalChange();
      this.#changes.set(slot, change);
    }
    const before = f64[base + CADENCE];
    const known = change.other;
    const cadence = Math.max(change.observe(x, before, isBeyond), LEAST_CADENCE);
    this.#i32[2 * base + CHANGES] = change.isOver ? 0 : 1;
    if (change.isOver) this.#changes.delete(slot);
    if (cadence === before) return false;
    f64[base + CADENCE] = cadence;
    f64[base + DEBT] = 0;
    this.#i32[2 * base + LATE_RUN] = 0;
    const unit = f64[base + UNIT];
    if (cadence === known)
      this.#setUnit(base); // what was learnt at it holds again
    else if (cadence < unit / 2 || cadence > 2 * unit) this.#rescale(base, f64[base + COUNT]);
    return true;
  }

  #setUnit(base: number): void {
    const f64 = this.#f64;
    f64[base + UNIT] = f64[base + CADENCE];
    f64[base + LOG_UNIT] = Math.log(f64[base + UNIT]);
  }

  /** The cadence is another one, and so is its unit. */
  #rescale(base: number, n: number): void {
    const f64 = this.#f64;
    this.#setUnit(base);
    const kept = n < KEPT ? n : KEPT;
    const own = n - this.#i32[2 * base + BORROWED];
    f64[base + COUNT] = kept;
    this.#i32[2 * base + BORROWED] = kept > own ? kept - own : 0;
  }

  /**
   * Teaches a cohort what an interval says of lateness, in this peer's own units; to be called before
   * it is learnt here.
   */
  teach(slot: Slot, interval: number, { ladder, levels, credit }: Taught): void {
    const base = slot * SIZE;
    const f64 = this.#f64;
    const own = f64[base + COUNT] - this.#i32[2 * base + BORROWED] + 1;
    // Peers that began together take turns all the same.
    if (own <= GUESSED || (ladder.count(ONLY) >= TAUGHT && ((own + slot) & SELDOM) !== 0)) return;
    const cadence = f64[base + CADENCE];
    const x = interval < LONGEST ? interval : LONGEST;
    if (this.#i32[2 * base + LATE_RUN] >= RUN && x > 1.5 * cadence) return;
    ladder.#f64[COUNT]++;
    moveLevels(ladder.#f64, ladder.#i32, 0, levels, x, f64, base, credit.held);
    credit.spend(levels, ladder.#i32[HITS], fallTime(x, cadence));
  }

  /** Begins with what a cohort has learnt, if that is anything; its interval is still the peer's. */
  borrow(slot: Slot, { least }: QuantileLevels, { ladder }: Taught): void {
    const n = ladder.count(ONLY);
    if (n < LENT_FROM) return;
    const base = slot * SIZE;
    const f64 = this.#f64;
    for (let j = 0; j < LEVELS; j++) {
      const lowest = j > 0 ? f64[base + j - 1] + LEAST_STEP : -Infinity;
      f64[base + j] = Math.max(ladder.#f64[j], least[j] - f64[base + LOG_UNIT], lowest);
    }
    f64[base + COUNT] = Math.min(Math.floor(n), MOST_LENT);
    this.#i32[2 * base + BORROWED] = f64[base + COUNT];
  }

  /** φ of a silence in ms: ≥ 0, rising. */
  phi(slot: Slot, { phi }: QuantileLevels, silence: number): number {
    const base = slot * SIZE;
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

  /** The silence in ms at which φ reaches `level`; the inverse of {@link QuantileTrackers.phi}. */
  silence(slot: Slot, { phi }: QuantileLevels, level: number): number {
    const base = slot * SIZE;
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
  tolerated(slot: Slot, levels: QuantileLevels): number {
    const { decisive, threshold } = levels;
    if (decisive < 0) return this.silence(slot, levels, threshold);
    const base = slot * SIZE;
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
  relevel(slot: Slot, from: ArrayLike<number>, { phi }: QuantileLevels): void {
    const base = slot * SIZE;
    const moved = phi.map((level) => this.#quantile(base, from, level));
    for (let j = 1; j < LEVELS; j++) moved[j] = Math.max(moved[j], moved[j - 1] + LEAST_STEP);
    this.#f64.set(moved, base);
    this.#i32[2 * base + HITS] = 0;
  }

  snapshot(slot: Slot, { phi }: QuantileLevels): LadderSnapshot {
    const base = slot * SIZE;
    const f64 = this.#f64;
    const change = this.#changes.get(slot)?.state;
    return {
      levels: [...phi],
      quantiles: [...f64.subarray(base, base + LEVELS)],
      cadence: f64[base + CADENCE],
      unit: f64[base + UNIT],
      heartbeats: f64[base + COUNT],
      queued: f64[base + DEBT],
      lateRun: this.#i32[2 * base + LATE_RUN],
      hits: this.#i32[2 * base + HITS],
      ...(this.#i32[2 * base + BORROWED] > 0 && { borrowed: this.#i32[2 * base + BORROWED] }),
      ...(change && { change }),
    };
  }

  /** @throws TypeError, RangeError that name the part, what was expected and what came */
  restore(slot: Slot, levels: QuantileLevels, given: LadderSnapshot, name?: string): void {
    const {
      levels: from,
      quantiles,
      cadence,
      unit,
      heartbeats,
      queued,
      ...words
    } = checkLadder(given, name);
    const base = slot * SIZE;
    this.#f64.set([...quantiles, cadence, unit, Math.log(unit), heartbeats, queued], base);
    const { hits, lateRun, borrowed = 0, change } = words;
    this.#i32.set([hits, lateRun, borrowed, change ? 1 : 0], 2 * base + HITS);
    this.#changes.delete(slot);
    if (change) this.#changes.set(slot, IntervalChange.restored(change));
    if (from.some((phi, j) => phi !== levels.phi[j])) this.relevel(slot, from, levels);
  }
}
