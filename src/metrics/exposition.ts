/** The metrics in one registry, under one prefix, with the series of all its detectors. */
import { Counter, Gauge, type OpenMetricsContentType, type Registry } from 'prom-client';
import type { DetectorView, Reading } from './detector-view.js';
import { type Family, families, type Labels } from './families.js';

/** A registry of either format. */
export type MetricsRegistry = Registry | Registry<OpenMetricsContentType>;

/** A detector's view, whatever its ids are. */
type View = Pick<DetectorView<unknown>, 'read'>;

/** Which exposition a metric belongs to: a registry that was cleared has none any more. */
const expositions = new WeakMap<object, Exposition>();

/**
 * prom-client has one metric per name and registry, so detectors in the same registry share them
 * and are told apart by label `detector`.
 */
export class Exposition {
  readonly #registry: MetricsRegistry;
  readonly #prefix: string;
  readonly #metrics = new Map<string, Counter | Gauge>();
  /** By the value of label `detector`; undefined for a detector without that label. */
  readonly #views = new Map<string | undefined, View>();
  #readings: (readonly [Readonly<{ detector?: string }>, Reading])[] | undefined;

  private constructor(registry: MetricsRegistry, prefix: string) {
    this.#registry = registry;
    this.#prefix = prefix;
    for (const { name } of families) {
      if (registry.getSingleMetric(prefix + name) === undefined) continue;
      throw new Error(
        `prefix: the registry has another metric with the name ${prefix}${name}; give another prefix`,
      );
    }
    for (const family of families) this.#register(family);
  }

  /**
   * The exposition of a registry under a prefix, made if there is none.
   *
   * @throws Error if a name is taken by somebody else's metric; nothing is registered then
   */
  static of(registry: MetricsRegistry, prefix: string): Exposition {
    const first = registry.getSingleMetric(prefix + families[0].name);
    const known = first && expositions.get(first);
    return known && known.#prefix === prefix ? known : new Exposition(registry, prefix);
  }

  /** @throws Error if another detector has the name */
  add(name: string | undefined, view: View): void {
    if (this.#views.has(name)) {
      const which = name === undefined ? 'without a name' : `with the name "${name}"`;
      throw new Error(
        `name: the registry has a detector ${which} under prefix "${this.#prefix}" already; ` +
          'give each its own',
      );
    }
    this.#views.set(name, view);
  }

  /** Takes a detector's series away, and the metrics with the last one. */
  remove(name: string | undefined, view: View): void {
    if (this.#views.get(name) !== view) return;
    this.#views.delete(name);
    if (this.#views.size > 0) return;
    for (const [full, metric] of this.#metrics) {
      // The user may have cleared the registry, and used the name for something else.
      if (this.#registry.getSingleMetric(full) === metric) this.#registry.removeSingleMetric(full);
    }
  }

  #register(family: Family): void {
    const { help, labels } = family;
    const name = this.#prefix + family.name;
    const configuration = {
      name,
      help,
      labelNames: ['detector', ...labels],
      registers: [this.#registry],
      collect: () => this.#collect(family, metric),
    };
    const metric: Counter | Gauge = name.endsWith('_total')
      ? new Counter(configuration)
      : new Gauge(configuration);
    this.#metrics.set(name, metric);
    expositions.set(metric, this);
  }

  #collect({ sample }: Family, metric: Counter | Gauge): void {
    // Whatever is not sampled now is gone: forgotten peers, and stopped detectors.
    metric.reset();
    for (const [detector, reading] of this.#read()) {
      sample(reading, (value, labels?: Labels) => {
        if (value === undefined) return;
        if (metric instanceof Gauge) metric.set({ ...detector, ...labels }, value);
        else metric.inc({ ...detector, ...labels }, value);
      });
    }
  }

  /**
   * A registry collects all of its metrics before it awaits the first, so one reading serves all
   * of a scrape, and what they say fits together.
   */
  #read() {
    if (this.#readings === undefined) {
      this.#readings = Array.from(this.#views, ([detector, view]) => [
        detector === undefined ? {} : { detector },
        view.read(),
      ]);
      queueMicrotask(() => {
        this.#readings = undefined;
      });
    }
    return this.#readings;
  }
}
