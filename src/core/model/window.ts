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
import {
  ANCHOR,
  HEAD,
  PEAK,
  Records,
  RING,
  type Slot,
  SQUARES,
  STRIDE,
  SUM,
} from '../peers/records.js';
import { checkNumber, checkObject, checkRange, checkType } from '../validate.js';
import { LONGEST, MAX_RING, REF_OFFSET, REF_SHIFT, RingPool } from './ring-pool.js';

/** The capacity of a ring that holds `count` samples: four steps to each doubling, of 4 or more. */
function capacityFor(count: number, size: number): number {
  const step = Math.max((1 << (31 - Math.clz32(count - 1))) / 4, 4);
  return Math.min(Math.ceil(count / step) * step, size);
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

/** The windows of all peers: the model's half of their records, and their rings. `size` is a window's. */
export class Windows {
  readonly rings = new RingPool();

  constructor(readonly records: Records) {}

  /** Samples in the window. */
  count(slot: Slot, size: number): number {
    const head = this.records.i32[2 * STRIDE * slot + HEAD];
    return head < 0 ? size : head;
  }

  /** Mean of a window that is not empty, given 1/count. */
  mean(slot: Slot, share: number): number {
    const { f64 } = this.records;
    return f64[STRIDE * slot + ANCHOR] + f64[STRIDE * slot + SUM] * share;
  }

  /** Population variance of a window that is not empty, given 1/count. */
  variance(slot: Slot, share: number): number {
    const { f64 } = this.records;
    const shift = f64[STRIDE * slot + SUM] * share;
    const variance = f64[STRIDE * slot + SQUARES] * share - shift * shift;
    return variance > 0 ? variance : 0;
  }

  /** Learns one interval. O(1) amortised, no allocation but the growth of a ring that fills. */
  push(slot: Slot, size: number, interval: number): void {
    const { f64, i32 } = this.records;
    const d0 = STRIDE * slot;
    const w = 2 * d0;
    const x = Math.fround(interval < LONGEST ? interval : LONGEST);
    if (i32[w + HEAD] >= 0) this.#makeRoom(slot, size, x);
    const head = i32[w + HEAD];
    const full = head < 0;
    const position = full ? ~head : head;
    const ref = i32[w + RING];
    const samples = this.rings.chunks[ref >>> REF_SHIFT];
    const place = (ref & REF_OFFSET) + position;
    const anchor = f64[STRIDE * slot + ANCHOR];
    const d = x - anchor;
    const old = samples[place] - anchor;
    const q = f64[d0 + SQUARES] + (d * d - old * old);
    samples[place] = x;
    f64[d0 + SUM] += d - old;
    f64[d0 + SQUARES] = q;
    const next = position + 1;
    i32[w + HEAD] = next === size ? -1 : full ? ~next : next;
    const peak = f64[STRIDE * slot + PEAK];
    if (next === size || 16 * q < peak) this.#rebase(slot, size, position);
    else if (q > peak) f64[STRIDE * slot + PEAK] = Math.fround(q);
  }

  /** Room for one more sample in a ring that is not full; there it finds what adds nothing, K. */
  #makeRoom(slot: Slot, size: number, x: number): void {
    const { f64, i32 } = this.records;
    const { rings } = this;
    const w = 2 * STRIDE * slot;
    const count = i32[w + HEAD];
    const capacity = capacityFor(count + 1, size);
    if (count === 0) {
      f64[STRIDE * slot + ANCHOR] = x;
      f64[STRIDE * slot + PEAK] = 0;
      f64[STRIDE * slot + SUM] = 0;
      f64[STRIDE * slot + SQUARES] = 0;
      i32[w + RING] = rings.allocate(capacity);
    } else if (capacity > capacityFor(count, size)) {
      const old = this.samples(slot, size);
      rings.free(i32[w + RING], count);
      const ref = rings.allocate(capacity);
      i32[w + RING] = ref;
      rings.chunks[ref >>> REF_SHIFT].set(old, ref & REF_OFFSET);
    }
    const ref = i32[w + RING];
    rings.chunks[ref >>> REF_SHIFT][(ref & REF_OFFSET) + count] = f64[STRIDE * slot + ANCHOR];
  }

  /** Computes the sums of a full window afresh about its newest sample. */
  #rebase(slot: Slot, size: number, newest: number): void {
    const { f64, i32 } = this.records;
    const ref = i32[2 * STRIDE * slot + RING];
    const samples = this.rings.chunks[ref >>> REF_SHIFT];
    const start = ref & REF_OFFSET;
    const x = samples[start + newest];
    let s = 0;
    let q = 0;
    for (let i = start; i < start + size; i++) {
      const d = samples[i] - x;
      s += d;
      q += d * d;
    }
    f64[STRIDE * slot + ANCHOR] = x;
    f64[STRIDE * slot + PEAK] = Math.fround(q);
    f64[STRIDE * slot + SUM] = s;
    f64[STRIDE * slot + SQUARES] = q;
  }

  /** Its samples where they lie. */
  #ring(slot: Slot, size: number): Float32Array {
    const ref = this.records.i32[2 * STRIDE * slot + RING];
    const start = ref & REF_OFFSET;
    const count = this.count(slot, size);
    return this.rings.chunks[ref >>> REF_SHIFT].subarray(start, start + count);
  }

  /** The samples, oldest first. */
  samples(slot: Slot, size: number): Float32Array {
    const count = this.count(slot, size);
    const out = new Float32Array(count);
    if (count === 0) return out;
    const ring = this.#ring(slot, size);
    const head = this.records.i32[2 * STRIDE * slot + HEAD];
    const oldest = head < 0 ? ~head : 0;
    out.set(ring.subarray(oldest));
    out.set(ring.subarray(0, oldest), count - oldest);
    return out;
  }

  /** Forgets all samples and gives the ring back. */
  clear(slot: Slot, size: number): void {
    const count = this.count(slot, size);
    const w = 2 * STRIDE * slot;
    if (count > 0) this.rings.free(this.records.i32[w + RING], capacityFor(count, size));
    this.records.i32[w + HEAD] = 0;
  }

  save(slot: Slot, size: number): WindowSnapshot {
    const { f64, i32 } = this.records;
    const d0 = STRIDE * slot;
    const w = 2 * d0;
    const head = i32[w + HEAD];
    return {
      // Nine digits name a 32-bit float.
      samples: Array.from(this.#ring(slot, size), (x) => Number(x.toPrecision(9))),
      next: head < 0 ? ~head : head,
      sums: [
        f64[STRIDE * slot + ANCHOR],
        f64[d0 + SUM],
        f64[d0 + SQUARES],
        f64[STRIDE * slot + PEAK],
      ],
    };
  }

  /**
   * Makes the window what a snapshot says; of one of another size, its newest samples.
   *
   * @throws TypeError, RangeError that name the part, what was expected and what came
   */
  load(slot: Slot, size: number, given: WindowSnapshot): void {
    const { samples, next, sums } = checkWindow(given);
    const { length } = samples;
    const { f64, i32 } = this.records;
    this.clear(slot, size);
    const full = length === size && next < size;
    const aged = next < length ? [...samples.slice(next), ...samples.slice(0, next)] : samples;
    for (const x of full ? samples : aged.slice(-size)) this.push(slot, size, x);
    if (!full && !(length < size && next === length)) return;
    const d0 = STRIDE * slot;
    i32[2 * d0 + HEAD] = full ? ~next : next;
    f64[d0 + ANCHOR] = Math.fround(sums[0]);
    f64[d0 + SUM] = sums[1];
    f64[d0 + SQUARES] = sums[2];
    f64[d0 + PEAK] = Math.fround(sums[3]);
  }
}

