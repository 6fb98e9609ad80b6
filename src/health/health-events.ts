/** What a health object says of itself. */
import type { ListenerError } from '../core/emitter.js';
import type { CheckRecord } from './reports.js';

/** The events of a health object, by name. */
export interface HealthEvents {
  /** A check has run. */
  result: CheckRecord;
  /** readyz has passed for the first time. */
  ready: { readonly at: number };
  error: ListenerError;
}
