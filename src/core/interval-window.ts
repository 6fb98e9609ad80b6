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

/** Intervals are clamped to this (30,000 years), so that no square overflows. */
const LONGEST = 1e15;
const FIRST_CAPACITY = 4;
const REF_OFFSET = MAX_RING - 1;
const REF_SHIFT = 18;

/** Samples in the window of `record`. */
export function countOf(slab: PeerSlab, record: number, size: number): number {
  const head = slab.i32[record * 16 + HEAD];
  return head < 0 ? size : head;
}

/** Mean of the window, in the samples' unit; the window must not be empty. */
export function meanOf(slab: PeerSlab, record: number, size: number): number {
  return slab.f32[record * 16 + ANCHOR] + slab.f64[record * 8 + SUM] / countOf(slab, record, size);
}

/** Population variance of the window; the window must not be empty. */
export function varianceOf(slab: PeerSlab, record: number, size: number): number {
  const count = countOf(slab, record, size);
  const shift = slab.f64[record * 8 + SUM] / count;
  const variance = slab.f64[record * 8 + SQUARES] / count - shift * shift;
  return variance > 0 ? variance : 0;
}

/** Learns one interval. O(1) amortised, no allocation but the growth of a ring that fills. */
export function push(
  slab: PeerSlab,
  record: number,
  rings: RingPool,
  size: number,
  interval: number,
): void {
  const f = record * 8;
  const w = record * 16;
  const x = Math.fround(interval < LONGEST ? interval : LONGEST);
  const head = slab.i32[w + HEAD];
  if (head >= 0) {
    fill(slab, record, rings, size, x);
    return;
  }
  const ref = slab.i32[w + RING];
  const samples = rings.chunks[ref >>> REF_SHIFT];
  const position = ~head;
  const slot = (ref & REF_OFFSET) + position;
  const anchor = slab.f32[w + ANCHOR];
  const d = x - anchor;
  const old = samples[slot] - anchor;
  samples[slot] = x;
  const q = slab.f64[f + SQUARES] + (d * d - old * old);
  slab.f64[f + SUM] += d - old;
  slab.f64[f + SQUARES] = q;
  if (position + 1 === size) {
    slab.i32[w + HEAD] = ~0;
    rebase(slab, record, rings, size, x);
    return;
  }
  slab.i32[w + HEAD] = ~(position + 1);
  const peak = slab.f32[w + PEAK];
  if (16 * q < peak) rebase(slab, record, rings, size, x);
  else if (q > peak) slab.f32[w + PEAK] = q;
}

/** A push into a window that is not full: nothing leaves, so q cannot lose digits. */
function fill(slab: PeerSlab, record: number, rings: RingPool, size: number, x: number): void {
  const f = record * 8;
  const w = record * 16;
  const count = slab.i32[w + HEAD];
  if (count === 0) {
    slab.f32[w + ANCHOR] = x;
    slab.f64[f + SUM] = 0;
    slab.f64[f + SQUARES] = 0;
    slab.i32[w + RING] = rings.allocate(capacityFor(1, size));
  } else if (count === capacityFor(count, size)) {
    const capacity = capacityFor(count + 1, size);
    const from = slab.i32[w + RING];
    const to = rings.allocate(capacity);
    const old = from & REF_OFFSET;
    rings.chunks[to >>> REF_SHIFT].set(
      rings.chunks[from >>> REF_SHIFT].subarray(old, old + count),
      to & REF_OFFSET,
    );
    rings.free(from, count);
    slab.i32[w + RING] = to;
  }
  const ref = slab.i32[w + RING];
  rings.chunks[ref >>> REF_SHIFT][(ref & REF_OFFSET) + count] = x;
  const d = x - slab.f32[w + ANCHOR];
  slab.f64[f + SUM] += d;
  slab.f64[f + SQUARES] += d * d;
  if (count + 1 < size) {
    slab.i32[w + HEAD] = count + 1;
  } else {
    slab.i32[w + HEAD] = ~0;
    rebase(slab, record, rings, size, x);
  }
}

