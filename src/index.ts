/** phi-accrual: heartbeats in, suspicion out. */
export { PhiAccrualDetector } from './core/accrual-detector.js';
export {
  type ArrivalModel,
  arrivalModels,
  type ModelName,
  type Reach,
} from './core/arrival-model.js';
export type {
  FailureDetectorEvents,
  LateHeartbeat,
  ListenerError,
  ListenOptions,
  Reason,
  Transition,
} from './core/events.js';
export { FailureDetector } from './core/failure-detector.js';
export { IntervalWindow } from './core/interval-window.js';
export type {
  Clock,
  DetectorOptions,
  FailureDetectorOptions,
  LearnRule,
  MinStdDev,
  WatchOptions,
} from './core/options.js';
export type { BeatOutcome, DropCounts, HeartbeatOutcome, Status } from './core/outcomes.js';
export type { Peer } from './core/peer.js';
export { phiOfZ, zOfPhi } from './core/phi.js';
