/**
 * Metrics by service. So many services as `maxSeries` have series of their own, those in a panic
 * first; all others share the series of service "", a name that no service has: sums stay right.
 */
import type { Figure } from '../../metrics/figures.js';
import type { Registry } from '../registry.js';
import type { ServiceSummary } from '../views.js';

interface Standing extends ServiceSummary {
  readonly panics: boolean;
}

/** How every service stands, those in a panic first. */
function standings(registry: Registry): Standing[] {
  const panics = new Set(registry.protection.panic.map(({ service }) => service));
  const all = registry.services().map((each) => ({ ...each, panics: panics.has(each.name) }));
  return [...all.filter((each) => each.panics), ...all.filter((each) => !each.panics)];
}

/** Sums by label: a service's name, or "" for those beyond `most`. */
function sums(all: readonly Standing[], most: number, value: (of: Standing) => number) {
  const found = new Map<string, number>();
  all.forEach((each, i) => {
    const label = i < most ? each.name : '';
    found.set(label, (found.get(label) ?? 0) + value(each));
  });
  return found;
}

/** The metrics of which each service has a series. */
export function servicesOf(registry: Registry, prefix: string, most: number): Figure[] {
  const figure = (name: string, help: string, value: (of: Standing) => number): Figure => ({
    name: prefix + name,
    help,
    labels: ['service'],
    read: (add) => {
      for (const [service, sum] of sums(standings(registry), most, value)) add(sum, { service });
    },
  });
  return [
    {
      name: `${prefix}instances`,
      help: 'Instances by service and status.',
      labels: ['service', 'status'],
      read: (add) => {
        const own = new Set(
          standings(registry)
            .slice(0, most)
            .map(({ name }) => name),
        );
        const counts = new Map<string, Map<string, number>>();
        for (const { service = '', status } of registry.instances()) {
          const label = own.has(service) ? service : '';
          const of = counts.get(label) ?? new Map<string, number>();
          counts.set(label, of.set(status, (of.get(status) ?? 0) + 1));
        }
        for (const [service, of] of counts) {
          for (const [status, count] of of) add(count, { service, status });
        }
      },
    },
    figure('population', 'Instances that count in the share of a panic.', ({ n }) => n),
    figure('routable', 'Of these, who may get traffic for its own sake.', (of) => of.available),
    figure(
      'panic',
      '1 while routing does not believe what is known of the service, else 0.',
      (of) => Number(of.panics),
    ),
    {
      name: `${prefix}omitted_services`,
      help: 'Services without series of their own, by maxSeries: they share service "".',
      read: (add) => add(Math.max(0, registry.services().length - most)),
    },
  ];
}
