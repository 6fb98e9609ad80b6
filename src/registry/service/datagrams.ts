/** Heartbeats by UDP: signed ones of version 2, and on loopback those of version 1. */
import { listenDatagrams, type UdpListener } from '../../sources/udp-listener.js';
import {
  type AckStatus,
  decodeBeat,
  encodeAck,
  hasTagOf,
  keyOf,
  type SignedBeat,
  versionOf,
} from '../../sources/udp-signed.js';
import { decodeHeartbeats } from '../../sources/udp-wire.js';
import type { BeatOutcome } from '../beat.js';
import type { Registry } from '../registry.js';

/** Above it an incarnation is a time of day, as senders without a lease give: no generation. */
const HIGHEST_GENERATION = 2 ** 40;

export interface DatagramOptions {
  readonly registry: Registry;
  readonly epoch: string;
  /** Whether version 1, which anybody can send, is taken. */
  readonly unsigned: boolean;
  readonly port: number;
  readonly address: string;
  /** Called before a heartbeat is taken. */
  readonly note: (id: string) => void;
}

/** Datagrams that were not taken, by reason; heartbeats that were not are the registry's to count. */
export interface DatagramDrops {
  malformed: number;
  /** Of version 1 where signatures are demanded. */
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
  readonly dropped: Readonly<DatagramDrops>;
}

const ACKS: Readonly<Record<BeatOutcome, AckStatus>> = {
  accepted: 'accepted',
  unknown: 'unknown',
  'stale-generation': 'stale-generation',
  'no-generation': 'not-accepted',
  duplicate: 'not-accepted',
  'out-of-order': 'not-accepted',
  'not-finite': 'not-accepted',
};

export class Datagrams {
  readonly #options: DatagramOptions;
  readonly #drops: DatagramDrops = {
    malformed: 0,
    unsigned: 0,
    unregistered: 0,
    'wrong-tag': 0,
    epoch: 0,
  };
  /** Keys of present leases: working one out costs as much as the check of a tag. */
  readonly #keys = new Map<string, { readonly generation: number; readonly key: Buffer }>();
  #listener: UdpListener | undefined;
  #down = false;
  #turn: ((down: boolean) => void) | undefined;

  private constructor(options: DatagramOptions) {
    this.#options = options;
    options.registry.on('change', ({ kind, instance }) => {
      if (kind === 'deregistered' || kind === 'removed') this.#keys.delete(instance.id);
    });
  }

  /** @throws the system's error if the port cannot be had */
  static async open(options: DatagramOptions): Promise<Datagrams> {
    const datagrams = new Datagrams(options);
    const { port, address } = options;
    datagrams.#listener = await listenDatagrams(() => datagrams.#reader(), { port, address });
    return datagrams;
  }

  get port(): number | null {
    return this.#listener?.port ?? null;
  }

  /** Whether the socket has died and no other one is open yet. */
  get down(): boolean {
    return this.#down;
  }

  get stats(): DatagramStats {
    const { datagrams = 0, heartbeats = 0, errors = 0 } = this.#listener?.stats ?? {};
    return { datagrams, heartbeats, errors, dropped: { ...this.#drops } };
  }

  /** From now on, for good, silence says nothing of those who were heard here. */
  deafen(): void {
    this.#turn?.(true);
    this.#turn = undefined;
  }

  async close(): Promise<void> {
    this.deafen();
    await this.#listener?.close();
  }

  #reader() {
    const link = this.#options.registry.link();
    const { registry, unsigned } = this.#options;
    this.#turn = (down: boolean) => {
      this.#down = down;
      link[down ? 'down' : 'up']();
    };
    const drop = (reason: keyof DatagramDrops): number => {
      this.#drops[reason]++;
      return reason === 'malformed' ? -1 : 0;
    };
    return {
      link: { down: () => this.#turn?.(true), up: () => this.#turn?.(false) },
      read: (datagram: Buffer, answer: (bytes: Buffer) => void): number => {
        const at = registry.now();
        if (versionOf(datagram) === 1) {
          if (!unsigned) return drop('unsigned');
          const count = decodeHeartbeats(datagram, (id, { incarnation: generation, sequence }) => {
            if (generation === 0 || generation > HIGHEST_GENERATION) return drop('unregistered');
            this.#options.note(id);
            registry.heartbeat(id, { generation, sequence, at, link });
          });
          return count < 0 ? drop('malformed') : count;
        }
        const beat = decodeBeat(datagram);
        if (beat === undefined) return drop('malformed');
        const key = this.#keyOf(beat);
        // Who cannot sign gets no answer: neither what is known here, nor traffic for others.
        if (!hasTagOf(datagram, key)) return drop('wrong-tag');
        const reply = (status: AckStatus) => {
          const { id, generation, sequence } = beat;
          const { epoch } = this.#options;
          answer(encodeAck({ id, generation, sequence, epoch, status }, key));
        };
        if (beat.epoch !== this.#options.epoch) {
          reply('epoch');
          return drop('epoch');
        }
        const { id, generation, sequence, signal, ready } = beat;
        this.#options.note(id);
        const of = { generation, sequence, signal, at, link };
        // The process's signal says nothing of whether the service is ready.
        const outcome = registry.heartbeat(id, signal === 'service' ? { ...of, ready } : of);
        if (beat.ackWanted || outcome !== 'accepted') reply(ACKS[outcome]);
        return 1;
      },
    };
  }

  #keyOf({ id, generation }: SignedBeat): Buffer {
    const { registry } = this.#options;
    const known = this.#keys.get(id);
    if (known?.generation === generation) return known.key;
    const key = keyOf(registry.secretOf(id, generation));
    if (registry.get(id)?.generation === generation) this.#keys.set(id, { generation, key });
    return key;
  }
}
