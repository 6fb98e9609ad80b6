/**
 * One reader of server-sent events. It holds no queue: what it has not read is asked for later, and
 * what it is given is given in parts, each only when the one before was read.
 */
import type { WatchEvent } from '../views.js';
import type { Part } from './stream-texts.js';

/** More edges of protection than this are not kept for one who does not read. */
const MOST_EDGES = 100;

export interface StreamOptions {
  readonly events: AsyncIterableIterator<WatchEvent>;
  /** The first part of an event; each names the one after it. */
  readonly partOf: (event: WatchEvent) => Part;
  readonly frames: boolean;
  readonly service: string | undefined;
  readonly now: () => number;
  readonly onEnd: (stream: EventStream) => void;
}

export class EventStream {
  readonly #options: StreamOptions;
  readonly #encoder = new TextEncoder();
  readonly body: ReadableStream<Uint8Array>;
  readonly wantsFrames: boolean;
  readonly service: string | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #event: WatchEvent | undefined;
  #edges: string[] = [];
  #frame: Part | undefined;
  /** What is left of an event or a frame that was begun. */
  #rest: (() => Part) | undefined;
  #frameSince: number | undefined;
  #wake: (() => void) | undefined;
  /** Since when something waits that nobody reads; undefined while it is read. */
  #stuckSince: number | undefined;
  #sentAt: number;
  #ended = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.wantsFrames = options.frames;
    this.service = options.service;
    this.#sentAt = options.now();
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => this.end(),
      },
      { highWaterMark: 0 }, // nothing is taken before it is asked for
    );
    this.#watch();
  }

  /** Whether it reads; `since` in ms of the clock is when it stopped to. */
  get stuckSince(): number | undefined {
    return this.#stuckSince;
  }

  /** When the frame was begun of which it has not taken all; undefined for none. */
  get frameSince(): number | undefined {
    return this.#frameSince;
  }

  /** When something was sent last. */
  get sentAt(): number {
    return this.#sentAt;
  }

  /** An edge of protection; who does not read so many of them is cut off. */
  edge(text: string): void {
    this.#edges.push(text);
    if (this.#edges.length > MOST_EDGES) this.end();
    else this.#arrived();
  }

  /** Takes the place of a frame that was not read. */
  frame(part: Part): void {
    this.#frame = part;
    this.#arrived();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onEnd(this);
    void this.#options.events.return?.();
    try {
      this.#controller?.close();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it was cancelled: closed already
    }
    this.#wake?.();
  }

  #watch(): void {
    this.#options.events.next().then(({ done, value }) => {
      if (done) return this.end();
      this.#event = value;
      this.#arrived();
    });
  }

  #arrived(): void {
    if (this.#wake === undefined) this.#stuckSince ??= this.#options.now();
    this.#wake?.();
  }

  async #pull(): Promise<void> {
    this.#stuckSince = undefined;
    let bytes = this.#take();
    while (bytes === undefined && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
      bytes = this.#take();
    }
    if (bytes === undefined || this.#ended) return;
    this.#sentAt = this.#options.now();
    // Who takes this part and no further one does not read.
    if (this.#rest !== undefined) this.#stuckSince = this.#sentAt;
    this.#controller?.enqueue(bytes);
  }

  #take(): Uint8Array | undefined {
    if (this.#rest !== undefined) return this.#begin(this.#rest());
    this.#frameSince = undefined;
    if (this.#event !== undefined) {
      const part = this.#options.partOf(this.#event);
      this.#event = undefined;
      this.#watch();
      return this.#begin(part);
    }
    const edge = this.#edges.shift();
    if (edge !== undefined) return this.#encoder.encode(edge);
    const frame = this.#frame;
    this.#frame = undefined;
    if (frame === undefined) return undefined;
    this.#frameSince = this.#options.now();
    return this.#begin(frame);
  }

  #begin({ bytes, next }: Part): Uint8Array {
    this.#rest = next;
    if (next === undefined) this.#frameSince = undefined;
    return bytes;
  }
}
