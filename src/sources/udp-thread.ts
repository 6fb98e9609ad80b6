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

const monotonic = (): number => {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
};

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
  #turn = 0;
  #queue: ThreadNews[] = [];
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
        socket.#failed = (error) => (error ? reject(error) : resolve());
        socket.#worker.on('message', (news: ThreadNews) => socket.#arrived(news));
      });
    } catch (error) {
      await socket.#worker.terminate();
      throw error;
    }
    socket.#failed = undefined;
    return socket;
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
    while (this.#queue.length > 0 && performance.now() < this.#until) {
      this.#take(this.#queue.shift() as ThreadNews);
    }
  }

  #take(news: ThreadNews): void {
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
    const now = monotonic();
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
