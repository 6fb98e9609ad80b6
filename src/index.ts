/** phi-accrual: heartbeats in, suspicion out. */
export { PhiAccrualDetector } from './core/accrual-detector.js';
export {
  type ArrivalModel,
  arrivalModels,
  type ModelName,
  modelNames,
  type Reach,
} from './core/arrival-model.js';
export type { CohortSnapshot } from './core/cohort-snapshot.js';
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
export type { Explanation, Held } from './core/explanation.js';
export { FailureDetector } from './core/failure-detector.js';
export type {
  FlapDampingOptions,
  MassSilenceOptions,
  StallGuardOptions,
} from './core/guards.js';
export type { Timers } from './core/host.js';
export { IntervalWindow, type WindowSnapshot } from './core/interval-window.js';
export type { HeartbeatInfo, JournalSnapshot, Loss, PeerDrops } from './core/journal.js';
export type { LadderSnapshot } from './core/ladder-snapshot.js';
export type { Link, LinkOptions } from './core/link.js';
export type { MassSilenceEvent } from './core/mass-silence.js';
export type {
  DetectorOptions,
  LearnRule,
  LevelOptions,
  MinStdDev,
  WatchOptions,
} from './core/options.js';
export type { BeatOutcome, DropCounts, HeartbeatOutcome, Status } from './core/outcomes.js';
export type { Peer } from './core/peer.js';
export { phiOfZ, zOfPhi } from './core/phi.js';
export type { Clock, FailureDetectorOptions } from './core/settings.js';
export type {
  DetectorSnapshot,
  FailureDetectorSnapshot,
  LearntSnapshot,
  PeerSnapshot,
  RestoreOptions,
} from './core/snapshot.js';
