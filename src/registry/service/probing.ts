/** The service's prober, which connects to nobody but those who registered. */
import type { InstanceView } from '../instance.js';
import { Prober, type ProberOptions } from '../probe/index.js';
import type { Registry } from '../registry.js';
import { ServiceError } from './errors.js';

/** Options of the prober that are for the user of the service to choose. */
export type ServiceProbeOptions = Omit<ProberOptions, 'clock' | 'signal' | 'source'>;

export class Probing {
  readonly #prober: Prober;
  /** The addresses from which instances registered with this process. */
  readonly #sources = new Map<string, string>();

  /** @throws TypeError, RangeError that name the option */
  constructor(registry: Registry, options: ServiceProbeOptions, clock: ProberOptions['clock']) {
    // Networks that are named say whom to connect to; nodes may register through a proxy then.
    const source = ({ id }: { id: string }) => this.#sources.get(id);
    const whom = options.allow === undefined ? { source } : {};
    this.#prober = new Prober(registry, { ...options, ...whom, ...(clock && { clock }) });
    registry.on('change', ({ kind, instance: { id } }) => {
      if (kind === 'deregistered' || kind === 'removed') this.#sources.delete(id);
    });
  }

  /** Registrations that were refused because they could never be polled. */
  refused = 0;

  /** Targets, and polls by outcome. */
  get stats() {
    const { stats, limited, unpollable } = this.#prober;
    return { ...stats, ...limited, unpollable, registrationsRefused: this.refused };
  }

  /**
   * An instance is about to register from there.
   *
   * @throws ServiceError `invalid` if it could never be polled
   */
  note(about: Pick<InstanceView, 'id' | 'service' | 'address'>, address: string | undefined): void {
    const why = this.#prober.refusal(about);
    if (why === undefined) {
      if (address !== undefined) this.#sources.set(about.id, address);
      return;
    }
    this.refused++;
    throw new ServiceError('invalid', `address: this registry polls it, and never could: ${why}`);
  }

  close(): void {
    this.#prober.close();
  }
}
