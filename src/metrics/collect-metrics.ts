/** Prometheus metrics of a detector, worked out when they are scraped. */
import { register } from 'prom-client';
import { checkKeys, checkNumber, checkRange, checkType } from '../core/validate.js';
import { DetectorView } from './detector-view.js';
import { Exposition, type MetricsRegistry } from './exposition.js';
import { type Observation, observation } from './observation.js';
import type { ObservedDetector } from './observed.js';

export interface CollectOptions<Id = string> {
  /** Where the metrics are registered. Default prom-client's global registry. */
  registry?: MetricsRegistry;
  /** What the name of every metric begins with. Default `'phi_accrual_'`. */
  prefix?: string;
  /**
   * Value of label `detector`. Default none, and no such label; needed as soon as a second
   * detector is in the same registry under the same prefix.
   */
  name?: string;
  /**
   * So many peers have series of their own: suspects first, then in the order of the watches.
   * Default 1000. More cost memory here and in Prometheus; metric `omitted_peers` tells how many
   * are left out.
   */
  maxSeries?: number;
  /** Value of label `peer`. Default `String`; peers of equal labels share one series. */
  label?: (id: Id) => string;
}

/** The metrics of one detector, until they are stopped. */
export interface MetricsCollection extends Observation {
  /** Where they are registered. */
  readonly registry: MetricsRegistry;
}

const KEYS = ['registry', 'prefix', 'name', 'maxSeries', 'label'];

/**
 * Registers metrics of a detector and of its peers. Gauges are read when they are scraped; events
 * are counted from now on. A closed detector has no peers any more and can still be scraped.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came; Error if
 * the registry has such metrics already, of something else or of a detector of the same name
 */
export function collectMetrics<Id>(
  detector: ObservedDetector<Id>,
  options?: CollectOptions<Id>,
): MetricsCollection {
  const given: Partial<CollectOptions<Id>> = checkKeys('options', options, KEYS);
  const { registry = register, prefix = 'phi_accrual_', name, label = String } = given;
  const isDetector = typeof detector?.on === 'function' && typeof detector.peers === 'function';
  checkType('detector', 'a FailureDetector', detector, isDetector);
  const isRegistry = typeof registry?.getSingleMetric === 'function';
  checkType('registry', 'a Registry of prom-client', registry, isRegistry);
  const begins = 'what a metric name may begin with: letters, digits, _ and :, no digit first';
  checkType('prefix', begins, prefix, typeof prefix === 'string');
  checkRange('prefix', begins, prefix, /^([a-z_:][a-z0-9_:]*)?$/i.test(prefix));
  const isName = name === undefined || (typeof name === 'string' && name !== '');
  checkType('name', 'a string that is not empty', name, isName);
  checkType('label', 'a function', label, typeof label === 'function');
  const maxSeries = checkNumber('maxSeries', given.maxSeries ?? 1000, {
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
    integer: true,
  });

  const exposition = Exposition.of(registry, prefix);
  const listening = new AbortController();
  const view = new DetectorView(detector, maxSeries, label, listening.signal);
  try {
    exposition.add(name, view);
  } catch (error) {
    listening.abort();
    throw error;
  }
  const stop = () => {
    listening.abort();
    exposition.remove(name, view);
  };
  return { registry, ...observation(stop) };
}
