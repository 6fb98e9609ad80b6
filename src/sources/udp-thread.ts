/** A UDP socket that a thread reads: what a busy main loop has no time for waits here, with its time. */
import { EventEmitter } from 'node:events';
import { Worker } from 'node:worker_threads';
import { DatagramRing } from './datagram-ring.js';
import {
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
 * While datagrams come the main loop looks for them by itself, so often in ms: to be woken for each
 * costs more than all the rest.
 */
const LOOK = 4;

/**
 * The clock of a thread begins with the thread, and `process.hrtime()` has one origin for all threads
 * on Node alone. So the clocks are compared at the start: the thread is asked for its time at most
 * so often, until an answer has come so soon, in ms, that it cannot be far off.
 */
const COMPARISONS = 20;
const SOON = 1;

/** What the thread says after it has written what it had read by then. */
type Notice = Exclude<ThreadNews, { readonly clock: number } | { readonly woken: true }>;

/** What the thread needs, but for the ring. */
export type SocketOrder = Omit<ThreadOrder, 'ring'> & {
  /** Bytes that may wait for this loop; what comes beyond is dropped and counted. */
  readonly most: number;
};

/** Where a datagram came from, and how long ago, in ms: to be read during the call only. */
export interface ArrivedFrom {
  readonly address: string;
  readonly port: number;
  readonly age?: number;
}

/** Where the datagram came from that a ring is at. */
class Arrived implements ArrivedFrom {
  age = 0;
  readonly #ring: DatagramRing;

  constructor(ring: DatagramRing) {
    this.#ring = ring;
  }

  get address(): string {
    return this.#ring.address;
  }

  get port(): number {
    return this.#ring.port;
  }
}

/** What `UdpListener` uses of a dgram socket; emits `message`, `error`, and `overflowed`. */
export class ThreadSocket extends EventEmitter {
  readonly #worker: Worker;
  readonly #ring: DatagramRing;
  readonly #from: Arrived;
  /** By the thread's clock. */
  #now = 0;
  #bound = { address: '', port: 0 };
  #granted = 0;
  #answers: [datagram: Uint8Array, port: number, address: string][] = [];
  #failed: ((error?: Error) => void) | undefined;
  /** What the thread's clock is ahead of this one's, in ms. */
  #ahead = 0;
  #clock: ((time: number) => void) | undefined;
  #turn = 0;
  /** What waits until all that was written before it is taken. */
  #notices: { readonly notice: Notice; readonly after: number }[] = [];
  /** Whether the rest is for the next turn of the loop. */
  #isBehind = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting = new Map<number, () => void>();
  #ended = false;

  private constructor({ most, ...order }: SocketOrder) {
    super();
    this.#ring = new DatagramRing(most);
    this.#from = new Arrived(this.#ring);
    const workerData: ThreadOrder = { ...order, ring: this.#ring.memory };
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
  static async open(order: SocketOrder): Promise<ThreadSocket> {
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
    setImmediate(socket.#look); // by then somebody listens
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
    return !this.#ring.isEmpty || this.#notices.length > 0;
  }

  /** Hands on what waits, unless this turn of the loop has had its share. */
  takeIn(): void {
    if (this.behind && !this.#isBehind) this.#look();
  }

  #arrived(news: ThreadNews): void {
    if ('clock' in news) {
      this.#clock?.(news.clock); // at once: how long it took is what is measured
      return;
    }
    if (this.#failed && ('bound' in news || 'failed' in news)) this.#heed(news);
    else if (!('woken' in news)) this.#notices.push({ notice: news, after: this.#ring.written });
    if (!this.#isBehind) this.#look();
  }

  readonly #look = (): void => {
    this.#isBehind = false;
    if (this.#failed) return; // nobody listens yet, and no age can be told
    const isQuiet = !this.behind;
    const until = performance.now() + SLICE;
    while (!this.#ended && this.behind) {
      this.#takeSome();
      if (performance.now() >= until) break;
    }
    if (this.#ended) return;
    if (this.behind) {
      this.#isBehind = true;
      setImmediate(this.#look);
    } else if (!isQuiet || !this.#ring.sleep()) {
      this.#timer ??= setTimeout(() => this.#isBehind || this.#look(), LOOK).unref();
      this.#timer.refresh();
    }
  };

  #takeSome(): void {
    this.#now = performance.now() + this.#ahead;
    this.#ring.takeSome(this.#hand);
    if (this.#answers.length > 0) this.#ask({ send: this.#answers });
    this.#answers = [];
    while (this.#notices.length > 0 && this.#ring.hasTaken(this.#notices[0].after)) {
      this.#heed(this.#notices.shift()?.notice as Notice);
    }
  }

  readonly #hand = (datagram: Buffer): void => {
    this.#from.age = Math.max(this.#now - this.#ring.time, 0);
    this.emit('message', datagram, this.#from);
  };

  #heed(notice: Notice): void {
    if ('turned' in notice) this.#turned(notice.turned);
    else if ('overflowed' in notice) this.emit('overflowed', notice.overflowed);
    else if ('unsent' in notice) this.emit('unsent');
    else if ('failed' in notice) {
      const { message, ...about } = notice.failed;
      this.#fail(Object.assign(new Error(message), about));
    } else {
      this.#bound = notice.bound;
      this.#granted = notice.granted;
      this.#failed?.();
    }
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
    clearTimeout(this.#timer);
    this.#turned(this.#turn);
    void this.#worker.terminate().then(() => done());
    return this;
  }
}
