/** What a source needs of whoever takes its heartbeats; a `FailureDetector` is one. */

/** What a heartbeat says of itself. The object is reused: read it during the call only. */
export interface HeartbeatEvidence {
  /** Number of the sender's life; a later life has a higher one. */
  incarnation: number;
  /** Number of the heartbeat in that life. */
  sequence: number;
}

/** Where heartbeats go. */
export interface HeartbeatSink {
  /** Takes a heartbeat that arrived at `at`, in ms of {@link HeartbeatSink.now}; must not throw. */
  heartbeat(id: string, at: number, evidence: HeartbeatEvidence): unknown;
  /** The sink's time in ms. */
  now(): number;
}
