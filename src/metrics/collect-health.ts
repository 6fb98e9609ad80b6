/** Prometheus metrics of health checks, as etcd and kube-apiserver name them. */
import { Counter, Gauge, register } from 'prom-client';
import { checkKeys, checkRange, checkType } from '../core/validate.js';
import type { MetricsRegistry } from './exposition.js';
import { type Observation, observation } from './observation.js';

/** What is used of a health object. */
export interface ObservedHealth {
  readings(): Iterable<{
    readonly type: string;
    readonly name: string;
    readonly passing: boolean;
    readonly success: number;
    readonly error: number;
  }>;
  /** How often `/health` said true, and false; undefined where there is none. */
  answers?(): { readonly success: number; readonly failure: number } | undefined;
}

export interface CollectHealthOptions {
  /** Where the metrics are registered. Default prom-client's global registry. */
  registry?: MetricsRegistry;
  /** What the names of all metrics begin with. Default `'phi_accrual_'`. */
  prefix?: string;
}

/** etcd's counters of its `/health`, by its own names, which do not end in `_total`. */
const ANSWERED = [
  { name: 'health_success', help: 'Answers of /health that said true.', of: 'success' },
  { name: 'health_failures', help: 'Answers of /health that said false.', of: 'failure' },
] as const;

/**
 * Registers `<prefix>healthcheck{type,name}`, 1 while the check passes and 0 while it fails, and
 * `<prefix>healthchecks_total{type,name,status}`; checks that are gone, or never ran, have no
 * series. Where there is etcd's `/health`, `<prefix>health_success` and `<prefix>health_failures`
 * as well. All are read when they are scraped. Scraping runs no check.
 *
 * @throws TypeError, RangeError that name the option; Error if the registry has such metrics
 */
export function collectHealth(health: ObservedHealth, options?: CollectHealthOptions): Observation {
  const { registry = register, prefix = 'phi_accrual_' } = checkKeys('options', options, [
    'registry',
    'prefix',
  ]);
  checkType('health', 'a health object', health, typeof health?.readings === 'function');
  const isRegistry = typeof registry?.getSingleMetric === 'function';
  checkType('registry', 'a Registry of prom-client', registry, isRegistry);
  const answered = health.answers?.() === undefined ? [] : ANSWERED;
  const own = ['healthcheck', 'healthchecks_total', ...answered.map(({ name }) => name)];
  const names = own.map((name) => prefix + name);
  for (const name of names) {
    const taken = registry.getSingleMetric(name) !== undefined;
    checkRange('prefix', 'one under which the registry has no health checks', prefix, !taken);
  }
  const registers = [registry];
  const gauge = new Gauge({
    name: names[0],
    help: '1 while the health check passes, 0 while it fails.',
    labelNames: ['type', 'name'],
    registers,
    collect() {
      this.reset();
      for (const { type, name, passing } of health.readings()) {
        this.set({ type, name }, Number(passing));
      }
    },
  });
  const counter = new Counter({
    name: names[1],
    help: 'Runs of the health check, by how they ended.',
    labelNames: ['type', 'name', 'status'],
    registers,
    collect() {
      this.reset();
      for (const { type, name, success, error } of health.readings()) {
        this.inc({ type, name, status: 'success' }, success);
        this.inc({ type, name, status: 'error' }, error);
      }
    },
  });
  const counters = answered.map(
    ({ name, help, of }) =>
      new Counter({
        name: prefix + name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(health.answers?.()?.[of] ?? 0);
        },
      }),
  );
  return observation(() => {
    for (const [i, metric] of [gauge, counter, ...counters].entries()) {
      // The user may have cleared the registry, and used the name for something else.
      if (registry.getSingleMetric(names[i]) === metric) registry.removeSingleMetric(names[i]);
    }
  });
}
