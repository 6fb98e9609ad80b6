/** The client's part of 'phi-accrual/registry'. */
export { type FollowEvents, FollowedService } from './followed-service.js';
export { HeldLease } from './held-lease.js';
export { type Fetch, RegistryError } from './http.js';
export type { LeaseError, LeaseEvents, LossReason } from './lease-events.js';
export { beatFromNode, type NodeBeats, type NodeBeatsOptions } from './node-beats.js';
export type { RegistrationRequest } from './registration.js';
export {
  type FailureReport,
  RegistryClient,
  type RegistryClientOptions,
} from './registry-client.js';
