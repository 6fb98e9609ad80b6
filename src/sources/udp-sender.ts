/** A node's heartbeats, sent as UDP datagrams on an absolute schedule. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { isPlainText, PLAIN_TEXT } from '../core/text.js';
import { checkBoolean, checkKeys, checkNumber, checkRange, checkType } from '../core/validate.js';
import { parseTarget } from './target.js';
import { Turns } from './turns.js';
import {
  encodeFarewells,
  encodeHeartbeats,
  HEADER_BYTES,
  heartbeatBytes,
  MAX_BATCH,
  MAX_ID_BYTES,
  MAX_NUMBER,
  type WireHeartbeat,
} from './udp-wire.js';

export interface UdpSendOptions {
  /** The id to beat for, or several that share their datagrams: 1 to 255 bytes of UTF-8 each. */
  id: string | readonly string[];
  /** Where to: `'host:port'`, `'[::1]:port'`. */
  to: string;
  /** Between heartbeats, in ms. Default 1000. From 1 to 2³¹ − 1. */
  interval?: number;
  /**
   * A random delay of each heartbeat, as a share of the interval, so that many senders do not beat
   * in step. Default 0. From 0 to 1. The schedule itself does not drift.
   */
  jitter?: number;
  /**
   * Incarnation number; must increase at each restart of the node. Default `Date.now()`, anew
   * whenever the wall clock has been set forward: a node that started with its clock set back is
   * refused until then.
   */
  incarnation?: number;
  /** Whether beating keeps the process alive. Default false. */
  keepAlive?: boolean;
  /**
   * Whether {@link UdpSender.close} tells the listener that the ids leave, so that they are not
   * suspected. Default true. False ends like a crash.
   */
  farewell?: boolean;
  /** Told of each datagram that the system refused to send; counted in any case. */
  onError?: (error: Error) => void;
  /** Stops sending when it is aborted. */
  signal?: AbortSignal;
}

const KEYS = [
  'id',
  'to',
  'interval',
  'jitter',
  'incarnation',
  'keepAlive',
  'farewell',
  'onError',
  'signal',
];
/** Between the three copies of a farewell, in ms: UDP loses datagrams, and several at once. */
const PAUSES = [25, 50];
/** How long the last heartbeat may take, in ms, as where a name has to be resolved. */
const PATIENCE = 1000;
/** What passes every Ethernet path without being cut in pieces. */
const DATAGRAM_BYTES = 1400;
const MAX_DELAY = 2_147_483_647;
/** A wall clock that gains more than this between two heartbeats was set, in ms. */
const CLOCK_SET = 1000;

function checkIds(value: unknown): readonly string[] {
  const ids: unknown[] = Array.isArray(value) ? [...value] : [value];
  checkRange('id', 'at least one id', '[]', ids.length > 0);
  for (const id of ids) {
    checkType('id', 'a string, or several', id, typeof id === 'string');
    const bytes = Buffer.byteLength(id as string);
    checkRange('id', `1 to ${MAX_ID_BYTES} bytes of UTF-8`, id, bytes > 0 && bytes <= MAX_ID_BYTES);
    checkRange('id', PLAIN_TEXT, id, isPlainText(id as string));
  }
  return ids as string[];
}

/** Heartbeats into as few datagrams as they fit in. */
function batches(heartbeats: WireHeartbeat[]): WireHeartbeat[][] {
  const all: WireHeartbeat[][] = [];
  let bytes = Infinity;
  for (const heartbeat of heartbeats) {
    const size = heartbeatBytes(Buffer.byteLength(heartbeat.id));
    const batch = all.at(-1);
    if (batch === undefined || bytes + size > DATAGRAM_BYTES || batch.length === MAX_BATCH) {
      all.push([heartbeat]);
      bytes = HEADER_BYTES + size;
    } else {
      batch.push(heartbeat);
      bytes += size;
    }
  }
  return all;
}

/**
 * Beats for one or more ids until closed; the first heartbeat leaves at once, and the last datagrams
 * say that the ids leave.
 */
