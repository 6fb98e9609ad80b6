/** The prober: what it exports. */
export type { ProbeFunction, ProberOptions } from './options.js';
export {
  type ProbeEvent,
  Prober,
  type ProberEvents,
  type ProbeSink,
  type ProbeView,
} from './prober.js';