/** The capacity of a ring that holds `count` samples: 4, 8, 16, … and at last the window's size. */
function capacityFor(count: number, size: number): number {
  let capacity = FIRST_CAPACITY;
  while (capacity < count) capacity *= 2;
  return capacity < size ? capacity : size;
}

/** Computes the sums of a full window afresh about its newest sample. */
function rebase(slab: PeerSlab, record: number, rings: RingPool, size: number, x: number): void {
  const ref = slab.i32[record * 16 + RING];
  const samples = rings.chunks[ref >>> REF_SHIFT];
  const start = ref & REF_OFFSET;
  let s = 0;
  let q = 0;
  for (let i = start; i < start + size; i++) {
    const d = samples[i] - x;
    s += d;
    q += d * d;
  }
  slab.f32[record * 16 + ANCHOR] = x;
  slab.f32[record * 16 + PEAK] = q;
  slab.f64[record * 8 + SUM] = s;
  slab.f64[record * 8 + SQUARES] = q;
}

/** Forgets all samples and gives the ring back. */
export function clear(slab: PeerSlab, record: number, rings: RingPool, size: number): void {
  const count = countOf(slab, record, size);
  if (count > 0) rings.free(slab.i32[record * 16 + RING], capacityFor(count, size));
  slab.i32[record * 16 + HEAD] = 0;
}

/** The samples, oldest first. */
export function samplesOf(
  slab: PeerSlab,
  record: number,
  rings: RingPool,
  size: number,
): Float32Array {
  const count = countOf(slab, record, size);
  const out = new Float32Array(count);
  if (count === 0) return out;
  const head = slab.i32[record * 16 + HEAD];
  const ref = slab.i32[record * 16 + RING];
  const start = ref & REF_OFFSET;
  const ring = rings.chunks[ref >>> REF_SHIFT].subarray(start, start + count);
  const oldest = head < 0 ? ~head : 0;
  out.set(ring.subarray(oldest), 0);
  out.set(ring.subarray(0, oldest), count - oldest);
  return out;
}

/**
 * A window of the last `size` inter-arrival times by itself: the ring that the detectors use, for
 * who wants its statistics without a detector.
 */
export class IntervalWindow {
  readonly #slab = new PeerSlab(1);
  readonly #rings = new RingPool();
  /** The largest number of samples kept. */
  readonly size: number;

  /** @throws RangeError unless `size` is an integer from 1 to 262,144 */
  constructor(size: number) {
    if (!Number.isInteger(size) || size < 1 || size > MAX_RING) {
      throw new RangeError(`size: expected an integer from 1 to ${MAX_RING}, got ${String(size)}`);
    }
    this.size = size;
  }

  /** Adds an interval, in place of the oldest once the window is full; false unless it is finite and ≥ 0. */
  push(interval: number): boolean {
    if (!(Number.isFinite(interval) && interval >= 0)) return false;
    push(this.#slab, 0, this.#rings, this.size, interval);
    return true;
  }

  /** Samples in the window. */
  get count(): number {
    return countOf(this.#slab, 0, this.size);
  }

  /** Mean of the samples; `NaN` when there is none. */
  get mean(): number {
    return this.count === 0 ? Number.NaN : meanOf(this.#slab, 0, this.size);
  }

  /** Population variance of the samples, never negative; `NaN` when there is none. */
  get variance(): number {
    return this.count === 0 ? Number.NaN : varianceOf(this.#slab, 0, this.size);
  }

  /** Population standard deviation of the samples; `NaN` when there is none. */
  get stdDev(): number {
    return Math.sqrt(this.variance);
  }

  /** The samples as stored (rounded to 32-bit floats), oldest first. */
  samples(): Float32Array {
    return samplesOf(this.#slab, 0, this.#rings, this.size);
  }

  /** Forgets all samples. */
  clear(): void {
    clear(this.#slab, 0, this.#rings, this.size);
  }
}
