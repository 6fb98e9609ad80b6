/** All readers of server-sent events: texts that they share, frames, and who reads too slowly. */
import type { Host } from '../../core/host.js';
import type { Registry } from '../registry.js';
import { ServiceError } from './errors.js';
import { EventStream } from './event-stream.js';
import { Frames } from './frames.js';
import { type Part, StreamTexts } from './stream-texts.js';

/** In ms: the frames, and the look at those that do not read. */
const SECOND = 1000;
/** Who does not read for so long is cut off; it may come back, and resumes. */
const PATIENCE = 10_000;
/** Proxies end connections on which nothing is said. */
const ALIVE = 15_000;
/** Places beside those that there are for all: an operator can look when readers have taken these. */
const KEPT = 10;

export interface StreamsOptions {
  readonly registry: Registry;
  readonly epoch: string;
  /** The most readers at once; operators have a few places beside. */
  readonly most: number;
  /** The most bytes that are handed to the connection of one reader at once. */
  readonly partBytes: number;
  readonly host: Host;
  /** ms since 1970. */
  readonly wall: () => number;
}

export interface OpenOptions {
  readonly service?: string | undefined;
  readonly frames?: boolean;
  readonly lastEventId?: string | undefined;
  /** Whether it may read still: asked every second. */
  readonly allowed?: () => boolean;
  /** Ends the connection of a reader that is cut off. */
  readonly cut?: () => void;
  /** Who reads: places are shared out by that. */
  readonly asker?: string;
  /** Whether the places are for it that are kept for operators. */
  readonly privileged?: boolean;
}

interface Reading {
  readonly allowed: () => boolean;
  readonly cut: () => void;
  readonly asker: string;
}

export class EventStreams {
  readonly #options: StreamsOptions;
  readonly #streams = new Map<EventStream, Reading>();
  readonly #texts: StreamTexts;
  readonly #frames: Frames;
  readonly #ended = new AbortController();
  #timer: unknown;
  #cutOff = 0;
  /** Readers who want frames: each heartbeat asks whether there are any. */
  #framed = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.#frames = new Frames(options.registry);
    this.#texts = new StreamTexts(options.epoch, options.partBytes);
    options.registry.on('protection', (edge) => this.#edge(edge), { signal: this.#ended.signal });
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Readers that were cut off. */
  get cutOff(): number {
    return this.#cutOff;
  }

  /** Called before a heartbeat is taken. */
  note(id: string): void {
    if (this.#framed > 0) this.#frames.note(id);
  }

  /** @throws ServiceError `too-many-streams` */
  open(options: OpenOptions): EventStream {
    const { service, frames = false, lastEventId } = options;
    const { allowed = () => true, cut = () => {}, asker = '', privileged = false } = options;
    const { registry, host, epoch } = this.#options;
    if (this.#ended.signal.aborted) throw new ServiceError('closing', 'the registry ends');
    this.#makeRoom(asker, privileged);
    const [, ofEpoch, revision] = /^([0-9a-f]{16})-(\d{1,15})$/.exec(lastEventId ?? '') ?? [];
    const after = ofEpoch === epoch ? Number(revision) : undefined;
    const stream = new EventStream({
      events: registry.watch(service, after === undefined ? {} : { after }),
      partOf: (event) => this.#texts.of(event, service),
      frames,
      service,
      now: host.now,
      onEnd: (ended) => {
        if (this.#streams.delete(ended) && ended.wantsFrames) this.#framed--;
      },
    });
    this.#streams.set(stream, { allowed, cut, asker });
    if (frames) this.#framed++;
    this.#tick();
    return stream;
  }

  /**
   * A place for one more. If there is none, who has more than the newcomer would have gives one up:
   * no asker can take all of them for long.
   *
   * @throws ServiceError `too-many-streams`
   */
  #makeRoom(asker: string, privileged: boolean): void {
    const { most } = this.#options;
    if (this.#streams.size < most + (privileged ? KEPT : 0)) return;
    const counts = new Map<string, number>();
    for (const { asker: of } of this.#streams.values()) counts.set(of, (counts.get(of) ?? 0) + 1);
    const [largest, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0]);
    if ((counts.get(asker) ?? 0) + 1 < count) {
      const last = [...this.#streams].filter(([, { asker: of }]) => of === largest).at(-1);
      if (last) this.#cut(...last);
      return;
    }
    throw new ServiceError('too-many-streams', `there are ${most} readers of events already`, {
      'retry-after': '10',
    });
  }

  #cut(stream: EventStream, { cut }: Reading): void {
    this.#cutOff++;
    stream.end();
    cut(); // who does not read would keep its connection, and count no more
  }

  /** Ends them all, and takes no more. */
  close(): void {
    this.#ended.abort();
    this.#options.host.clearTimeout(this.#timer);
    for (const stream of this.#streams.keys()) stream.end();
  }

  /** Every second, as long as there is a reader. */
  #tick(): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.#options.host.setTimeout(() => {
      this.#timer = undefined;
      if (this.#streams.size === 0) {
        this.#texts.rest();
        return this.#frames.rest();
      }
      this.#care();
      this.#sendFrames();
      this.#tick();
    }, SECOND);
  }

  #care(): void {
    const now = this.#options.host.now();
    for (const [stream, reading] of this.#streams) {
      const { stuckSince = now, frameSince = now, sentAt } = stream;
      if (!reading.allowed()) {
        stream.end();
        reading.cut();
      } else if (now - stuckSince > PATIENCE || now - frameSince > PATIENCE) {
        // Who takes so long for a frame of a second keeps old ones from being let go.
        this.#cut(stream, reading);
      } else if (now - sentAt > ALIVE && stream.stuckSince === undefined) {
        stream.edge(': alive\n\n');
      }
    }
  }

  #sendFrames(): void {
    if (this.#framed === 0) return;
    const at = this.#options.host.now();
    const wall = this.#options.wall();
    const services = this.#frames.take();
    const texts = new Map<string | undefined, Part>();
    for (const stream of this.#streams.keys()) {
      if (!stream.wantsFrames) continue;
      const { service } = stream;
      let text = texts.get(service);
      if (text === undefined) {
        const all = service === undefined ? [...services.values()].flat() : services.get(service);
        const data = JSON.stringify({ at, wall, rows: all ?? [] });
        text = this.#texts.whole(`event: frame\ndata: ${data}\n\n`);
        texts.set(service, text);
      }
      stream.frame(text);
    }
  }

  #edge(edge: { readonly service?: string }): void {
    const text = `event: protection\ndata: ${JSON.stringify(edge)}\n\n`;
    for (const stream of this.#streams.keys()) {
      const { service } = stream;
      if (service === undefined || edge.service === undefined || service === edge.service) {
        stream.edge(text);
      }
    }
  }
}
