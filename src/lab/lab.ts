/** phi-accrual/lab: worlds in which detectors are tried. */
export { nominalInterval } from './replay/arrivals.js';
export {
  cassandra,
  type ExponentialOptions,
  exponentialUnbounded,
} from './replay/baselines/exponential.js';
export { fixedTimeout } from './replay/baselines/fixed-timeout.js';
export {
  type BertierOptions,
  bertier,
  chen,
  type FreshnessOptions,
  twoWindow,
} from './replay/baselines/freshness.js';
export { type HayashibaraOptions, hayashibara } from './replay/baselines/hayashibara.js';
export { type SatzgerOptions, satzger } from './replay/baselines/satzger.js';
export { type ReplayControls, type ReplayOptions, replay } from './replay/replay.js';
export type { Calibration, DetectionTime, Score } from './replay/score.js';
export type {
  MakeTraceDetector,
  TraceContext,
  TraceDetector,
  TraceInfo,
} from './replay/trace-detector.js';
export type { Guard, MakeDetector, SimulatedOptions } from './simulation/detector-port.js';
export type { Fault, NetworkQuality, Which } from './simulation/faults.js';
export { FIELD_KINDS, type FieldKind } from './simulation/field/kinds.js';
export { INVARIANTS, type Invariant, type Violation } from './simulation/invariants.js';
export type { SimulationEvent } from './simulation/observer.js';
export type { Accuracy, Detection } from './simulation/quality.js';
export { type RandomScenarioOptions, randomScenario } from './simulation/random-scenario.js';
export { type Simulation, simulate } from './simulation/simulate.js';
export type { SimulateOptions } from './simulation/simulate-options.js';
export { readTrace, type TraceSource } from './traces/read-trace.js';
export { type Trace, TraceError, type TraceSession } from './traces/trace.js';
export {
  type TraceHeartbeat,
  TraceWriter,
  type TraceWriterOptions,
} from './traces/trace-writer.js';
export { writeTrace } from './traces/write-trace.js';
export { type Interval, rateInterval } from './tune/confidence.js';
export type { TuneGoal } from './tune/goal.js';
export { halves } from './tune/halves.js';
export type { CurvePoint, Expectation, Tuned } from './tune/search.js';
export {
  type ModelCurve,
  type TuneControls,
  type TunedModel,
  type TuneReport,
  tune,
} from './tune/tune.js';
