/** What 'phi-accrual/registry' exports. */
export type {
  Beat,
  BeatOutcome,
  ProbeOutcome,
  ProbeResult,
  RegistryDrops,
} from './beat.js';
export * from './client/index.js';
export type { Comparison } from './comparisons.js';
export type { DrainedBy } from './drains.js';
export type {
  ProtectionEvent,
  ProtectionRule,
  RegistryEvents,
  RestartEvent,
  SignalTransition,
} from './events.js';
export type { InstanceExplanation } from './explain.js';
export { Lease } from './lease.js';
export type { PastChange } from './member.js';
export type { OutlierOptions, RegistryOptions, RestartCause, SignalOptions } from './options.js';
export * from './probe/index.js';
export type { Protection } from './protection.js';
export type { GoneRecord, InstanceRecord, MemberRecord } from './records.js';
export type { Registration } from './registration.js';
export { Registry, RegistryFull } from './registry.js';
export type { Freeze, FreezeReason } from './removal.js';
export type { Learnt, RegistryLink, SignalName } from './signals.js';
export type * from './views.js';
export type { WatchOptions } from './watching.js';
