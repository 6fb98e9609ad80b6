/**
 * Which intervals a peer's window learns under `learn: 'guarded'`.
 *
 * An interval that spans a suspicion (an outage) or is shorter than a quarter of the mean (a
 * duplicate, a burst of queued beats) says nothing about the heartbeat interval, unless it goes on:
 * it is a candidate for a new one. The next ordinary interval clears the candidates. Candidates in a row replace the
 * window, as at bootstrap, by two samples a quarter below and above a mean of theirs, once
 *   - the last three or more of them agree within a factor of 3 and span five of the old means: a
 *     new interval, their mean; or
 *   - there are ten of them that span as much without the longest: whatever this is, the old
 *     window does not describe it. The longest is left out of the mean too: it may be an outage.
 *     They need not agree, so the mean is weighted by time, Σx²/Σx: a burst among slow beats counts
 *     for as long as it lasts. (By number, a few hundred tiny intervals would leave a mean of a few
 *     ms, and a healthy peer suspected again and again. The median fails the same way.)
 * (A million of them do without the span, which a 32-bit sum of tiny intervals may never reach.)
 * So a longer interval is learnt within 3 to 10 beats, a shorter one within 5 to 10 old periods,
 * 1000 duplicates within one period not at all, and no input starves the window.
 *
 * The first three intervals of a peer are learnt however short they are: until then the mean is
 * the configured guess, and a guess must not outvote the peer.
 */
import { CANDIDATES, OWN_FULL, OWN_ONE, type Records, type Slot } from '../peers/records.js';
import { checkNumber, checkType } from '../validate.js';
import { LONGEST } from './ring-pool.js';
import type { Windows } from './window.js';

const FAST = 4;
const AGREEMENT = 3;
const ENOUGH = 3;
const TOO_MANY = 10;
const FAR_TOO_MANY = 1_000_000;
const MEANS_SPANNED = 5;

// What is kept of the candidates of a peer, in 32 bits each.
/** How many there are in a row, and how many of the latest agree. */
const COUNTS = 0;
/** Σx and Σx² of that row without the longest, and the longest: what it adds would hide the rest. */
const OTHERS_SUM = 1;
const OTHERS_SQUARES = 2;
const RUN_MAX = 3;
/** The latest candidates of that row that agree with each other. */
const BATCH_SUM = 4;
const BATCH_MIN = 5;
const BATCH_MAX = 6;
const SIZE = 7;

// Both counts share a word. A million of a row fit into the upper bits; a batch stops counting, which
// costs it no more than the exact mean.
const BATCH_BITS = 12;
const MOST_IN_BATCH = (1 << BATCH_BITS) - 1;

/** How a window learns intervals that are not plainly ordinary. */
export class WindowLearning {
  readonly #records: Records;
  readonly #windows: Windows;
  /** Of all peers, once one has a candidate. */
  #f32 = new Float32Array();
  #i32 = new Int32Array();

  constructor(windows: Windows) {
    this.#records = windows.records;
    this.#windows = windows;
  }

  /** Fills an empty window with what is expected: `mean` minus and plus a quarter, or itself if that is all it holds. */
  begin(slot: Slot, size: number, mean: number): void {
    this.#records.clear(slot, OWN_FULL | CANDIDATES);
    this.#seed(slot, size, mean);
  }

