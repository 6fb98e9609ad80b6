/** The nodes of a simulated world as they truly are, which no observer knows. */

/** What a datagram says beside its numbers, if it is no plain heartbeat. */
export interface Message {
  /** The next heartbeat comes so many ms after this one. */
  readonly next?: number;
  /** There is none: the node leaves. */
  readonly leaves?: true;
}

export class Nodes {
  readonly count: number;
  /** Between heartbeats, in ms. */
  readonly interval: Float64Array;
  /** The shortest and the longest cadence that an observer may have learnt so far. */
  readonly fastest: Float64Array;
  readonly slowest: Float64Array;
  /** 1 while the node is neither dead nor frozen. */
  readonly running: Uint8Array;
  readonly crashed: Uint8Array;
  readonly incarnation: Int32Array;
  readonly sequence: Int32Array;
  /** When the next regular heartbeat is due; NaN for none. */
  readonly nextBeat: Float64Array;
  /** How far the node's wall clock is off: it travels nowhere, and so changes nothing. */
  readonly wallClock: Float64Array;
  /** How far ahead the times of the node's heartbeats lie, in ms. */
  readonly ahead: Float64Array;
  /** By node; undefined where they have none. */
  readonly groups: readonly string[] | undefined;
  readonly #runningSince: Float64Array;
  /** By the numbers of their datagrams, as each of them is one of a kind. */
  readonly #messages = new Map<string, Message>();
  #ran = 0;

  /** @param expected the interval that detectors are configured with */
  constructor(intervals: readonly number[], expected: number, groups?: readonly string[]) {
    this.groups = groups;
    this.count = intervals.length;
    this.interval = Float64Array.from(intervals);
    this.fastest = this.interval.map((interval) => Math.min(interval, expected));
    this.slowest = this.interval.map((interval) => Math.max(interval, expected));
    this.running = new Uint8Array(this.count).fill(1);
    this.crashed = new Uint8Array(this.count);
    this.incarnation = new Int32Array(this.count).fill(1);
    this.sequence = new Int32Array(this.count);
    this.nextBeat = new Float64Array(this.count).fill(Number.NaN);
    this.wallClock = new Float64Array(this.count);
    this.ahead = new Float64Array(this.count);
    this.#runningSince = new Float64Array(this.count);
  }

  /** The node's latest datagram says so. */
  say(node: number, message: Message): void {
    this.#messages.set(`${node} ${this.incarnation[node]} ${this.sequence[node]}`, message);
  }

  /** What a datagram says; undefined for a plain heartbeat. */
  said(node: number, incarnation: number, sequence: number): Message | undefined {
    if (this.#messages.size === 0) return undefined;
    return this.#messages.get(`${node} ${incarnation} ${sequence}`);
  }

  /** A cadence that is long enough to be learnt. */
  setCadence(node: number, interval: number): void {
    this.fastest[node] = Math.min(this.fastest[node], interval);
    this.slowest[node] = Math.max(this.slowest[node], interval);
  }

  setRunning(node: number, running: boolean, at: number): void {
    if (running === (this.running[node] === 1)) return;
    if (running) this.#runningSince[node] = at;
    else this.#ran += at - this.#runningSince[node];
    this.running[node] = running ? 1 : 0;
  }

  /** Time that all nodes have run, in ms. */
  ranUntil(at: number): number {
    let sum = this.#ran;
    for (let node = 0; node < this.count; node++) {
      if (this.running[node] === 1) sum += at - this.#runningSince[node];
    }
    return sum;
  }
}
