/**
 * The models that are given by mean and standard deviation of a window of intervals: one class, with
 * the distribution as a value.
 */
import type { ResolvedOptions } from '../options.js';
import { AT, type Bounds, PHI, SILENCE, SLOW_BEFORE, SLOW_FROM } from '../peers/bounds.js';
import {
  ANCHOR,
  FLAGS,
  HEAD,
  IRREGULAR,
  LAST,
  OWN_FULL,
  PEAK,
  type Records,
  RING,
  type Slot,
  SQUARES,
  STRIDE,
  SUM,
  SUSPECT_AT,
} from '../peers/records.js';
import { type ArrivalModel, arrivalModels } from './distributions.js';
import { WindowLearning } from './learning.js';
import {
  checkLearnt,
  EARLIER,
  LATER,
  type LearntSnapshot,
  type Level,
  type Model,
  type ModelContext,
  type ModelExplanation,
  type ModelFactory,
  SLOW,
  SUSPECTED,
  UNSURE,
  UNUSUAL,
} from './model.js';
import { phiOfZ } from './phi.js';
import { LONGEST, REF_OFFSET, REF_SHIFT, type RingPool } from './ring-pool.js';
import { Windows } from './window.js';

/** φ stays finite for a σ or a mean that rounds to nothing: neither is ever below a nanosecond. */
const LEAST = 1e-6;
const MOST = Number.MAX_VALUE;

/** What all windows of a detector share. */
class WindowState {
  readonly windows: Windows;
  readonly learning: WindowLearning;

  constructor({ records }: ModelContext) {
    this.windows = new Windows(records);
    this.learning = new WindowLearning(this.windows);
  }
}

const newState = (context: ModelContext) => new WindowState(context);

export class WindowModel implements Model {
  readonly #options: ResolvedOptions;
  readonly #distribution: ArrivalModel;
  readonly #isNormal: boolean;
  readonly #records: Records;
  readonly #bounds: Bounds;
  readonly #windows: Windows;
  readonly #learning: WindowLearning;
  readonly #rings: RingPool;
  /** Of the window. */
  readonly #size: number;
  // Numbers from the start on: V8 then keeps them unboxed, without a check at each load.
  /** 1/size. */
  readonly #share: number = Number.NaN;
  readonly #perMean: number = Number.NaN;
  readonly #perStdDev: number = Number.NaN;
  readonly #pause: number = Number.NaN;
  /** The least σ, in ms, and as a share of the mean. */
  readonly #floor: number = Number.NaN;
  readonly #relativeFloor: number = Number.NaN;
  readonly #maxSilence: number = Number.NaN;
  /** What `acceptablePause` adds to the tolerated silence. */
  readonly #lenience: number = Number.NaN;
  /** The share of the usual silence below which an interval may be a burst; above 1 where unknown. */
  readonly #shortest: number = Number.NaN;

  constructor(options: ResolvedOptions, distribution: ArrivalModel, context: ModelContext) {
    this.#options = options;
    this.#distribution = distribution;
    this.#isNormal = distribution === arrivalModels.normal;
    this.#records = context.records;
    this.#bounds = context.bounds;
    const { windows, learning } = context.shared(newState);
    this.#windows = windows;
    this.#learning = learning;
    this.#rings = windows.rings;
    const { threshold, windowSize, minStdDev, acceptablePause, maxSilence = Infinity } = options;
    const { perMean, perStdDev } = this.level(threshold);
    this.#size = windowSize;
    this.#share = 1 / windowSize;
    this.#perMean = perMean;
    this.#perStdDev = perStdDev;
    this.#pause = acceptablePause;
    this.#floor = Math.max(minStdDev.absolute, LEAST);
    this.#relativeFloor = minStdDev.relative;
    this.#maxSilence = maxSilence;
    this.#lenience = perMean * acceptablePause;
    // No suspicion is due before the mean: then a heartbeat after a quarter of that silence is no burst.
    const isQuick = perMean >= 1 && perStdDev >= 0 && maxSilence === Infinity;
    this.#shortest = isQuick ? 0.25 / perMean : Infinity;
  }

  begin(slot: Slot): void {
    this.#learning.begin(slot, this.#size, this.#options.heartbeatInterval);
  }