  #seed(slot: Slot, size: number, mean: number): void {
    const spread = size > 1 ? mean / 4 : 0;
    this.#windows.push(slot, size, mean - spread);
    if (size > 1) this.#windows.push(slot, size, mean + spread);
  }

  /** Learns an interval that is to be learnt, whatever it is. */
  learn(slot: Slot, size: number, interval: number): void {
    if (!this.#isKnown(slot)) this.#setOwn(slot, this.own(slot) + 1);
    this.#records.clear(slot, CANDIDATES);
    this.#windows.push(slot, size, interval);
  }

  /** Learns an interval if it is ordinary; one that is not, or that `spans` a suspicion, is a candidate. */
  learnGuarded(slot: Slot, size: number, interval: number, spans: boolean): void {
    const mean = this.#windows.mean(slot, 1 / this.#windows.count(slot, size));
    const isShort = this.#isKnown(slot) && FAST * interval < mean;
    if (spans || isShort) this.#weigh(slot, size, Math.min(interval, LONGEST), mean);
    else this.learn(slot, size, interval);
  }

  /** Intervals of the peer's own that were learnt, up to 3. */
  own(slot: Slot): number {
    return (this.#records.flags(slot) & OWN_FULL) / OWN_ONE;
  }

  #setOwn(slot: Slot, count: number): void {
    this.#records.clear(slot, OWN_FULL);
    this.#records.set(slot, count * OWN_ONE);
  }

  #isKnown(slot: Slot): boolean {
    return (this.#records.flags(slot) & OWN_FULL) === OWN_FULL;
  }

  #weigh(slot: Slot, size: number, interval: number, mean: number): void {
    const base = this.#candidates(slot);
    const f32 = this.#f32;
    const i32 = this.#i32;
    if (!this.#records.has(slot, CANDIDATES)) {
      this.#records.set(slot, CANDIDATES);
      f32.fill(0, base, base + SIZE);
    }
    const counts = i32[base + COUNTS];
    const run = (counts >>> BATCH_BITS) + 1;
    const longest = f32[base + RUN_MAX];
    const other = Math.min(interval, longest);
    // LONGEST² a million times is 1e36: no overflow.
    f32[base + OTHERS_SUM] += other;
    f32[base + OTHERS_SQUARES] += other * other;
    f32[base + RUN_MAX] = Math.max(interval, longest);
    const before = counts & MOST_IN_BATCH;
    const min = Math.min(f32[base + BATCH_MIN], interval);
    const max = Math.max(f32[base + BATCH_MAX], interval);
    const agrees = before > 0 && max <= AGREEMENT * min;
    const batch = agrees ? Math.min(before + 1, MOST_IN_BATCH) : 1;
    f32[base + BATCH_SUM] = agrees ? f32[base + BATCH_SUM] + interval : interval;
    f32[base + BATCH_MIN] = agrees ? min : interval;
    f32[base + BATCH_MAX] = agrees ? max : interval;
    i32[base + COUNTS] = (run << BATCH_BITS) | batch;

    const span = MEANS_SPANNED * mean;
    const others = f32[base + OTHERS_SUM];
    const settled = batch >= ENOUGH && f32[base + BATCH_SUM] >= span;
    if (settled || run >= FAR_TOO_MANY || (run >= TOO_MANY && others >= span)) {
      this.#windows.clear(slot, size);
      this.#seed(slot, size, settled ? this.#batchMean(base, batch) : this.#othersMean(base));
      this.#setOwn(slot, 3);
      this.#records.clear(slot, CANDIDATES);
    }
  }

  /** Of more than can be counted, the longest: no more than 3 times the mean, as they agree. */
  #batchMean(base: number, batch: number): number {
    const f32 = this.#f32;
    return batch < MOST_IN_BATCH ? f32[base + BATCH_SUM] / batch : f32[base + BATCH_MAX];
  }

  /** Weighted by time. Intervals may be so short that their sum is 0. */
  #othersMean(base: number): number {
    const f32 = this.#f32;
    return f32[base + OTHERS_SUM] > 0 ? f32[base + OTHERS_SQUARES] / f32[base + OTHERS_SUM] : 0;
  }

  /** Where the slot's candidates are. */
  #candidates(slot: Slot): number {
    const length = SIZE * this.#records.size;
    if (length > this.#f32.length) {
      const kept = this.#i32;
      this.#f32 = new Float32Array(length);
      this.#i32 = new Int32Array(this.#f32.buffer);
      this.#i32.set(kept);
    }
    return SIZE * slot;
  }

  /** The candidates as plain JSON: both counts, and the rest as it is kept; undefined for none. */
  save(slot: Slot): readonly number[] | undefined {
    if (!this.#records.has(slot, CANDIDATES)) return undefined;
    const base = this.#candidates(slot);
    const counts = this.#i32[base + COUNTS];
    const rest = this.#f32.subarray(base + OTHERS_SUM, base + SIZE);
    return [counts >>> BATCH_BITS, counts & MOST_IN_BATCH, ...rest];
  }

  /** @throws TypeError, RangeError that name the part, what was expected and what came */
  load(slot: Slot, learnt: unknown, candidates: readonly number[] | undefined): void {
    const own = checkNumber('snapshot.learnt', learnt, { least: 0, most: 3, integer: true });
    this.#records.clear(slot, CANDIDATES);
    if (candidates !== undefined) this.#loadCandidates(slot, candidates);
    this.#setOwn(slot, own);
  }

  #loadCandidates(slot: Slot, given: readonly number[]): void {
    const length = SIZE + 1;
    const fits = Array.isArray(given) && given.length === length;
    checkType('snapshot.candidates', `an array of ${length} numbers`, given, fits);
    for (const [i, n] of given.entries()) {
      const most = [FAR_TOO_MANY, MOST_IN_BATCH][i] ?? 1e38;
      checkNumber(`snapshot.candidates[${i}]`, n, { least: 0, most, integer: i < 2 });
    }
    const [run, batch, ...rest] = given;
    const base = this.#candidates(slot);
    this.#i32[base + COUNTS] = (run << BATCH_BITS) | batch;
    this.#f32.set(rest, base + OTHERS_SUM);
    this.#records.set(slot, CANDIDATES);
  }
}
