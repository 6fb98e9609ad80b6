/**
 * Heartbeats by UDP: signed ones of version 2, and on loopback those of version 1.
 *
 * While datagrams are lost unread, this observer is too slow for what it hears, and the silence of
 * those who are heard here says nothing: the link is down until it keeps up, and for a while longer.
 */
import { type Host, platform } from '../../core/host.js';
import { listenDatagrams, type UdpListener } from '../../sources/udp-listener.js';
import {
  type AckStatus,
  decodeBeat,
  encodeAck,
  hasTagOf,
  type SignedBeat,
  versionOf,
} from '../../sources/udp-signed.js';
import { decodeHeartbeats, isFarewell } from '../../sources/udp-wire.js';
import type { BeatOutcome } from '../beat.js';
import type { Registry } from '../registry.js';
import { LossHold } from './loss-hold.js';

/** Above it an incarnation is a time of day, as senders without a lease give: no generation. */
const HIGHEST_GENERATION = 2 ** 40;

export interface DatagramOptions {
  readonly registry: Registry;
  readonly epoch: string;
  /** Whether version 1, which anybody can send, is taken. */
  readonly unsigned: boolean;
  readonly port: number;
  readonly address: string;
  /** Somebody beats whom only a registry before this one can have known. */
  readonly onUnknownBeat?: () => void;
  /** Called before a heartbeat is taken. */
  readonly note: (id: string) => void;
  /** Whether a thread reads the port; its times are those of `performance`. Default false. */
  readonly thread?: boolean;
  /** How long silence does not count after losses, in ms: the registry's `heartbeatInterval`. Default 1000. */
  readonly grace?: number;
  /** Timers; default the platform's. */
  readonly host?: Pick<Host, 'setTimeout' | 'clearTimeout'>;
}

/** Datagrams that were not taken, by reason; heartbeats that were not are the registry's to count. */
export interface DatagramDrops {
  malformed: number;
  /** Of version 1 where signatures are demanded; and farewells, which have none and end no lease. */
  unsigned: number;
  /** Of version 1 without a generation: the sender has no lease. */
  unregistered: number;
  'wrong-tag': number;
  /** Meant for another start of the registry: late, or recorded and sent again. */
  epoch: number;
}

/** What a UDP port has seen. */
export interface DatagramStats {
  readonly datagrams: number;
  readonly heartbeats: number;
  /** Of the socket. */
  readonly errors: number;
  /** Datagrams that came and were lost unread, because there was no room: 0 where that is not told. */
  readonly overflowed: number;
  readonly dropped: Readonly<DatagramDrops>;
}

const ACKS: Readonly<Record<BeatOutcome, AckStatus>> = {
  accepted: 'accepted',
  unknown: 'unknown',
  'stale-generation': 'stale-generation',
  'no-generation': 'not-accepted',
  unverified: 'not-accepted',
  duplicate: 'not-accepted',
  'out-of-order': 'not-accepted',
  'invalid-time': 'not-accepted',
  'in-the-future': 'not-accepted',
};

/** That we have started anew, to a sender whose signature we cannot check: nothing that it may trust. */
const hintFor = ({ id, generation, sequence }: SignedBeat, epoch: string): Buffer =>
  encodeAck({ id, generation, sequence, epoch, status: 'epoch' }, undefined);

