/**
 * The event loop of one observer, as libuv runs it: timers that are due, then input that waits (at
 * most 32 datagrams), then what setImmediate asked for, then again. While it is stalled nothing
 * runs; input waits in the socket's buffer, which drops the newest when it is full. After a stall
 * timers come first: that is what makes a naive detector suspect everybody.
 */
import type { Timers } from '../../core/host.js';

/** Datagrams that libuv reads in one poll phase. */
const READS = 32;
/** What a round of a busy loop takes, in ms. */
const ROUND = 0.1;

/** What the loop needs of the world around it. */
export interface Surroundings {
  now(): number;
  /** The clock was read, and showed that. */
  clockRead?(time: number): void;
  /** Calls {@link EventLoop.run} at `at`. */
  runAt(at: number): void;
  /** A datagram is read. */
  read(datagram: number): void;
}

interface Timer {
  readonly due: number;
  readonly call: () => void;
}

export class EventLoop implements Required<Timers> {
  readonly #around: Surroundings;
  readonly #capacity: number;
  /** In the order in which they were set. */
  readonly #timers: Timer[] = [];
  #immediates: (() => void)[] = [];
  readonly #buffer: Int32Array;
  #first = 0;
  #waiting = 0;
  #stalledUntil = -Infinity;
  /** The earliest instant that `runAt` was asked for. */
  #wakeAt = Infinity;
  #running = false;
  /** What its clock shows beyond the time of the world, in ms; timers do not go by it. */
  clockError = 0;

  /** @param capacity of the socket's buffer, in datagrams */
  constructor(around: Surroundings, capacity: number) {
    this.#around = around;
    this.#capacity = capacity;
    this.#buffer = new Int32Array(capacity);
  }

  /** For whoever is on the loop. */
  now(): number {
    const { time } = this;
    this.#around.clockRead?.(time);
    return time;
  }

  /** What its clock shows, for those who watch it. */
  get time(): number {
    return this.#around.now() + this.clockError;
  }

  setTimeout(call: () => void, ms: number): unknown {
    // As the platforms do it: never at once, and what is too long fires soon.
    const delay = ms >= 1 && ms <= 2_147_483_647 ? Math.trunc(ms) : 1;
    const timer = { due: this.#around.now() + delay, call };
    this.#timers.push(timer);
    this.#wake(timer.due);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    const i = this.#timers.indexOf(timer as Timer);
    if (i >= 0) this.#timers.splice(i, 1);
  }

  setImmediate(call: () => void): unknown {
    this.#immediates.push(call);
    if (!this.#running) this.#wake(this.#around.now());
    return call;
  }

  /** Whether it stands still, or has not yet come to read what came while it did. */
  get behind(): boolean {
    return this.stalled || this.#waiting > 0;
  }

  get stalled(): boolean {
    return this.#around.now() < this.#stalledUntil;
  }

  /** Stands still until then. */
  stall(until: number): void {
    if (!(until > this.#stalledUntil)) return;
    this.#stalledUntil = until;
    this.#wake(until);
  }

  /** A datagram reaches the socket; false when its buffer is full. */
  arrive(datagram: number): boolean {
    if (this.#waiting === 0 && !this.#running && !this.stalled) {
      this.#running = true;
      this.#around.read(datagram);
      this.#running = false;
      if (this.#immediates.length > 0) this.#check();
      return true;
    }
    if (this.#waiting === this.#capacity) return false;
    this.#buffer[(this.#first + this.#waiting++) % this.#capacity] = datagram;
    if (!this.stalled) this.#wake(this.#around.now());
    return true;
  }

  /** A round of all phases, if there is anything to do. */
  run(): void {
    const now = this.#around.now();
    if (now >= this.#wakeAt) this.#wakeAt = Infinity;
    if (now < this.#stalledUntil) {
      this.#wake(this.#stalledUntil);
      return;
    }
    this.#running = true;
    this.#expire(now);
    for (let n = 0; n < READS && this.#waiting > 0 && !this.stalled; n++) {
      const datagram = this.#buffer[this.#first];
      this.#first = (this.#first + 1) % this.#capacity;
      this.#waiting--;
      this.#around.read(datagram);
    }
    this.#check();
    this.#running = false;
  }

  #check(): void {
    const calls = this.#immediates;
    if (calls.length > 0) {
      this.#immediates = [];
      this.#running = true;
      for (const call of calls) call();
      this.#running = false;
    }
    const now = this.#around.now();
    if (this.#waiting > 0 || this.#immediates.length > 0) this.#wake(now + ROUND);
    for (const timer of this.#timers) this.#wake(Math.max(timer.due, now));
  }

  /** All timers that are due, back to back, the earliest first. */
  #expire(now: number): void {
    for (;;) {
      let next = -1;
      for (let i = 0; i < this.#timers.length; i++) {
        const { due } = this.#timers[i];
        if (due <= now && (next < 0 || due < this.#timers[next].due)) next = i;
      }
      if (next < 0) return;
      const [{ call }] = this.#timers.splice(next, 1);
      call();
    }
  }

  #wake(at: number): void {
    if (at >= this.#wakeAt) return;
    this.#wakeAt = at;
    this.#around.runAt(at);
  }
}