export class UdpSender {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #port: number;
  readonly #batches: WireHeartbeat[][];
  readonly #onError: ((error: Error) => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => void this.close();
  readonly #farewell: boolean;
  readonly #followsWall: boolean;
  /** By how much the wall clock was ahead of the monotonic one at the last heartbeat, in ms. */
  #ahead = Date.now() - performance.now();
  #turns: Turns | undefined;
  #sequence = 0;
  #errors = 0;
  #closed: Promise<void> | undefined;

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(options: UdpSendOptions) {
    const {
      id,
      to,
      interval = 1000,
      jitter = 0,
      incarnation,
      keepAlive = false,
      farewell = true,
      onError,
      signal,
    } = checkKeys('options', options, KEYS);
    const ids = checkIds(id);
    const { host, port } = parseTarget('to', to);
    this.#host = host;
    this.#port = port;
    checkNumber('interval', interval, { least: 1, most: MAX_DELAY, unit: 'ms' });
    checkNumber('jitter', jitter, { least: 0, most: 1 });
    const numbers = { least: 0, most: MAX_NUMBER, integer: true };
    const number = checkNumber('incarnation', incarnation ?? Date.now(), numbers);
    this.#followsWall = incarnation === undefined;
    this.#batches = batches(ids.map((each) => ({ id: each, incarnation: number, sequence: 0 })));
    checkBoolean('keepAlive', keepAlive);
    this.#farewell = checkBoolean('farewell', farewell);
    checkType('onError', 'a function', onError, /undefined|function/.test(typeof onError));
    this.#onError = onError;
    this.#signal = signal;
    this.#socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    this.#socket.on('error', (error) => this.#fail(error));
    if (!keepAlive) this.#socket.unref();
    if (this.#signal?.aborted) {
      void this.close();
      return;
    }
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
    this.#turns = new Turns(() => this.#beat(), { interval, jitter, keepAlive });
    this.#turns.start();
  }

  /** Heartbeats sent so far, for each id. */
  get sent(): number {
    return this.#sequence;
  }

  /** Datagrams that the system refused to send; later ones are sent all the same. */
  get errors(): number {
    return this.#errors;
  }

  /**
   * The clock was set forward: it may have been wrong when we took our number from it. One that was
   * set back changes nothing, for a lower number would be refused.
   */
  #renumber(): void {
    const wall = Date.now();
    const ahead = wall - performance.now();
    const wasSet = ahead - this.#ahead > CLOCK_SET;
    this.#ahead = ahead;
    if (!wasSet || wall > MAX_NUMBER) return;
    for (const batch of this.#batches) {
      for (const each of batch) each.incarnation = Math.max(each.incarnation, wall);
    }
  }

  #beat(): void {
    if (this.#followsWall) this.#renumber();
    this.#sequence++;
    for (const batch of this.#batches) {
      for (const heartbeat of batch) heartbeat.sequence = this.#sequence;
      this.#send(encodeHeartbeats(batch));
    }
  }

  #send(datagram: Buffer, done?: () => void): void {
    this.#socket.send(datagram, this.#port, this.#host, (error) => {
      if (error) this.#fail(error);
      done?.();
    });
  }

  #fail(error: Error): void {
    this.#errors++;
    if (!this.#closed) this.#onError?.(error);
  }

  /** Resolves once the last farewell was handed to the system, or could not be. */
  async #sayFarewell(): Promise<void> {
    const farewells = this.#batches.map(encodeFarewells);
    for (const ms of PAUSES) {
      for (const farewell of farewells) this.#send(farewell);
      // This timer keeps the process alive: it would end with one copy said, which may be lost.
      await new Promise<void>((resolve) => setTimeout(resolve, ms));
    }
    await new Promise<void>((resolve) => {
      const patience = setTimeout(resolve, PATIENCE);
      let left = farewells.length;
      for (const farewell of farewells) {
        this.#send(farewell, () => {
          if (--left > 0) return;
          clearTimeout(patience);
          resolve();
        });
      }
    });
  }

  async #end(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#turns?.close();
    if (this.#farewell && this.#sequence > 0) await this.#sayFarewell();
    this.#socket.close();
  }

  /**
   * Stops sending, for good. Unless `farewell` is false, the listener is told that the ids leave, in
   * three copies within 75 ms; that keeps the process alive. Resolves when the last one was handed
   * to the system, and never rejects; nobody needs to wait for it.
   */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }
}
