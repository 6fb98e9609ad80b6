/**
 * The ways by which heartbeats come. While all links by which a peer was heard of late are down,
 * silence says nothing of it. A link is numbered only while peers are heard by it, so that one for
 * each of millions of connections costs nothing once its peers are gone.
 */
import { checkKeys, checkNumber } from '../validate.js';

/** Of a detector's link, and of one outage of it. Times in ms. */
export interface LinkOptions {
  /**
   * How long silence does not count at most while the link is down. Default `Infinity`. Lower finds
   * peers that never come back sooner, and suspects those behind a longer outage.
   */
  readonly maxHold?: number;
  /**
   * How long peers have to be heard again after `up()`. Default one `heartbeatInterval` of the
   * detector. Raise it where senders reconnect by a back-off.
   */
  readonly grace?: number;
}

/** A way by which heartbeats come: a socket, a connection. Goes with a heartbeat as `info.link`. */
export interface Link {
  /**
   * Heartbeats cannot arrive: from now on silence does not count for peers that were heard by this
   * link, and by no other that is up, in their last few intervals. `until` is the time of the
   * detector's clock, in ms, from which it counts again in any case; default: after `maxHold`.
   *
   * @throws TypeError, RangeError for an `until` that is no time
   */
  down(options?: { readonly until?: number }): void;
  /**
   * They can again. Silence counts from the peer's next heartbeat on, or after `grace` ms (default:
   * the link's).
   *
   * @throws TypeError, RangeError for a `grace` that is no time
   */
  up(options?: { readonly grace?: number }): void;
  /** The link is no more: silence of its peers counts, and it may be forgotten. */
  close(): void;
  /** {@link Link.close}, for `using`. */
  [Symbol.dispose](): void;
}

const DURATION = { least: 0, most: Infinity, unit: 'ms' } as const;
const GRACE = { ...DURATION, most: 1e15 } as const;
const TIME = { least: -Number.MAX_VALUE, most: Infinity, unit: 'ms' } as const;
const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

/** Outages that are told apart: of the time before them it is forgotten what was paused. */
const KEPT = 256;

/** One outage of a link. */
interface Outage {
  readonly from: number;
  /** When silence counts again: the outage is over, or its hold. */
  to: number;
  /** When the link came back, and until when its peers have time to be heard; Infinity before. */
  upAt: number;
  graceEnd: number;
}

/** What a link tells its detector's {@link Links}. */
export interface LinkOwner {
  /** The time that all is stored in, and what it is ahead of the clock that callers have. */
  now(): number;
  readonly offset: number;
  /** An outage of the link began, changed or ended; silence counts again at `until`. */
  changed(link: DetectorLink, until: number, isSooner: boolean): void;
}

/** A span of time, from and to. */
export type Span = readonly [from: number, to: number];

export class DetectorLink implements Link {
  readonly owner: LinkOwner;
  readonly #options: Required<LinkOptions>;
  #outages: Outage[] = [];
  #isClosed = false;
  /** Its number while peers are heard by it, kept by {@link Links}; 0 for none. */
  number = 0;
  /** Peers that were heard by it of late. */
  peers = 0;

  /** @throws TypeError, RangeError that name the option */
  constructor(owner: LinkOwner, grace: number, options: LinkOptions = {}) {
    const given = checkKeys<LinkOptions>('link', options, ['maxHold', 'grace']);
    this.owner = owner;
    this.#options = {
      maxHold: checkNumber('link.maxHold', given.maxHold ?? Infinity, DURATION),
      grace: checkNumber('link.grace', given.grace ?? grace, GRACE),
    };
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The outage that has not ended. */
  get #open(): Outage | undefined {
    const last = this.#outages.at(-1);
    return last?.upAt === Infinity ? last : undefined;
  }

  /** Whether `down()` was called, and `up()` was not yet. */
  get isOut(): boolean {
    return this.#open !== undefined;
  }

  /** Whether silence does not count at `at`. */
  isDownAt(at: number): boolean {
    return this.spans(at, at + 1).some(([from, to]) => from <= at && at < to);
  }

  down(options?: { readonly until?: number }): void {
    const given = checkKeys<{ until?: number }>('down', options, ['until']);
    const now = this.owner.now();
    const open = this.#open;
    const from = open?.from ?? now;
    const { offset } = this.owner;
    const until = given.until ?? from + this.#options.maxHold - offset;
    const to = Math.max(checkNumber('until', until, TIME) + offset, from);
    if (this.#isClosed) return;
    if (open) {
      if (given.until === undefined) return; // it is down already
      open.to = to;
    } else {
      this.#outages.push({ from, to, upAt: Infinity, graceEnd: Infinity });
      if (this.#outages.length >= 2 * KEPT) this.#outages = this.#outages.slice(-KEPT);
    }
    this.owner.changed(this, to, open !== undefined);
  }

  up(options?: { readonly grace?: number }): void {
    const { grace = this.#options.grace } = checkKeys<LinkOptions>('up', options, ['grace']);
    checkNumber('grace', grace, GRACE);
    this.#end(grace);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#end(0);
    this.#isClosed = true;
  }

  [DISPOSE](): void {
    this.close();
  }

  #end(grace: number): void {
    const open = this.#open;
    if (open === undefined) return;
    const now = this.owner.now();
    open.upAt = now;
    open.to = Math.max(Math.min(open.to, now), open.from);
    open.graceEnd = now + grace;
    this.owner.changed(this, open.graceEnd, true);
  }

  /**
   * When silence does not count, of the time between two instants, apart from each other and in
   * order. Who was heard at `from` after the link came back needs no grace.
   */
  spans(from: number, to: number): Span[] {
    const found: Span[] = [];
    const add = (start: number, end: number) => {
      const begin = Math.max(start, from, found.at(-1)?.[1] ?? -Infinity);
      const stop = Math.min(end, to);
      if (begin < stop) found.push([begin, stop]);
    };
    const outages = this.#outages;
    for (let i = 0; i < outages.length; i++) {
      const outage = outages[i];
      add(outage.from, outage.to);
      // The next outage may begin within the grace.
      const graceEnd = Math.min(outage.graceEnd, outages[i + 1]?.from ?? Infinity);
      if (from < outage.upAt && outage.upAt < Infinity) add(outage.upAt, graceEnd);
    }
    return found;
  }
}

/** What is in both of two lists of spans. */
export function inBoth(a: readonly Span[], b: readonly Span[]): Span[] {
  const found: Span[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const from = Math.max(a[i][0], b[j][0]);
    const to = Math.min(a[i][1], b[j][1]);
    if (from < to) found.push([from, to]);
    if (a[i][1] < b[j][1]) i++;
    else j++;
  }
  return found;
}
