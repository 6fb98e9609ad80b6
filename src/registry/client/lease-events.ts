/** What a lease says on the node's side. */
import type { ListenerError } from '../../core/emitter.js';

/** Something failed that is tried again: `event` says what, or which event's listener threw. */
export type LeaseError = ListenerError;

/**
 * Why a lease was lost: the registry does not know it (`'unknown'`), or does not know its secret any
 * more (`'wrong-secret'`), as after its key has changed.
 */
export type LossReason = 'unknown' | 'wrong-secret';

/** Times in ms of the client's clock. */
export interface LeaseEvents {
  /** The registry has accepted a heartbeat: the lease holds until `validUntil`. */
  renewed: { readonly generation: number; readonly validUntil: number };
  /**
   * The lease has run out at this holder: nothing that was sent within its ttl is known to have been
   * accepted. It goes on sending heartbeats, and `renewed` follows if the registry still has it.
   */
  expired: { readonly generation: number; readonly validUntil: number };
  /** The registry has no such lease; it is registered again, under a new generation. */
  lost: { readonly generation: number; readonly reason: LossReason };
  /** Somebody else has registered the id: this lease sends no more heartbeats, for good. */
  fenced: { readonly generation: number };
  /** Generation, secret or epoch are new. */
  credentials: { readonly generation: number; readonly epoch: string };
  error: LeaseError;
}
