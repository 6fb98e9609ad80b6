/** The stream of events: open, lost, refused, or silent though it is open. */

export type ConnectionState = 'connecting' | 'live' | 'reconnecting' | 'silent' | 'closed';

/** What of an `EventSource` is used. */
export interface Source {
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onerror: ((event: Event) => void) | null;
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

export interface ConnectionOptions {
  readonly open: () => Source;
  readonly types: readonly string[];
  readonly onMessage: (type: string, text: string) => void;
  readonly onState: (state: ConnectionState) => void;
  /** The browser gave up: an answer that is no stream of events, such as 401. */
  readonly onRefused: () => void;
  /** In ms. */
  readonly now: () => number;
}

const CLOSED = 2;
/** Frames come each second: after so many ms without one the figures are old. */
const SILENT = 3500;
const SOONEST = 1000;
const LATEST = 15_000;

export class Connection {
  readonly #options: ConnectionOptions;
  #source: Source | undefined;
  #state: ConnectionState = 'closed';
  #heardAt = 0;
  #retryAt = Infinity;
  #wait = SOONEST;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** When something came last, in ms of the page's clock; 0 for never. */
  get heardAt(): number {
    return this.#heardAt;
  }

  open(): void {
    this.close();
    const source = this.#options.open();
    this.#source = source;
    this.#set(this.#heardAt === 0 ? 'connecting' : 'reconnecting');
    source.onopen = () => {
      this.#wait = SOONEST;
      this.#heardAt = this.#options.now();
      this.#set('live');
    };
    source.onerror = () => {
      if (this.#source !== source) return;
      if (source.readyState !== CLOSED) return this.#set('reconnecting'); // it tries by itself
      this.close();
      this.#options.onRefused();
    };
    for (const type of this.#options.types) {
      source.addEventListener(type, ({ data }) => {
        this.#heardAt = this.#options.now();
        this.#set('live');
        this.#options.onMessage(type, data);
      });
    }
  }

  /** Opens again after a while: twice as long each time, up to 15 s. */
  retry(): void {
    this.#retryAt = this.#options.now() + this.#wait;
    this.#wait = Math.min(2 * this.#wait, LATEST);
    this.#set('reconnecting');
  }

  /** To be called now and then: sees that nothing comes any more, and when to try again. */
  tick(): void {
    const now = this.#options.now();
    if (now >= this.#retryAt) this.open();
    else if (this.#state === 'live' && now - this.#heardAt > SILENT) this.#set('silent');
  }

  close(): void {
    this.#source?.close();
    this.#source = undefined;
    this.#retryAt = Infinity;
    this.#set('closed');
  }

  #set(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState(state);
  }
}
