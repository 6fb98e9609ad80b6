/** What 'phi-accrual/health' exports. */
export { aboutOthers, type Check, type CheckAnswer, type CheckResult, NotRun } from './check.js';
export { type DiskCheckOptions, type DiskIo, diskCheck } from './checks/disk.js';
export {
  type HttpCheckOptions,
  httpCheck,
  type Ping,
  type PingCheckOptions,
  postgresCheck,
  redisCheck,
  type StatusRange,
  type TcpCheckOptions,
  tcpCheck,
} from './checks/network.js';
export {
  type CpuCheckOptions,
  cpuCheck,
  type EventLoopCheckOptions,
  eventLoopCheck,
  type MemoryCheckOptions,
  memoryCheck,
} from './checks/own-process.js';
export { type ProcessCheckOptions, processCheck } from './checks/process.js';
export {
  leaseCheck,
  type MembersOptions,
  membersCheck,
  type ValidLease,
  type WatchedInstance,
  type WatchedInstances,
  type WatchedPeers,
} from './checks/registry.js';
export type { Alarms } from './conditions.js';
export {
  type DeepCheck,
  type DeepRun,
  type DeepRunEvent,
  type DeepStateEvent,
  deepCheck,
  Producer,
  type ProducerEvents,
  type ProducerOptions,
} from './deep.js';
export type { GraphState } from './dependencies.js';
export {
  type Dependency,
  DependencyGraph,
  type Edge,
  type NodeState,
  type NodeStatus,
  type OwnState,
  rootCauses,
} from './dependency-graph.js';
export type { CheckOptions } from './groups.js';
export { createHealth, type Health } from './health.js';
export type { HealthOptions } from './health-options.js';
export type { Loop, LoopOptions } from './loops.js';
export type { TlsOptions } from './net/exchange.js';
export { type Outliers, type OutliersOptions, outliers, type Side } from './outliers.js';
export type { Mark, Progress, ProgressOptions, Sample } from './progress.js';
export type {
  CheckRecord,
  CheckReport,
  CheckStatus,
  GroupReport,
  HealthEvents,
} from './reports.js';
export type { NodeHandler, NodeRequest, NodeResponse } from './router.js';
export type { ScheduleOptions } from './schedule.js';
export type {
  CheckState,
  GroupState,
  HealthAnswers,
  HealthReading,
  LoopState,
  RunState,
  StatusPage,
} from './status.js';
export type { Profile } from './wire.js';
