/** Signed beats of one lease over UDP, and what is answered to them. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import {
  decodeAck,
  encodeBeat,
  hasTagOf,
  isUnsigned,
  keyOf,
  type SignedAck,
  type SignedBeat,
} from '../../sources/udp-signed.js';

/** What the registry must know a lease by. */
export interface Credentials {
  readonly id: string;
  readonly generation: number;
  readonly secret: string;
  readonly epoch: string;
}

/** So many beats may be under way; an answer to an older one is none. */
const UNDER_WAY = 64;

export interface AnsweredBeat {
  readonly ack: SignedAck;
  /** When the beat was sent. */
  readonly sentAt: number;
}

/** Sends beats and matches answers; when to beat is decided by its owner. */
export class SignedBeats {
  readonly #socket: Socket;
  #target: { readonly host: string; readonly port: number };
  readonly #onAnswer: (answered: AnsweredBeat) => void;
  readonly #onError: (error: Error) => void;
  readonly #onDoubt: () => void;
  #credentials: Credentials;
  #key: Buffer;
  #sentAt: number[] = [];
  #sequence = 0;
  #answered = 0;
  #closed = false;

  /**
   * @param onDoubt told when the registry, or who poses as it, says that it has started anew and
   * cannot check our signature
   */
  constructor(
    target: { host: string; port: number },
    credentials: Credentials,
    onAnswer: (answered: AnsweredBeat) => void,
    onError: (error: Error) => void,
    onDoubt: () => void = () => {},
  ) {
    this.#target = target;
    this.#onAnswer = onAnswer;
    this.#onError = onError;
    this.#onDoubt = onDoubt;
    this.#credentials = credentials;
    this.#key = keyOf(credentials.secret);
    this.#socket = createSocket(isIPv6(target.host) ? 'udp6' : 'udp4');
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('message', (datagram) => this.#read(datagram));
    this.#socket.unref();
  }

  /** How many beats since the last one that was answered. */
  get unanswered(): number {
    return this.#sequence - this.#answered;
  }

  /** A new generation numbers its beats anew; a registry that has started anew may be elsewhere. */
  use(credentials: Credentials, target = this.#target): void {
    this.#target = target;
    if (credentials.generation !== this.#credentials.generation) {
      this.#sequence = this.#answered = 0;
      this.#sentAt = [];
    }
    this.#credentials = credentials;
    this.#key = keyOf(credentials.secret);
  }

  send(
    sequence: number,
    at: number,
    beat: Pick<SignedBeat, 'signal' | 'ready' | 'ackWanted'>,
  ): void {
    this.#sequence = sequence;
    this.#sentAt[sequence % UNDER_WAY] = at;
    const { secret: _, ...named } = this.#credentials;
    const datagram = encodeBeat({ ...named, ...beat, sequence }, this.#key);
    const { host, port } = this.#target;
    this.#socket.send(datagram, port, host, (error) => {
      if (error) this.#fail(error);
    });
  }

  #read(datagram: Buffer): void {
    const ack = decodeAck(datagram);
    if (ack === undefined) return;
    const { id, generation } = this.#credentials;
    if (ack.id !== id || ack.generation !== generation) return;
    // Answers to old beats are not taken: one that was recorded must not bring an old epoch back.
    const age = this.#sequence - ack.sequence;
    if (ack.sequence <= this.#answered || age < 0 || age >= UNDER_WAY) return;
    if (isUnsigned(datagram)) {
      if (ack.status === 'epoch') this.#onDoubt();
      return;
    }
    if (!hasTagOf(datagram, this.#key)) return;
    this.#answered = ack.sequence;
    this.#onAnswer({ ack, sentAt: this.#sentAt[ack.sequence % UNDER_WAY] });
  }

  #fail(error: Error): void {
    if (!this.#closed) this.#onError(error);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
