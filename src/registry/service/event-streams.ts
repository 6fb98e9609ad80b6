/** All readers of server-sent events: texts that they share, frames, and who reads too slowly. */
import type { Host } from '../../core/host.js';
import type { Registry } from '../registry.js';
import type { InstanceView, WatchEvent } from '../views.js';
import { ServiceError } from './errors.js';
import { EventStream } from './event-stream.js';
import { Frames } from './frames.js';

/** In ms: the frames, and the look at those that do not read. */
const SECOND = 1000;
/** Who does not read for so long is cut off; it may come back, and resumes. */
const PATIENCE = 10_000;
/** Proxies end connections on which nothing is said. */
const ALIVE = 15_000;

export interface StreamsOptions {
  readonly registry: Registry;
  readonly epoch: string;
  /** The most readers at once. */
  readonly most: number;
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
}

export class EventStreams {
  readonly #options: StreamsOptions;
  readonly #streams = new Map<EventStream, Required<Pick<OpenOptions, 'allowed' | 'cut'>>>();
  readonly #frames: Frames;
  readonly #ended = new AbortController();
  /** Texts of changes by their views, which all readers are given alike. */
  readonly #texts = new WeakMap<InstanceView, string>();
  #snapshot: { revision: number; service: string | undefined; text: string } | undefined;
  #timer: unknown;
  #cutOff = 0;
  /** Readers who want frames: each heartbeat asks whether there are any. */
  #framed = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.#frames = new Frames(options.registry);
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
    const { allowed = () => true, cut = () => {} } = options;
    const { registry, most, host, epoch } = this.#options;
    if (this.#ended.signal.aborted) throw new ServiceError('closing', 'the registry ends');
    if (this.#streams.size >= most) {
      throw new ServiceError('too-many-streams', `there are ${most} readers of events already`, {
        'retry-after': '10',
      });
    }
    const [, ofEpoch, revision] = /^([0-9a-f]{16})-(\d{1,15})$/.exec(lastEventId ?? '') ?? [];
    const after = ofEpoch === epoch ? Number(revision) : undefined;
    const stream = new EventStream({
      events: registry.watch(service, after === undefined ? {} : { after }),
      textOf: (event) => this.#textOf(event, service),
      frames,
      service,
      now: host.now,
      onEnd: (ended) => {
        if (this.#streams.delete(ended) && ended.wantsFrames) this.#framed--;
      },
    });
    this.#streams.set(stream, { allowed, cut });
    if (frames) this.#framed++;
    this.#tick();
    return stream;
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
      if (this.#streams.size === 0) return this.#frames.rest();
      this.#care();
      this.#sendFrames();
      this.#tick();
    }, SECOND);
  }

  #care(): void {
    const now = this.#options.host.now();
    for (const [stream, { allowed, cut }] of this.#streams) {
      const { stuckSince, sentAt } = stream;
      if (!allowed()) {
        stream.end();
        cut(); // who does not read would keep its connection, and count no more
      } else if (stuckSince !== undefined && now - stuckSince > PATIENCE) {
        this.#cutOff++;
        stream.end();
        cut();
      } else if (now - sentAt > ALIVE && stuckSince === undefined) {
        stream.edge(': alive\n\n');
      }
    }
  }

  #sendFrames(): void {
    if (this.#framed === 0) return;
    const at = this.#options.host.now();
    const wall = this.#options.wall();
    const services = this.#frames.take();
    const texts = new Map<string | undefined, string>();
    for (const stream of this.#streams.keys()) {
      if (!stream.wantsFrames) continue;
      const { service } = stream;
      let text = texts.get(service);
      if (text === undefined) {
        const all = service === undefined ? [...services.values()].flat() : services.get(service);
        text = `event: frame\ndata: ${JSON.stringify({ at, wall, rows: all ?? [] })}\n\n`;
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

  #textOf(event: WatchEvent, service: string | undefined): string {
    const { epoch } = this.#options;
    const { type, revision, ...rest } = event;
    const write = (data: object) =>
      `id: ${epoch}-${revision}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
    if (event.type === 'snapshot') {
      const known = this.#snapshot;
      if (known?.revision === revision && known.service === service) return known.text;
      const text = write({ revision, ...rest });
      this.#snapshot = { revision, service, text };
      return text;
    }
    let text = this.#texts.get(event.instance);
    if (text === undefined) {
      text = write({ revision, ...rest });
      this.#texts.set(event.instance, text);
    }
    return text;
  }
}
