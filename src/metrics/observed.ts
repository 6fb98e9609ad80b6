/** What is asked of a detector to be observed; every `FailureDetector` answers it. */
import type { ListenOptions } from '../core/events.js';

/** Whose events are published. An event that it does not have is never heard. */
export interface EventfulDetector {
  // biome-ignore lint/suspicious/noExplicitAny: by event; a union would need all of them known.
  on(event: string, listener: (payload: any) => void, options?: ListenOptions): unknown;
}

/** What metrics read of `explain()`. */
export interface PeerFacts {
  /** Since the last heartbeat, in ms, without what the process itself was stalled. */
  readonly silence?: number | undefined;
  /** New lives of the peer since it is watched. */
  readonly restarts?: number | undefined;
  readonly flaps?: number | undefined;
  /** Heartbeats lost on the way; `rate` is their share, 0 to 1. */
  readonly loss?: { readonly rate?: number | undefined } | undefined;
}

/** Whose metrics are collected. */
export interface ObservedDetector<Id = string> extends EventfulDetector {
  readonly size: number;
  readonly dropped: Readonly<Record<string, number>>;
  now(): number;
  peers(): Iterable<Id>;
  suspects(): Iterable<Id>;
  phi(id: Id, at: number): number | undefined;
  status(id: Id): string | undefined;
  peer(id: Id): { readonly lastHeartbeat: number | undefined } | undefined;
  explain?(id: Id, at: number): PeerFacts | undefined;
}

/** This process did not run for `duration` ms. */
export interface Stall {
  readonly duration: number;
}

/** So many peers fell silent at once that it is held against none; `active` until it is over. */
export interface MassSilence {
  readonly active: boolean;
}
