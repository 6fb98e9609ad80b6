/** A way by which heartbeats come: while it is down, silence says nothing of a peer. */

/** As `FailureDetector.link` returns it; goes with a heartbeat as its `info.link`. */
export interface Link {
  readonly number: number;
  /** Heartbeats cannot arrive: silence of who was heard by this link last does not count. */
  down(): void;
  /** They can again; silence counts from the next heartbeat, or one `heartbeatInterval` from now. */
  up(): void;
}