function checkWindow(given: WindowSnapshot): WindowSnapshot {
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
  return given;
}

/**
 * A window of the last `size` inter-arrival times by itself: the ring that the detectors use, for
 * who wants its statistics without a detector.
 */
export class IntervalWindow {
  readonly #windows = new Windows(new Records(1));
  readonly #slot = 0 as Slot;
  /** The largest number of samples kept. */
  readonly size: number;

  /** @throws TypeError, RangeError unless `size` is an integer from 1 to 262,144 */
  constructor(size: number) {
    this.size = checkNumber('size', size, { least: 1, most: MAX_RING, integer: true });
  }

  /** Adds an interval, in place of the oldest once the window is full; false unless it is finite and ≥ 0. */
  push(interval: number): boolean {
    const fits = Number.isFinite(interval) && interval >= 0;
    if (fits) this.#windows.push(this.#slot, this.size, interval);
    return fits;
  }

  /** Samples in the window. */
  get count(): number {
    return this.#windows.count(this.#slot, this.size);
  }

  /** Mean of the samples; `NaN` when there is none. */
  get mean(): number {
    return this.count === 0 ? Number.NaN : this.#windows.mean(this.#slot, 1 / this.count);
  }

  /** Population variance of the samples, never negative; `NaN` when there is none. */
  get variance(): number {
    return this.count === 0 ? Number.NaN : this.#windows.variance(this.#slot, 1 / this.count);
  }

  /** Population standard deviation of the samples; `NaN` when there is none. */
  get stdDev(): number {
    return Math.sqrt(this.variance);
  }

  /** The samples as stored (rounded to 32-bit floats), oldest first. */
  samples(): Float32Array {
    return this.#windows.samples(this.#slot, this.size);
  }

  /** Forgets all samples. */
  clear(): void {
    this.#windows.clear(this.#slot, this.size);
  }
}