  adopt(slot: Slot, from: Model): void {
    const isAlike = from instanceof WindowModel && from.#distribution === this.#distribution;
    // Where nothing but what was expected was learnt, what is expected now takes its place.
    if (!isAlike || this.#learning.own(slot) === 0) {
      from.end(slot);
      this.begin(slot);
    } else if (from.#size !== this.#size) {
      const samples = this.#windows.samples(slot, from.#size);
      from.end(slot);
      for (const x of samples.subarray(-this.#size)) this.#windows.push(slot, this.#size, x);
    }
  }

  end(slot: Slot): void {
    this.#windows.clear(slot, this.#size);
  }

  /**
   * As {@link Model.recordFast}, into a full window that is not to be computed afresh. This is what
   * `Monitor.record` does with {@link learn} and {@link tolerated}, with every number in a local and
   * no call between: it knows the layout of the record.
   */
  recordFast(slot: Slot): typeof SLOW | typeof LATER | typeof EARLIER {
    const { f64, i32 } = this.#records;
    const bounds = this.#bounds.f64;
    const at = bounds[AT];
    // As bits: sums would be checked for overflow.
    const r = slot << 3;
    const w = slot << 4;
    const position = ~i32[w | HEAD]; // negative while the window is not full
    const last = f64[r | LAST];
    const suspectAt = f64[r | SUSPECT_AT];
    // Without what is tolerated beyond it, which is not learnt; no more than that is.
    const usual = suspectAt - last - this.#lenience;
    const interval = at - last;
    const isOrdinary =
      (i32[w | FLAGS] & (OWN_FULL | IRREGULAR)) === OWN_FULL &&
      last >= bounds[SLOW_BEFORE] &&
      at < bounds[SLOW_FROM] &&
      position >= 0 &&
      position < this.#size - 1 &&
      interval > 0 &&
      interval >= this.#shortest * usual &&
      interval < usual;
    if (!isOrdinary) return SLOW;
    const anchor = f64[r | ANCHOR];
    const sum = f64[r | SUM];
    const share = this.#share;
    if (interval > 0.5 * usual) {
      // It may be late: after its expected time by more than half of the way to the deadline.
      const expected = last + (anchor + sum * share) + this.#pause;
      if (at > expected && at > 0.5 * (expected + suspectAt)) return SLOW;
    }
    const ref = i32[w | RING];
    const samples = this.#rings.chunks[ref >>> REF_SHIFT];
    const place = (ref & REF_OFFSET) + position;
    const x = Math.fround(interval < LONGEST ? interval : LONGEST);
    const d = x - anchor;
    const old = samples[place] - anchor;
    const q = f64[r | SQUARES] + (d * d - old * old);
    const peak = f64[r | PEAK];
    if (16 * q < peak) return SLOW;
    i32[w | HEAD] = ~position - 1;
    samples[place] = x;
    f64[r | SQUARES] = q;
    if (q > peak) f64[r | PEAK] = Math.fround(q);
    const s = sum + (d - old);
    f64[r | SUM] = s;
    f64[r | LAST] = at;
    const shift = s * share;
    const mean = anchor + shift;
    const variance = q * share - shift * shift;
    const relative = this.#relativeFloor * mean;
    const floor = relative > this.#floor ? relative : this.#floor;
    const stdDev = variance > floor * floor ? Math.sqrt(variance) : floor;
    const silence = this.#perMean * (mean + this.#pause) + this.#perStdDev * stdDev;
    const due = at + (silence < this.#maxSilence ? silence : this.#maxSilence);
    f64[r | SUSPECT_AT] = due;
    return due < suspectAt ? EARLIER : LATER;
  }

  learn(slot: Slot, interval: number, known: number): void {
    const { learn } = this.#options;
    const isGuarded = learn === 'guarded';
    const spans = (known & (isGuarded ? UNSURE | SUSPECTED | UNUSUAL : UNSURE | SUSPECTED)) !== 0;
    if (isGuarded) this.#learning.learnGuarded(slot, this.#size, interval, spans);
    else if (!spans || learn === 'always') this.#learning.learn(slot, this.#size, interval);
  }

  measure(slot: Slot): void {
    if (!this.#isNormal) {
      this.#measureOther(slot);
      return;
    }
    // Every number in a local, as in recordFast.
    const bounds = this.#bounds.f64;
    const { f64, i32 } = this.#records;
    const r = slot << 3;
    const head = i32[(slot << 4) | HEAD];
    const share = head < 0 ? this.#share : 1 / head;
    const shift = f64[r | SUM] * share;
    const mean = f64[r | ANCHOR] + shift;
    const variance = f64[r | SQUARES] * share - shift * shift;
    const relative = this.#relativeFloor * mean;
    const floor = relative > this.#floor ? relative : this.#floor;
    const stdDev = variance > floor * floor ? Math.sqrt(variance) : floor;
    const z = (bounds[SILENCE] - mean - this.#pause) / stdDev;
    // Finite, and 0 for what is no number.
    bounds[PHI] = z < 1e154 ? phiOfZ(z) : z > 0 ? MOST : 0;
  }

  #measureOther(slot: Slot): void {
    const bounds = this.#bounds.f64;
    const silence = bounds[SILENCE];
    const share = this.#shareOf(slot);
    const mean = this.#windows.mean(slot, share);
    const stdDev = this.#floored(mean, this.#windows.variance(slot, share));
    const phi = this.#distribution.phi(silence, Math.max(mean + this.#pause, LEAST), stdDev);
    bounds[PHI] = Number.isNaN(silence) ? 0 : Math.min(phi, MOST);
  }

  level(phi: number): Level {
    return { phi, ...this.#distribution.reach(phi) };
  }

  reachedAt(slot: Slot, { perMean, perStdDev }: Level, since: number): number {
    const share = this.#shareOf(slot);
    const mean = this.#windows.mean(slot, share);
    const stdDev = this.#floored(mean, this.#windows.variance(slot, share));
    return since + (perMean * (mean + this.#pause) + perStdDev * stdDev);
  }

  tolerated(slot: Slot): number {
    const silence = this.#reached(slot);
    return silence < this.#maxSilence ? silence : this.#maxSilence;
  }

  usual(slot: Slot): number {
    return Math.min(this.#reached(slot) - this.#lenience, this.#maxSilence);
  }

  longest(): number {
    return this.#maxSilence;
  }

  mean(slot: Slot): number {
    return this.#windows.mean(slot, this.#shareOf(slot));
  }

  sampleCount(slot: Slot): number {
    return this.#windows.count(slot, this.#size);
  }

  explain(slot: Slot): ModelExplanation {
    const stdDev = Math.sqrt(this.#windows.variance(slot, this.#shareOf(slot)));
    const least = this.#floored(this.mean(slot), 0);
    const isFloored = least > stdDev;
    const isAbsolute = least === this.#floor && this.#floor > LEAST;
    return {
      stdDev,
      stdDevUsed: isFloored ? least : stdDev,
      floor: !isFloored ? undefined : isAbsolute ? 'absolute' : 'relative',
      supportedPhi: undefined,
    };
  }

  save(slot: Slot): LearntSnapshot {
    const window = this.#windows.save(slot, this.#size);
    const candidates = this.#learning.save(slot);
    return { window, learnt: this.#learning.own(slot), ...(candidates && { candidates }) };
  }

  load(slot: Slot, given: LearntSnapshot): void {
    checkLearnt(given);
    const { window, learnt, candidates } = given;
    if (window === undefined) return;
    this.#learning.load(slot, learnt, candidates);
    this.#windows.load(slot, this.#size, window);
  }

  /** The silence at which φ reaches the threshold. */
  #reached(slot: Slot): number {
    const share = this.#shareOf(slot);
    const mean = this.#windows.mean(slot, share);
    const stdDev = this.#floored(mean, this.#windows.variance(slot, share));
    return this.#perMean * (mean + this.#pause) + this.#perStdDev * stdDev;
  }

  /** What one sample counts. */
  #shareOf(slot: Slot): number {
    const head = this.#records.i32[2 * STRIDE * slot + HEAD];
    return head < 0 ? this.#share : 1 / head;
  }

  /** The measured σ as it is used: not below the floors. No root is taken of what they cover. */
  #floored(mean: number, variance: number): number {
    const relative = this.#relativeFloor * mean;
    const floor = relative > this.#floor ? relative : this.#floor;
    return variance > floor * floor ? Math.sqrt(variance) : floor;
  }
}

const factoryOf =
  (distribution: ArrivalModel): ModelFactory =>
  (options, context) =>
    new WindowModel(options, distribution, context);

export const normal = /* @__PURE__ */ factoryOf(arrivalModels.normal);
export const logistic = /* @__PURE__ */ factoryOf(arrivalModels.logistic);
export const exponential = /* @__PURE__ */ factoryOf(arrivalModels.exponential);
