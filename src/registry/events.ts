/** What a registry says. */
import type { ListenerError } from '../core/emitter.js';
import type { Transition } from '../core/events.js';
import type { InstanceView, SignalName } from './instance.js';
import type { RestartCause } from './options.js';
import type { Change } from './views.js';

/** A signal of an instance was suspected, or has returned; times in ms of the registry's clock. */
export interface SignalTransition extends Transition {
  readonly signal: SignalName;
  /** As it stands after it: routing has changed already. */
  readonly instance: InstanceView;
}

export type ProtectionRule =
  | 'stall'
  | 'mass-silence'
  | 'panic'
  | 'removal'
  | 'outliers'
  | 'links'
  | 'learning';

/** The edge of a protection; a stall is over when it is noticed. */
export interface ProtectionEvent {
  readonly rule: ProtectionRule;
  readonly active: boolean;
  /** Undefined for the registry as a whole. */
  readonly service?: string;
  /** In ms of the registry's clock. */
  readonly at: number;
  readonly reason?: string;
  /** The numbers that led to it. */
  readonly [figure: string]: string | number | boolean | undefined;
}

/** An instance is dead, or a zombie, and may be restarted; or need not be any more. */
export interface RestartEvent {
  readonly instance: InstanceView;
  readonly cause: RestartCause;
  /** From 1; forgotten after a while in service. */
  readonly attempt: number;
  /** In ms of the registry's clock. */
  readonly at: number;
}

/** The events of a registry, by name. */
export interface RegistryEvents {
  change: Change;
  /** What is to be kept of an id has changed: `Registry.record` says what it is by now. */
  record: { readonly id: string };
  suspect: SignalTransition;
  available: SignalTransition;
  protection: ProtectionEvent;
  'restart-needed': RestartEvent;
  'restart-cancelled': RestartEvent;
  error: ListenerError;
}
