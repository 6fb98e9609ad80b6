/**
 * The ring of inter-arrival times with running mean and variance: the hot path.
 *
 * Kept per window: an anchor K, s = Σ(x − K), q = Σ(x − K)² and the peak of q. A sample that
 * comes adds its d = x − K to the sums, the one that it overwrites takes its own away: two
 * subtractions, two products. Running sums drift, and sums of squares cancel where the mean is
 * large against the jitter; both are held in bounds by computing s and q afresh from the ring,
 * with K the newest sample, whenever
 *   (a) the ring wraps (every n-th push), or
 *   (b) 16q < peak: what made q large has left, and with it the digits of what remains.
 *
 * Bound (u = 2⁻⁵³, Q and S the exact sums of the d as stored). A push adds at most 4u·max Q to the
 * error of q, and (a) allows n of them after a fresh start with n·u·Q: |q − Q| ≤ 5nu·max Q ≤
 * 80nu·Q by (b); likewise |s − S| ≤ 12nu·√(nQ). With R² = Q/n = σ² + (mean − K)², the variance
 * R² − (S/n)² is off by at most 105nu·R². K is a sample that was in the window at the last wrap,
 * hence still is, so by Samuelson R² ≤ nσ²: relative error ≤ 105n²u = 1.2e-8 for n = 1000 with K
 * itself the outlier, 2e-11 with K within one σ; seen: ≤ 1e-11. It depends neither on the number
 * of pushes, nor on the size of the mean, nor on outliers that have left. A window of equal
 * samples has d = 0 after the next fresh start: variance exactly 0.
 *
 * Cost: a fresh start is n additions per n pushes by (a); those by (b) form a falling cascade, at
 * most 1 + log₁₆(max q/min q) a window, 3 seen on adversarial input. Rejected: sums of squares
 * (negative variances), Welford (drifts when samples leave), compensated sums (the cancellation
 * remains), integer ticks (exact, but need a unit and a clamp).
 *
 * Samples are stored in 32 bits, and rounded to them before the sums see them (2⁻²⁴ relative).
 */
import { ANCHOR, HEAD, PEAK, PeerSlab, RING, SQUARES, SUM } from './peer-slab.js';
import { MAX_RING, RingPool } from './ring-pool.js';
import { checkNumber, checkObject, checkRange, checkType } from './validate.js';

/** Intervals are clamped to this (30,000 years), so that no square overflows. */
export const LONGEST = 1e15;
export const REF_OFFSET = MAX_RING - 1;
export const REF_SHIFT = 18;

/** Samples in the window. */
export function countOf(slab: PeerSlab, row: number, size: number): number {
  const head = slab.i32[2 * row + HEAD];
  return head < 0 ? size : head;
}

/** Mean of a window that is not empty, given 1/count. */
export function meanOf({ f64, f32 }: PeerSlab, row: number, share: number): number {
  return f32[2 * row + ANCHOR] + f64[row + SUM] * share;
}

/** Population variance of a window that is not empty, given 1/count. */
export function varianceOf({ f64 }: PeerSlab, row: number, share: number): number {
  const shift = f64[row + SUM] * share;
  const variance = f64[row + SQUARES] * share - shift * shift;
  return variance > 0 ? variance : 0;
}

/**
 * Learns one interval. O(1) amortised, no allocation but the growth of a ring that fills.
 */
export function push(slab: PeerSlab, row: number, size: number, interval: number): void {
  const { f64, f32, i32 } = slab;
  const w = 2 * row;
  const x = Math.fround(interval < LONGEST ? interval : LONGEST);
  if (i32[w + HEAD] >= 0) makeRoom(slab, row, size, x);
  const head = i32[w + HEAD];
  const full = head < 0;
  const position = full ? ~head : head;
  const ref = i32[w + RING];
  const samples = slab.rings.chunks[ref >>> REF_SHIFT];
  const slot = (ref & REF_OFFSET) + position;
  const anchor = f32[w + ANCHOR];
  const d = x - anchor;
  const old = samples[slot] - anchor;
  const q = f64[row + SQUARES] + (d * d - old * old);
  samples[slot] = x;
  f64[row + SUM] += d - old;
  f64[row + SQUARES] = q;
  const next = position + 1;
  i32[w + HEAD] = next === size ? -1 : full ? ~next : next;
  const peak = f32[w + PEAK];
  if (next === size || 16 * q < peak) rebase(slab, row, size, position);
  else if (q > peak) f32[w + PEAK] = q;
}

