/** The figures of all instances, once a second, for pages that draw them. */
import type { Registry } from '../registry.js';

/** id, φ, highest φ since the frame before, silence, mean, σ as used, until suspicion, weight. */
export type FrameRow = readonly [
  id: string,
  phi: number | null,
  peak: number | null,
  silence: number | null,
  mean: number | null,
  stdDev: number | null,
  suspectIn: number | null,
  weight: number,
];

/** Three decimals are more than a page shows. */
const short = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? Math.round(value * 1000) / 1000 : null;

export class Frames {
  readonly #registry: Registry;
  /** φ just before a heartbeat is a peak; by id, since the last frame. */
  readonly #peaks = new Map<string, number>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Called before a heartbeat is taken, while frames are wanted. */
  note(id: string): void {
    const phi = this.#detectorOf(id).phi(id);
    if (phi !== undefined && phi > (this.#peaks.get(id) ?? 0)) this.#peaks.set(id, phi);
  }

  /** The signal that is shown: that of the service, as long as it was ever given. */
  #detectorOf(id: string) {
    const { service, process } = this.#registry.detectors;
    const unused = this.#registry.get(id)?.signals.service === 'unused';
    return unused && process.status(id) !== undefined ? process : service;
  }

  /** The rows of all instances; peaks begin anew. */
  take(): Map<string, FrameRow[]> {
    const services = new Map<string, FrameRow[]>();
    const weights = new Map<string, number>();
    for (const { name } of this.#registry.services()) {
      services.set(name, []);
      for (const { id, weight } of this.#registry.route(name).targets) weights.set(id, weight);
    }
    for (const { id, service } of this.#registry.instances()) {
      const detector = this.#detectorOf(id);
      const facts = detector.explain(id);
      const phi = facts?.phi ?? 0;
      services
        .get(service ?? '')
        ?.push([
          id,
          short(facts?.phi),
          short(Math.max(phi, this.#peaks.get(id) ?? 0)),
          short(facts?.silence),
          short(facts?.mean),
          short(facts?.stdDevUsed),
          short(facts && facts.suspectAt - detector.now()),
          short(weights.get(id)) ?? 0,
        ]);
    }
    this.#peaks.clear();
    return services;
  }

  /** Nobody wants frames for now. */
  rest(): void {
    this.#peaks.clear();
  }
}
