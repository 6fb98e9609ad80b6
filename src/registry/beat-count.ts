/** How many heartbeats came within the last W ms: a ring of counts, each of a sixteenth of W. */

const BUCKETS = 16;
/** A window that has to change by less than this share is left alone: its counts would be lost. */
const SLACK = 0.25;

export class BeatCount {
  readonly #counts = new Uint32Array(BUCKETS);
  #width = 0;
  /** Number of the present bucket, since time 0. */
  #bucket = -Infinity;
  #since = 0;

  /** Counts over the last `ms` from now on. */
  setWindow(ms: number, now: number): void {
    const width = ms / BUCKETS;
    if (Math.abs(width - this.#width) <= SLACK * this.#width) return;
    this.#width = width;
    this.#counts.fill(0);
    this.#bucket = Math.floor(now / width);
    this.#since = now;
  }

  add(now: number): void {
    this.#roll(now);
    this.#counts[this.#bucket & (BUCKETS - 1)]++;
  }

  /** The heartbeats, and over how many ms they were counted. */
  received(now: number): { readonly count: number; readonly over: number } {
    this.#roll(now);
    const from = Math.max((this.#bucket - BUCKETS + 1) * this.#width, this.#since);
    return { count: this.#counts.reduce((a, b) => a + b), over: Math.max(now - from, 0) };
  }

  #roll(now: number): void {
    const bucket = Math.floor(now / this.#width);
    for (let b = Math.max(this.#bucket + 1, bucket - BUCKETS + 1); b <= bucket; b++) {
      this.#counts[b & (BUCKETS - 1)] = 0;
    }
    this.#bucket = Math.max(bucket, this.#bucket);
  }
}
