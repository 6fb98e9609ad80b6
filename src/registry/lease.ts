/** What a registration gives: the right to beat, to drain and to leave, for one generation. */
import type { Beat, BeatOutcome } from './beat.js';
import type { Registered } from './member.js';

/** What a lease acts on; a `Registry` is one. */
export interface Lessor {
  heartbeat(id: string, beat: Beat): BeatOutcome;
  drain(id: string, options: { readonly by: 'node' }): boolean;
  deregister(id: string): boolean;
  get(id: string): { readonly generation: number } | undefined;
  secretOf(id: string, generation: number): string;
  expiresAt(id: string): number | undefined;
  now(): number;
}

/** A lease of one life of an instance, as `Registry.register` grants it. */
export class Lease {
  readonly id: string;
  readonly service: string | undefined;
  readonly address: string | undefined;
  /** Of this life, from 1; a later registration of the id has a higher one. */
  readonly generation: number;
  /** In ms. */
  readonly heartbeatInterval: number;
  /** How long it lasts without a heartbeat, in ms. */
  readonly ttl: number;
  readonly #lessor: Lessor;

  /** @internal leases come from `Registry.register` */
  constructor(
    about: Pick<Registered, 'id' | 'service' | 'address' | 'heartbeatInterval' | 'ttl'>,
    generation: number,
    lessor: Lessor,
  ) {
    this.id = about.id;
    this.service = about.service || undefined;
    this.address = about.address || undefined;
    this.heartbeatInterval = about.heartbeatInterval;
    this.ttl = about.ttl;
    this.generation = generation;
    this.#lessor = lessor;
  }

  /** Only its holder has it. */
  get secret(): string {
    return this.#lessor.secretOf(this.id, this.generation);
  }

  get #isOurs(): boolean {
    return this.#lessor.get(this.id)?.generation === this.generation;
  }

  /** When it runs out without a heartbeat, in ms of the registry's clock; −Infinity once it is over. */
  get expiresAt(): number {
    return (this.#isOurs ? this.#lessor.expiresAt(this.id) : undefined) ?? -Infinity;
  }

  /** Whether it is this life's turn still, and the lease has not run out. */
  isValid(now = this.#lessor.now()): boolean {
    return now < this.expiresAt;
  }

  /** A heartbeat: feeds φ and the lease. */
  renew(beat?: Omit<Beat, 'generation'>): BeatOutcome {
    return this.#lessor.heartbeat(this.id, { ...beat, generation: this.generation });
  }

  /** No traffic any more; false if the lease is over. */
  drain(): boolean {
    return this.#isOurs && this.#lessor.drain(this.id, { by: 'node' });
  }

  /** Ends it; false if it is over. */
  deregister(): boolean {
    return this.#isOurs && this.#lessor.deregister(this.id);
  }
}