/** Room for one more sample in a ring that is not full; there it finds what adds nothing, K. */
function makeRoom(slab: PeerSlab, row: number, size: number, x: number): void {
  const { f64, f32, i32, rings } = slab;
  const w = 2 * row;
  const count = i32[w + HEAD];
  const capacity = capacityFor(count + 1, size);
  if (count === 0) {
    f32[w + ANCHOR] = x;
    f32[w + PEAK] = 0;
    f64[row + SUM] = 0;
    f64[row + SQUARES] = 0;
    i32[w + RING] = rings.allocate(capacity);
  } else if (capacity > capacityFor(count, size)) {
    const old = samplesOf(slab, row, size);
    rings.free(i32[w + RING], count);
    const ref = rings.allocate(capacity);
    i32[w + RING] = ref;
    rings.chunks[ref >>> REF_SHIFT].set(old, ref & REF_OFFSET);
  }
  const ref = i32[w + RING];
  rings.chunks[ref >>> REF_SHIFT][(ref & REF_OFFSET) + count] = f32[w + ANCHOR];
}

/** The capacity of a ring that holds `count` samples: four steps to each doubling, of 4 or more. */
function capacityFor(count: number, size: number): number {
  const step = Math.max((1 << (31 - Math.clz32(count - 1))) / 4, 4);
  return Math.min(Math.ceil(count / step) * step, size);
}

/** Computes the sums of a full window afresh about its newest sample. */
function rebase(slab: PeerSlab, row: number, size: number, newest: number): void {
  const ref = slab.i32[2 * row + RING];
  const samples = slab.rings.chunks[ref >>> REF_SHIFT];
  const start = ref & REF_OFFSET;
  const x = samples[start + newest];
  let s = 0;
  let q = 0;
  for (let i = start; i < start + size; i++) {
    const d = samples[i] - x;
    s += d;
    q += d * d;
  }
  slab.f32[2 * row + ANCHOR] = x;
  slab.f32[2 * row + PEAK] = q;
  slab.f64[row + SUM] = s;
  slab.f64[row + SQUARES] = q;
}

/** Forgets all samples and gives the ring back. */
export function clear(slab: PeerSlab, row: number, size: number): void {
  const count = countOf(slab, row, size);
  if (count > 0) slab.rings.free(slab.i32[2 * row + RING], capacityFor(count, size));
  slab.i32[2 * row + HEAD] = 0;
}

/** A window as plain JSON, from which it goes on to the last bit. */
export interface WindowSnapshot {
  /** In ms, in the order in which they lie in the ring. */
  readonly samples: readonly number[];
  /** Where the next one goes. */
  readonly next: number;
  /** K, Σ(x − K), Σ(x − K)², and the largest that this was since it was computed afresh. */
  readonly sums: readonly [number, number, number, number];
}

export function windowOf(slab: PeerSlab, row: number, size: number): WindowSnapshot {
  const { f64, f32, i32, rings } = slab;
  const head = i32[2 * row + HEAD];
  const count = countOf(slab, row, size);
  const ref = i32[2 * row + RING];
  const start = ref & REF_OFFSET;
  const ring = rings.chunks[ref >>> REF_SHIFT].subarray(start, start + count);
  return {
    samples: Array.from(ring, (x) => Number(x.toPrecision(9))), // nine digits name a 32-bit float
    next: head < 0 ? ~head : head,
    sums: [f32[2 * row + ANCHOR], f64[row + SUM], f64[row + SQUARES], f32[2 * row + PEAK]],
  };
}

/**
 * Makes the window what a snapshot says; of one of another size, its newest samples.
 *
 * @throws TypeError, RangeError that name the part, what was expected and what came
 */
