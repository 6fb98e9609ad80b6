/** What 'phi-accrual/registry' exports. */
export type {
  Beat,
  BeatOutcome,
  ProbeOutcome,
  ProbeResult,
  RegistryDrops,
  RegistryLink,
} from './beat.js';
export * from './client/index.js';
export type {
  ProtectionEvent,
  ProtectionRule,
  RegistryEvents,
  RestartEvent,
  SignalTransition,
} from './events.js';
export type { InstanceExplanation } from './explain.js';
export type {
  InstanceStatus,
  InstanceView,
  Registration,
  SignalName,
  SignalState,
} from './instance.js';
export { Lease } from './lease.js';
export type { PastChange } from './member.js';
export type { OutlierOptions, RegistryOptions, RestartCause, SignalOptions } from './options.js';
export * from './probe/index.js';
export type { GoneRecord, InstanceRecord, MemberRecord } from './records.js';
export { Registry, RegistryFull } from './registry.js';
export type { Learnt } from './signals.js';
export type { DrainedBy, Generations } from './tombstones.js';
export type * from './views.js';
export type { WatchOptions } from './watching.js';
