/** Heartbeats that arrive as UDP datagrams. */
import { createSocket, type Socket } from 'node:dgram';
import type { EventEmitter } from 'node:events';
import { isIPv6 } from 'node:net';
import { checkKeys, checkNumber, checkType } from '../core/validate.js';
import type { HeartbeatLink, HeartbeatSink, SourceInfo } from './heartbeat-sink.js';
import { type ArrivedFrom, ThreadSocket } from './udp-thread.js';
import { decodeFarewells, decodeHeartbeats, isFarewell } from './udp-wire.js';

export interface UdpListenOptions {
  /** Default 7946; 0 takes a free one. */
  port?: number;
  /**
   * The local address. Default `'127.0.0.1'`: datagrams are not authenticated, so whoever can
   * reach the port can keep a dead peer alive.
   */
  address?: string;
  /**
   * What the kernel may hold for us while the process is busy, in bytes; it may grant less (see
   * {@link UdpListener.receiveBufferBytes}). Default 4 MiB, some 10,000 small datagrams; the
   * kernel's own default holds 256, and drops the newest.
   */
  receiveBufferBytes?: number;
  /** Closes the listener when it is aborted. */
  signal?: AbortSignal;
}

/** What a listener has seen, since its start. */
export interface UdpListenStats {
  datagrams: number;
  heartbeats: number;
  /** Datagrams that were dropped whole, because they are not of the wire form. */
  malformed: number;
  /** Errors that the socket reported. */
  errors: number;
}

type OpenSocket = (address: string, port: number) => Promise<Socket | ThreadSocket>;

/** What a listener does with a datagram. */
export interface DatagramReader {
  /**
   * Takes one that has just arrived; returns how many heartbeats it held, or −1 for what is
   * malformed, and must not throw. `answer` sends back to where it came from, during the call only,
   * and the bytes are good no longer either. `age` is how long ago it arrived, in ms: 0 unless a
   * thread reads.
   */
  read(datagram: Buffer, answer: (datagram: Buffer) => void, age: number): number;
  /** Told how many datagrams were dropped so far because nobody read them in time, when a thread reads. */
  overflowed?(total: number): void;
  /** Told when the socket has died, and when another one is open in its place. */
  readonly link?: HeartbeatLink | undefined;
}

/** Versions 1 and 3: heartbeats and farewells that go to a sink. */
function readerFor(sink: HeartbeatSink): DatagramReader {
  const link = sink.link?.();
  let at = 0;
  const take = (id: string, info: SourceInfo) => {
    info.link = link;
    sink.heartbeat(id, at, info);
  };
  const ids: string[] = [];
  const infos: SourceInfo[] = [];
  const collect = (id: string, { incarnation, sequence }: SourceInfo) => {
    const i = ids.push(id) - 1;
    infos[i] ??= { incarnation, sequence, link };
    infos[i].incarnation = incarnation;
    infos[i].sequence = sequence;
  };
  const leave = (id: string, info: SourceInfo) => {
    info.link = link;
    sink.leave?.(id, info);
  };
  return {
    link,
    read(datagram) {
      if (isFarewell(datagram)) return Math.min(decodeFarewells(datagram, leave), 0);
      at = sink.now();
      const isOne = datagram[3] === 1;
      if (isOne || sink.heartbeats === undefined) return decodeHeartbeats(datagram, take);
      ids.length = 0;
      const count = decodeHeartbeats(datagram, collect);
      if (count > 0) sink.heartbeats(ids, at, infos);
      return count;
    },
  };
}

const KEYS = ['port', 'address', 'receiveBufferBytes', 'signal'];

/** A socket that died is opened anew after so many ms, then after twice as many, and so on. */
const FIRST_RETRY = 100;
const LONGEST_RETRY = 5000;

/**
 * An open UDP port whose heartbeats go to a sink. It keeps the process alive until closed. A socket
 * that dies is replaced at the same port; until then the sink's link is down.
 */
export class UdpListener {
  readonly #open: OpenSocket;
  readonly #reader: DatagramReader;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => void this.close();
  readonly #stats: UdpListenStats = { datagrams: 0, heartbeats: 0, malformed: 0, errors: 0 };
  readonly #granted: number;
  readonly #bound: { address: string; port: number };
  #socket: Socket | ThreadSocket;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #unreferenced = false;
  #closed: Promise<void> | undefined;

