/** What a lease says on the node's side. */
import type { ListenerError } from '../../core/emitter.js';

/** Something failed that is tried again: `event` says what, or which event's listener threw. */
export type LeaseError = ListenerError;

/** Times in ms of the client's clock. */
export interface LeaseEvents {
  /** The registry has heard a beat: the lease holds until `validUntil`. */
  renewed: { readonly generation: number; readonly validUntil: number };
  /** The registry does not know the lease; it is registered again, under a new generation. */
  lost: { readonly generation: number };
  /** Another life has registered the id: this one beats no more, for good. */
  fenced: { readonly generation: number };
  /** Generation, secret or epoch are new. */
  credentials: { readonly generation: number; readonly epoch: string };
  error: LeaseError;
}
