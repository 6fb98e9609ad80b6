/** Metrics of whatever has figures to be read: worked out when they are scraped, in a registry of their own. */
import { Counter, Gauge, Registry } from 'prom-client';

/** One metric: `read` adds its series. */
export interface Figure {
  /** With its prefix; counters end in `_total`, and only they do. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  read(add: (value: number, labels?: Readonly<Record<string, string>>) => void): void;
}

/** A registry of prom-client with nothing in it. */
export const emptyRegistry = (): Registry => new Registry();

/**
 * Registers figures.
 *
 * @throws Error if the registry has a metric of such a name
 */
export function registerFigures(registry: Registry, figures: Iterable<Figure>): void {
  for (const { name, help, labels = [], read } of figures) {
    const configuration = {
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect: () => {
        metric.reset(); // what is not read now is gone
        read((value, given = {}) => {
          if (metric instanceof Gauge) metric.set({ ...given }, value);
          else metric.inc({ ...given }, value);
        });
      },
    };
    const metric: Counter | Gauge = name.endsWith('_total')
      ? new Counter(configuration)
      : new Gauge(configuration);
  }
}