export function putWindow(slab: PeerSlab, row: number, size: number, given: WindowSnapshot): void {
  checkObject('snapshot.window', given);
  const { samples, next, sums } = given;
  const most = MAX_RING;
  checkType('snapshot.window.samples', 'an array', samples, Array.isArray(samples));
  const { length } = samples;
  checkNumber('snapshot.window.samples.length', length, { least: 1, most, integer: true });
  for (const x of samples) checkNumber('snapshot.window.samples', x, { least: 0, most: LONGEST });
  checkNumber('snapshot.window.next', next, { least: 0, most: length, integer: true });
  const fits = Array.isArray(sums) && sums.length === 4;
  checkType('snapshot.window.sums', 'an array of 4 numbers', sums, fits);
  const any = { least: -Number.MAX_VALUE, most: Number.MAX_VALUE };
  for (const n of sums) checkNumber('snapshot.window.sums', n, any);
  const [anchor, sum, squares, peak] = sums;
  checkNumber('snapshot.window.sums[0]', anchor, { least: 0, most: LONGEST });
  let s = 0;
  let q = 0;
  for (const x of samples) {
    s += Math.fround(x) - anchor;
    q += (Math.fround(x) - anchor) ** 2;
  }
  const near = (a: number, b: number, scale: number) => Math.abs(a - b) <= 1e-6 * scale;
  const agree =
    near(sum, s, Math.sqrt(length * q)) && near(squares, q, q) && peak >= 0 && peak < Infinity;
  checkRange('snapshot.window.sums', 'the sums of the samples', sums, agree);
  clear(slab, row, size);
  const full = length === size && next < size;
  const aged = next < length ? [...samples.slice(next), ...samples.slice(0, next)] : samples;
  for (const x of full ? samples : aged.slice(-size)) push(slab, row, size, x);
  if (!full && !(length < size && next === length)) return;
  slab.i32[2 * row + HEAD] = full ? ~next : next;
  slab.f32[2 * row + ANCHOR] = anchor;
  slab.f64[row + SUM] = sum;
  slab.f64[row + SQUARES] = squares;
  slab.f32[2 * row + PEAK] = peak;
}

/** The samples, oldest first. */
export function samplesOf(slab: PeerSlab, row: number, size: number): Float32Array {
  const count = countOf(slab, row, size);
  if (count === 0) return new Float32Array();
  const head = slab.i32[2 * row + HEAD];
  const ref = slab.i32[2 * row + RING];
  const start = ref & REF_OFFSET;
  const ring = slab.rings.chunks[ref >>> REF_SHIFT].slice(start, start + count);
  if (head >= -1) return ring;
  const out = new Float32Array(count);
  out.set(ring.subarray(~head));
  out.set(ring.subarray(0, ~head), count + head + 1);
  return out;
}

/**
 * A window of the last `size` inter-arrival times by itself: the ring that the detectors use, for
 * who wants its statistics without a detector.
 */
export class IntervalWindow {
  readonly #slab = new PeerSlab(1, new RingPool(), []);
  /** The largest number of samples kept. */
  readonly size: number;

  /** @throws TypeError, RangeError unless `size` is an integer from 1 to 262,144 */
  constructor(size: number) {
    this.size = checkNumber('size', size, { least: 1, most: MAX_RING, integer: true });
    this.#slab.i32[HEAD] = 0;
  }

  /** Adds an interval, in place of the oldest once the window is full; false unless it is finite and ≥ 0. */
  push(interval: number): boolean {
    const fits = Number.isFinite(interval) && interval >= 0;
    if (fits) push(this.#slab, 0, this.size, interval);
    return fits;
  }

  /** Samples in the window. */
  get count(): number {
    return countOf(this.#slab, 0, this.size);
  }

  /** Mean of the samples; `NaN` when there is none. */
  get mean(): number {
    return this.count === 0 ? Number.NaN : meanOf(this.#slab, 0, 1 / this.count);
  }

  /** Population variance of the samples, never negative; `NaN` when there is none. */
  get variance(): number {
    return this.count === 0 ? Number.NaN : varianceOf(this.#slab, 0, 1 / this.count);
  }

  /** Population standard deviation of the samples; `NaN` when there is none. */
  get stdDev(): number {
    return Math.sqrt(this.variance);
  }

  /** The samples as stored (rounded to 32-bit floats), oldest first. */
  samples(): Float32Array {
    return samplesOf(this.#slab, 0, this.size);
  }

  /** Forgets all samples. */
  clear(): void {
    clear(this.#slab, 0, this.size);
  }
}
