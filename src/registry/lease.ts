/** What a registration gives: the right to beat, to drain and to leave, for one generation. */
import type { Beat, BeatOutcome } from './beat.js';
import type { HeartbeatIntake } from './heartbeat-intake.js';
import type { Leases } from './leases.js';
import type { Member } from './member.js';

/** A lease of one incarnation of an instance, as `Registry.register` grants it. */
export class Lease {
  readonly id: string;
  readonly service: string | undefined;
  readonly address: string | undefined;
  /** Of this incarnation, from 1; a later registration of the id has a higher one. */
  readonly generation: number;
  /** In ms. */
  readonly heartbeatInterval: number;
  /** How long it lasts without a heartbeat, in ms. */
  readonly ttl: number;
  readonly #leases: Leases;
  readonly #intake: HeartbeatIntake;

  /** @internal leases come from `Registry.register` */
  constructor(member: Member, leases: Leases, intake: HeartbeatIntake) {
    const { about, generation } = member;
    this.id = about.id;
    this.service = about.service || undefined;
    this.address = about.address || undefined;
    this.heartbeatInterval = about.heartbeatInterval;
    this.ttl = about.ttl;
    this.generation = generation;
    this.#leases = leases;
    this.#intake = intake;
  }

  /** Only its holder has it. */
  get secret(): string {
    return this.#leases.keyOf(this.id, this.generation).toString('base64url');
  }

  get #isPresent(): boolean {
    return this.#leases.present(this.id, this.generation);
  }

  /** When it runs out without a heartbeat, in ms of the registry's clock; −Infinity once it is over. */
  get expiresAt(): number {
    return (this.#isPresent ? this.#leases.expiresAt(this.id) : undefined) ?? -Infinity;
  }

  /** Whether its incarnation is the present one, and the lease has not run out. */
  isValid(now = this.#leases.now()): boolean {
    return now < this.expiresAt;
  }

  /** A heartbeat: feeds φ and the lease. */
  renew(beat?: Omit<Beat, 'generation'>): BeatOutcome {
    return this.#intake.heartbeat(this.id, { ...beat, generation: this.generation });
  }

  /** No traffic any more; false if the lease is over. */
  drain(): boolean {
    return this.#isPresent && this.#leases.drain(this.id, 'node');
  }

  /** Ends it; false if it is over. */
  deregister(): boolean {
    return this.#isPresent && this.#leases.leave(this.id, 'deregistered', undefined);
  }
}
