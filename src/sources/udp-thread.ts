/** A UDP socket that a thread reads: what a busy main loop has no time for waits here, with its time. */
import { EventEmitter } from 'node:events';
import { Worker } from 'node:worker_threads';
import {
  ENTRY_BYTES,
  receiveInThread,
  type ThreadNews,
  type ThreadOrder,
  type ThreadRequest,
} from './udp-thread-program.js';

/** Verdicts wait no longer for the thread, in ms: it may hang. */
const PATIENCE = 500;

/** In ms of each turn of the loop: others who wait for it, such as heartbeats by HTTP, wait no longer. */
const SLICE = 8;

/**
 * The clock of a thread begins with the thread, and `process.hrtime()` has one origin for all threads
 * on Node alone. So the clocks are compared at the start: the thread is asked for its time at most
 * so often, until an answer has come so soon, in ms, that it cannot be far off.
 */
const COMPARISONS = 20;
const SOON = 1;

/** What is handed on in its order. */
type Queued = Exclude<ThreadNews, { readonly clock: number }>;

/** Where a datagram came from, and how long ago, in ms. */
export interface ArrivedFrom {
  readonly address: string;
  readonly port: number;
  readonly age?: number;
}

/** What `UdpListener` uses of a dgram socket; emits `message`, `error`, and `overflowed`. */
export class ThreadSocket extends EventEmitter {
  readonly #worker: Worker;
  readonly #taken = new Int32Array(new SharedArrayBuffer(4));
  #bound = { address: '', port: 0 };
  #granted = 0;
  #answers: [datagram: Uint8Array, port: number, address: string][] = [];
  #failed: ((error?: Error) => void) | undefined;
  /** What the thread's clock is ahead of this one's, in ms. */
  #ahead = 0;
  #clock: ((time: number) => void) | undefined;
  #turn = 0;
  #queue: Queued[] = [];
  /** Whether this turn of the loop has had news, and until when it may take more. */
  #turning = false;
  #until = 0;
  readonly #waiting = new Map<number, () => void>();
  #ended = false;

  private constructor(order: Omit<ThreadOrder, 'taken'>) {
    super();
    const workerData: ThreadOrder = { ...order, taken: this.#taken.buffer as SharedArrayBuffer };
    // As in client/process-beats.ts: what is preloaded is for the program, not for this thread.
    this.#worker = new Worker(`(${receiveInThread})(require)`, {
      eval: true,
      execArgv: [],
      env: {},
      workerData,
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('the thread that reads has ended')));
  }

  /** @throws the system's error if the port cannot be had */
  static async open(order: Omit<ThreadOrder, 'taken'>): Promise<ThreadSocket> {
    const socket = new ThreadSocket(order);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.#failed = (error) =>
          error ? reject(error) : void socket.#compareClocks().then(resolve, reject);
        socket.#worker.on('message', (news: ThreadNews) => socket.#arrived(news));
      });
    } catch (error) {
      await socket.#worker.terminate();
      throw error;
    }
    socket.#failed = undefined;
    return socket;
  }

  async #compareClocks(): Promise<void> {
    let best = Infinity;
    for (let i = 0; i < COMPARISONS && best > SOON; i++) {
      const asked = performance.now();
      const time = await new Promise<number>((resolve) => {
        this.#clock = resolve;
        this.#ask({ clock: true });
      });
      const took = performance.now() - asked;
      if (took < best) {
        best = took;
        this.#ahead = time - (asked + took / 2);
      }
    }
    this.#clock = undefined;
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#turned(this.#turn);
    if (this.#failed) this.#failed(error);
    else this.emit('error', error);
  }

  /** Whether some that the thread has read waits to be handed on. */
  get behind(): boolean {
    return this.#queue.length > 0;
  }

  #arrived(news: ThreadNews): void {
    if ('clock' in news) {
      this.#clock?.(news.clock); // at once: how long it took is what is measured
      return;
    }
    this.#queue.push(news);
    if (!this.#turning) {
      this.#turning = true;
      this.#next();
    }
    this.#work();
  }

  readonly #next = (): void => {
    this.#until = performance.now() + SLICE;
    setImmediate(() => {
      if (this.#queue.length === 0) this.#turning = false;
      else {
        this.#next();
        this.#work();
      }
    });
  };

  #work(): void {
    if (this.#clock) return; // nobody listens yet, and no age can be told
    while (this.#queue.length > 0 && performance.now() < this.#until) {
      this.#take(this.#queue.shift() as Queued);
    }
  }

  #take(news: Queued): void {
    if ('bytes' in news) this.#read(news.bytes, news.addresses);
    else if ('turned' in news) this.#turned(news.turned);
    else if ('overflowed' in news) this.emit('overflowed', news.overflowed);
    else if ('unsent' in news) this.emit('unsent');
    else if ('failed' in news) {
      const { message, ...about } = news.failed;
      this.#fail(Object.assign(new Error(message), about));
    } else {
      this.#bound = news.bound;
      this.#granted = news.granted;
      this.#failed?.();
    }
  }

  #read(bytes: ArrayBuffer, addresses: readonly string[]): void {
    const batch = Buffer.from(bytes);
    const now = performance.now() + this.#ahead;
    for (let at = 0; at < batch.length; ) {
      const age = Math.max(now - batch.readDoubleLE(at), 0);
      const length = batch.readUInt16LE(at + 8);
      const port = batch.readUInt16LE(at + 10);
      const address = addresses[batch.readUInt16LE(at + 12)];
      const start = at + ENTRY_BYTES;
      at = start + length;
      this.emit('message', batch.subarray(start, at), { address, port, age } as ArrivedFrom);
    }
    Atomics.add(this.#taken, 0, batch.length);
    if (this.#answers.length > 0) this.#ask({ send: this.#answers });
    this.#answers = [];
  }

  #turned(turn: number): void {
    for (const [asked, call] of [...this.#waiting]) if (asked <= turn) call();
  }

  #ask(request: ThreadRequest): void {
    this.#worker.postMessage(request);
  }

  /**
   * Calls once all that has arrived by now was handed on; at the latest after half a second.
   * The thread may have been late as well, so that its silence alone says nothing.
   */
  caughtUp(call: () => void): void {
    if (this.#ended) {
      call();
      return;
    }
    const turn = ++this.#turn;
    const timer = setTimeout(() => this.#waiting.get(turn)?.(), PATIENCE);
    this.#waiting.set(turn, () => {
      this.#waiting.delete(turn);
      clearTimeout(timer);
      call();
    });
    this.#ask({ turn });
  }

  address(): { address: string; port: number } {
    return this.#bound;
  }

  getRecvBufferSize(): number {
    return this.#granted;
  }

  /** Answers go out together, when all of a batch was read; errors come as `unsent`, and not to `_done`. */
  send(
    datagram: Uint8Array,
    port: number,
    address: string,
    _done?: (error: Error | null) => void,
  ): void {
    this.#answers.push([datagram, port, address]);
  }

  unref(): this {
    this.#worker.unref();
    return this;
  }

  close(done: () => void = () => {}): this {
    this.#ended = true;
    this.#queue = [];
    this.#turned(this.#turn);
    void this.#worker.terminate().then(() => done());
    return this;
  }
}