export class Datagrams {
  readonly #options: DatagramOptions;
  readonly #drops: DatagramDrops = {
    malformed: 0,
    unsigned: 0,
    unregistered: 0,
    'wrong-tag': 0,
    epoch: 0,
  };
  #listener: UdpListener | undefined;
  #down = false;
  #overflowed = 0;
  /** What the present socket has told of it. */
  #counted = 0;
  readonly #hold: LossHold;
  #turn: (() => void) | undefined;

  private constructor(options: DatagramOptions) {
    this.#options = options;
    const { registry, grace = 1000 } = options;
    this.#hold = new LossHold({
      now: () => registry.now(),
      host: this.#host,
      grace,
      turn: () => this.#turn?.(),
    });
  }

  /** @throws the system's error if the port cannot be had */
  static async open(options: DatagramOptions): Promise<Datagrams> {
    const datagrams = new Datagrams(options);
    const { port, address, thread } = options;
    datagrams.#listener = await listenDatagrams(
      () => datagrams.#reader(),
      { port, address },
      thread,
    );
    return datagrams;
  }

  /** Takes in what was read, unless that would take long. */
  takeIn(): void {
    this.#listener?.takeIn();
  }

  /** Whether some that was read waits to be taken in. */
  get behind(): boolean {
    return this.#listener?.behind ?? false;
  }

  /** Calls once what has arrived by now was taken in. */
  caughtUp(call: () => void): void {
    if (this.#listener) this.#listener.caughtUp(call);
    else call();
  }

  get port(): number | null {
    return this.#listener?.port ?? null;
  }

  /** Whether the socket has died and no other one is open yet. */
  get down(): boolean {
    return this.#down;
  }

  /** Whether datagrams are lost unread, so that nobody who is heard here is judged. */
  get overloaded(): boolean {
    return this.#hold.held;
  }

  get stats(): DatagramStats {
    const { datagrams = 0, heartbeats = 0, errors = 0 } = this.#listener?.stats ?? {};
    const overflowed = this.#overflowed;
    return { datagrams, heartbeats, errors, overflowed, dropped: { ...this.#drops } };
  }

  /** From now on, for good, silence says nothing of those who were heard here. */
  deafen(): void {
    this.#hear(false);
    this.#turn = undefined;
    this.#hold.close();
  }

  get #host() {
    return this.#options.host ?? platform;
  }

  /** The socket has died, or another one has taken its place. */
  #hear(heard: boolean): void {
    this.#down = !heard;
    this.#counted = 0; // another socket begins anew
    this.#turn?.();
  }

  #lost(total: number): void {
    this.#overflowed += total - this.#counted;
    this.#counted = total;
    if (this.#turn !== undefined) this.#hold.lost();
  }

  async close(): Promise<void> {
    this.deafen();
    await this.#listener?.close();
  }

  #reader() {
    const link = this.#options.registry.link();
    const { registry, unsigned } = this.#options;
    this.#turn = () => link[this.#down || this.overloaded ? 'down' : 'up']();
    const drop = (reason: keyof DatagramDrops): number => {
      this.#drops[reason]++;
      return reason === 'malformed' ? -1 : 0;
    };
    return {
      link: { down: () => this.#hear(false), up: () => this.#hear(true) },
      overflowed: (total: number) => this.#lost(total),
      read: (datagram: Buffer, answer: (bytes: Buffer) => void, age: number): number => {
        const at = registry.now() - age;
        if (versionOf(datagram) === 1) {
          if (!unsigned) return drop('unsigned');
          const count = decodeHeartbeats(datagram, (id, { incarnation: generation, sequence }) => {
            if (generation === 0 || generation > HIGHEST_GENERATION) return drop('unregistered');
            this.#options.note(id);
            registry.heartbeat(id, { generation, sequence, at, link, verified: false });
          });
          return count < 0 ? drop('malformed') : count;
        }
        if (isFarewell(datagram)) return drop('unsigned');
        const beat = decodeBeat(datagram);
        if (beat === undefined) return drop('malformed');
        const key = registry.keyOf(beat.id, beat.generation);
        const reply = (status: AckStatus) => {
          const { id, generation, sequence } = beat;
          const { epoch } = this.#options;
          answer(encodeAck({ id, generation, sequence, epoch, status }, key));
        };
        // Who cannot sign gets no answer: neither what is known here, nor traffic for others. But a
        // node that was registered before we started may have its secret from another key than ours:
        // without a word it would go on for a good while unheard.
        if (!hasTagOf(datagram, key)) {
          if (beat.epoch !== this.#options.epoch) {
            if (registry.get(beat.id) === undefined) this.#options.onUnknownBeat?.();
            answer(hintFor(beat, this.#options.epoch));
          }
          return drop('wrong-tag');
        }
        if (beat.epoch !== this.#options.epoch) {
          reply('epoch');
          return drop('epoch');
        }
        const { id, generation, sequence, signal, ready } = beat;
        this.#options.note(id);
        const isService = signal === 'service';
        // The process's signal says nothing of whether the service is ready.
        const outcome = registry.heartbeat(
          id,
          isService
            ? { generation, sequence, signal, at, link, ready }
            : { generation, sequence, signal, at, link },
        );
        if (beat.ackWanted || outcome !== 'accepted') reply(ACKS[outcome]);
        return 1;
      },
    };
  }
}
