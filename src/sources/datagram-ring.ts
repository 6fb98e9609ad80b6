/**
 * Memory that the thread of a UDP port and its main loop share: the thread writes datagrams at one
 * end, the main loop takes them at the other, and neither waits for the other. A message from thread
 * to thread costs as much as several datagrams.
 *
 * A datagram is an entry, at a multiple of 8:
 *
 *     0  8  when it arrived, by the thread's clock; −1: the next entry is at the beginning of the memory
 *     8  2  its length
 *    10  2  the port that it came from
 *    12  2  length of the address that it came from
 *    16  .  that address, then the datagram
 *
 * Positions count the bytes since the start, modulo 2³².
 */

/** What the thread needs of it. How it writes stands in udp-thread-program.ts. */
export interface RingMemory {
  /** While more bytes than this wait, what comes is dropped and counted. */
  readonly most: number;
  /** Entries; its length is a power of two. */
  readonly entries: SharedArrayBuffer;
  /** An Int32 each: {@link WRITTEN}, {@link TAKEN}, {@link SLEEPS}. */
  readonly state: SharedArrayBuffer;
}

/** The position up to which entries are written, and the one up to which they are taken. */
const WRITTEN = 0;
const TAKEN = 1;
/** 1 while the main loop does not look: the thread makes it 0 and wakes it by a message. */
const SLEEPS = 2;

const HEAD = 16;
/** More than any entry has. */
const LEAST = 1 << 17;
/** Bytes that are copied at a time, or one entry that is longer. */
const LOT = 1 << 14;

/** The main loop's end, and the entry that it is at. */
export class DatagramRing {
  readonly memory: RingMemory;
  /** Of the entry that is taken: when it arrived, by the thread's clock. */
  time = 0;
  readonly #entries: Uint8Array;
  readonly #state = new Int32Array(new SharedArrayBuffer(12));
  /** A copy of some entries, so that the thread may go on. */
  readonly #copy = Buffer.allocUnsafeSlow(LEAST);
  readonly #times = new Float64Array(this.#copy.buffer);
  readonly #words = new Uint16Array(this.#copy.buffer);
  #at = 0;

  /** @param most bytes that may wait */
  constructor(most: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(most, LEAST)));
    const entries = new SharedArrayBuffer(size);
    this.#entries = new Uint8Array(entries);
    this.memory = { most, entries, state: this.#state.buffer as SharedArrayBuffer };
  }

  /** Where the next entry will be written. */
  get written(): number {
    return Atomics.load(this.#state, WRITTEN);
  }

  /** Whether all was taken up to a position. */
  hasTaken(position: number): boolean {
    return ((this.#state[TAKEN] - position) | 0) >= 0;
  }

  get isEmpty(): boolean {
    return this.hasTaken(this.written);
  }

  /** From now on the thread says when something has come; false if something has. */
  sleep(): boolean {
    Atomics.store(this.#state, SLEEPS, 1);
    return this.isEmpty;
  }

  /** The port that the entry which is taken came from. */
  get port(): number {
    return this.#words[this.#at / 2 + 5];
  }

  /** The address that it came from. */
  get address(): string {
    return this.#copy.toString('latin1', this.#at + HEAD, this.#start);
  }

  /** Where its datagram begins. */
  get #start(): number {
    return this.#at + HEAD + this.#words[this.#at / 2 + 6];
  }

  get #end(): number {
    return this.#start + this.#words[this.#at / 2 + 4];
  }

  /** Takes some of the entries that there are, in order. The bytes of a datagram are good during the call only. */
  takeSome(take: (datagram: Buffer) => void): void {
    const from = this.#state[TAKEN];
    const size = this.#entries.length;
    const start = from & (size - 1);
    const there = Math.min((this.written - from) >>> 0, size - start);
    let copied = this.#copyOf(start, Math.min(there, LOT));
    let taken = 0;
    while (taken < copied) {
      this.time = this.#times[taken / 8];
      if (this.time < 0) {
        taken = size - start;
        break;
      }
      this.#at = taken;
      if (copied - taken < HEAD) break;
      const next = (this.#end + 7) & ~7;
      if (next > copied) {
        if (taken > 0) break;
        copied = this.#copyOf(start, next);
      }
      take(this.#copy.subarray(this.#start, this.#end));
      taken = next;
    }
    Atomics.store(this.#state, TAKEN, (from + taken) | 0);
  }

  #copyOf(start: number, length: number): number {
    this.#copy.set(this.#entries.subarray(start, start + length));
    return length;
  }
}
