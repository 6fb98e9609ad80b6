/** phi-accrual/service: the registry over HTTP and UDP, with its state in a file. */
export type { InstanceView } from '../instance.js';
export type { DemoNodes } from './context.js';
export type { ErrorCode } from './errors.js';
export type { ServiceNotice, ServiceOptions } from './options.js';
export type { ServiceProbeOptions } from './probing.js';
export { type RegistryService, startService } from './start-service.js';
export { StateError } from './state/load.js';
export { type BoundToken, type Role, readTokens, type Tokens } from './tokens.js';
