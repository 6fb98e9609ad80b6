/** The service's prober, which connects to nobody but those who registered. */
import { Prober, type ProberOptions } from '../probe/index.js';
import type { Registry } from '../registry.js';

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

  /** An instance is about to register from there. */
  note(id: string, address: string | undefined): void {
    if (address !== undefined) this.#sources.set(id, address);
  }

  close(): void {
    this.#prober.close();
  }
}