  /** @internal use {@link listenUdp} */
  constructor(
    socket: Socket | ThreadSocket,
    open: OpenSocket,
    reader: DatagramReader,
    signal: AbortSignal | undefined,
  ) {
    this.#open = open;
    this.#reader = reader;
    this.#signal = signal;
    this.#bound = socket.address();
    this.#granted = socket.getRecvBufferSize();
    this.#socket = socket;
    this.#read(socket);
    if (signal?.aborted) void this.close();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  #read(socket: Socket | ThreadSocket): void {
    const reader = this.#reader;
    const events: EventEmitter = socket;
    events.on('overflowed', (total: number) => reader.overflowed?.(total));
    events.on('unsent', () => this.#stats.errors++);
    const sent = (error: Error | null) => {
      if (error) this.#stats.errors++;
    };
    let from: ArrivedFrom;
    const answer = (bytes: Buffer) => socket.send(bytes, from.port, from.address, sent);
    events.on('message', (datagram: Buffer, arrived: ArrivedFrom) => {
      this.#stats.datagrams++;
      from = arrived;
      const heartbeats = reader.read(datagram, answer, arrived.age ?? 0);
      if (heartbeats < 0) this.#stats.malformed++;
      else this.#stats.heartbeats += heartbeats;
    });
    events.on('error', () => {
      this.#stats.errors++;
      events.removeAllListeners('message');
      events.removeAllListeners('error').on('error', () => {});
      socket.close();
      this.#reader.link?.down();
      this.#reopen(FIRST_RETRY);
    });
  }

  #reopen(delay: number): void {
    this.#retry = setTimeout(async () => {
      const { address, port } = this.#bound;
      const socket = await this.#open(address, port).catch(() => undefined);
      if (this.#closed) socket?.close();
      else if (socket === undefined) this.#reopen(Math.min(2 * delay, LONGEST_RETRY));
      else {
        this.#socket = socket;
        if (this.#unreferenced) socket.unref();
        this.#read(socket);
        this.#retry = undefined;
        this.#reader.link?.up();
      }
    }, delay);
    if (this.#unreferenced) this.#retry.unref();
  }

  /** @internal calls once what has arrived by now was read; at once unless a thread reads */
  caughtUp(call: () => void): void {
    const socket = this.#socket;
    if (socket instanceof ThreadSocket) socket.caughtUp(call);
    else call();
  }

  /** @internal hands on what a thread has read by now, unless that would take long */
  takeIn(): void {
    if (this.#socket instanceof ThreadSocket) this.#socket.takeIn();
  }

  /** @internal whether some that a thread has read waits to be handed on */
  get behind(): boolean {
    return this.#socket instanceof ThreadSocket && this.#socket.behind;
  }

  get address(): string {
    return this.#bound.address;
  }

  get port(): number {
    return this.#bound.port;
  }

  /** What the kernel granted; Linux counts its own overhead in and reports twice the request. */
  get receiveBufferBytes(): number {
    return this.#granted;
  }

  /** Counts so far. */
  get stats(): Readonly<UdpListenStats> {
    return { ...this.#stats };
  }

  /** Lets the process end though the port is open. */
  unref(): this {
    this.#unreferenced = true;
    this.#retry?.unref();
    if (this.#retry === undefined) this.#socket.unref();
    return this;
  }

  /** Closes the port; no heartbeat is handed on after it. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#signal?.removeEventListener('abort', this.#abort);
      clearTimeout(this.#retry);
      if (this.#retry !== undefined) {
        this.#reader.link?.up(); // nobody would say it later
        this.#reader.link?.close?.();
        return resolve(); // the socket died before
      }
      this.#socket.removeAllListeners('message');
      this.#socket.close(() => resolve());
      this.#reader.link?.close?.();
    });
    return this.#closed;
  }
}

/**
 * Listens on a UDP port and hands the heartbeats to `sink`, with the time of their arrival, and the
 * farewells, if it has `leave`.
 *
 * @throws TypeError, RangeError (as a rejection) that name the option; the system's error if the
 * port cannot be had
 */
export async function listenUdp(
  sink: HeartbeatSink,
  options?: UdpListenOptions,
): Promise<UdpListener> {
  const isSink = typeof sink?.heartbeat === 'function' && typeof sink.now === 'function';
  checkType('sink', 'an object with heartbeat() and now()', sink, isSink);
  return listenDatagrams(() => readerFor(sink), options);
}

/**
 * As {@link listenUdp}, for a reader of whatever arrives, made once the port is open. With `thread`
 * a thread empties the kernel's buffer, whatever keeps this one's loop busy: libuv reads no more
 * than 32 datagrams in a turn of it. As much as `receiveBufferBytes` may wait in between.
 *
 * @throws as it does
 */
export async function listenDatagrams(
  makeReader: () => DatagramReader,
  options?: UdpListenOptions,
  thread = false,
): Promise<UdpListener> {
  const given = checkKeys('options', options, KEYS);
  const {
    port: wished = 7946,
    address = '127.0.0.1',
    receiveBufferBytes = 4 << 20,
    signal,
  } = given;
  const isAddress = typeof address === 'string' && address !== '';
  checkType('address', 'a host name or IP address', address, isAddress);
  const port = checkNumber('port', wished, { least: 0, most: 65_535, integer: true });
  const recvBufferSize = checkNumber('receiveBufferBytes', receiveBufferBytes, {
    least: 1024,
    most: 1 << 30,
    integer: true,
  });
  const open: OpenSocket = async (host, at) => {
    if (thread) {
      const about = { port: at, address: host, ipv6: isIPv6(host), recvBufferSize };
      return ThreadSocket.open({ ...about, most: recvBufferSize });
    }
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', recvBufferSize });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      // Workers of node:cluster would share the port, and each would hear a part of the heartbeats.
      socket.bind({ port: at, address: host, exclusive: true }, resolve);
    });
    return socket.removeAllListeners('error');
  };
  return new UdpListener(await open(address, port), open, makeReader(), signal);
}
