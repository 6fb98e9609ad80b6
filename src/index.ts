/** phi-accrual: feed it heartbeats; it tells you how likely each peer has failed. */
export { FailureDetector } from './core/detector.js';
export type { ListenerError, ListenOptions } from './core/emitter.js';
export type {
  ClockStep,
  FailureDetectorEvents,
  LateHeartbeat,
  Reason,
  RefusedHeartbeat,
  Stall,
  Transition,
} from './core/events.js';
export type { Explanation, Held } from './core/explain.js';
export type {
  FlapDampingOptions,
  MassSilenceOptions,
  StallGuardOptions,
} from './core/guards.js';
export type {
  BeatOutcome,
  DropCounts,
  HeartbeatInfo,
  HeartbeatOutcome,
  Status,
} from './core/heartbeat.js';
export type { Timers } from './core/host.js';
export type { CohortSnapshot } from './core/model/calibrated/cohort-snapshot.js';
export type { LadderSnapshot } from './core/model/calibrated/snapshot.js';
export {
  type ArrivalModel,
  arrivalModels,
  type ModelName,
  modelNames,
  type Reach,
} from './core/model/distributions.js';
export type { LearntSnapshot } from './core/model/model.js';
export { phiOfZ, zOfPhi } from './core/model/phi.js';
export { IntervalWindow, type WindowSnapshot } from './core/model/window.js';
export type { MassSilenceEvent } from './core/monitor/mass-silence.js';
export type {
  DetectorOptions,
  LearnRule,
  LevelOptions,
  MinStdDev,
  WatchOptions,
} from './core/options.js';
export type { Peer } from './core/peer.js';
export type { Link, LinkOptions } from './core/peers/link.js';
export type { Loss, PeerDrops } from './core/peers/sequence.js';
export type { Clock, FailureDetectorOptions } from './core/settings.js';
export { PhiAccrualDetector } from './core/single.js';
export type {
  DetectorSnapshot,
  FailureDetectorSnapshot,
  JournalSnapshot,
  PeerSnapshot,
  RestoreOptions,
} from './core/snapshot.js';
