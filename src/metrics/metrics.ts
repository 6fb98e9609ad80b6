/** phi-accrual/metrics: Prometheus metrics of a detector, and its events for diagnostics. */
export {
  type CollectHealthOptions,
  collectHealth,
  type ObservedHealth,
} from './collect-health.js';
export {
  type CollectOptions,
  collectMetrics,
  type MetricsCollection,
} from './collect-metrics.js';
export type { MetricsRegistry } from './exposition.js';
export type { Observation } from './observation.js';
export type { EventfulDetector, ObservedDetector } from './observed.js';
export { type Published, publishEvents } from './publish-events.js';
