/** What 'phi-accrual/health' exports. */
export type { Alarms } from './alarms.js';
export type { Check, CheckAnswer, CheckResult } from './check.js';
export { aboutOthers, NotRun } from './check.js';
export { type Ping, type PingCheckOptions, postgresCheck, redisCheck } from './checks/clients.js';
export { type CpuCheckOptions, cpuCheck } from './checks/cpu.js';
export { type DiskCheckOptions, type DiskIo, diskCheck } from './checks/disk.js';
export { type EventLoopCheckOptions, eventLoopCheck } from './checks/event-loop.js';
export { type HttpCheckOptions, httpCheck } from './checks/http.js';
export { type MemoryCheckOptions, memoryCheck } from './checks/memory.js';
export { type ProcessCheckOptions, processCheck } from './checks/process.js';
export type { StatusRange } from './checks/status-range.js';
export { type TcpCheckOptions, tcpCheck } from './checks/tcp.js';
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
export type { HealthEvents } from './health-events.js';
export type { HealthOptions } from './health-options.js';
export type { Loop, LoopOptions } from './loops.js';
export {
  type MembersOptions,
  membersCheck,
  type WatchedInstance,
  type WatchedInstances,
  type WatchedPeers,
} from './members.js';
export type { HealthAnswers, HealthReading } from './metrics-view.js';
export type { NodeHandler, NodeRequest, NodeResponse } from './mount.js';
export type { TlsOptions } from './net/exchange.js';
export { type Outliers, type OutliersOptions, outliers, type Side } from './outliers.js';
export { leaseCheck, type ValidLease } from './own-lease.js';
export type { Mark, Progress, ProgressOptions, Sample } from './progress.js';
export type { CheckRecord, CheckReport, CheckStatus, GroupReport } from './reports.js';
export type { ScheduleOptions } from './schedule.js';
export type { CheckState, GroupState, LoopState, RunState, StatusPage } from './status.js';
export type { Profile } from './wire.js';
