/** What a source needs of whoever takes its heartbeats; a `FailureDetector` is one. */

/** What a heartbeat says of itself. The object is reused: read it during the call only. */
export interface SourceInfo {
  /** Incarnation number; must increase at each restart of the sender. */
  incarnation: number;
  /** Sequence number of the heartbeat within its incarnation. */
  sequence: number;
  /** The link that the heartbeat came by, of a sink that has links. */
  link?: HeartbeatLink | undefined;
}

/** What a sink is told of the way by which heartbeats come. */
export interface HeartbeatLink {
  /** Heartbeats cannot arrive: silence says nothing. */
  down(): void;
  /** They can again. */
  up(): void;
  /** The source has ended. */
  close?(): void;
}

/** Where heartbeats go. */
export interface HeartbeatSink {
  /** Takes a heartbeat that arrived at `at`, in ms of {@link HeartbeatSink.now}; must not throw. */
  heartbeat(id: string, at: number, info: SourceInfo): unknown;
  /**
   * Takes those of one datagram, all at once, in their order; `infos` by the place of the id. Both
   * are reused, and `infos` may be longer. A sink without it gets them one by one. Must not throw.
   */
  heartbeats?(ids: readonly string[], at: number, infos: readonly SourceInfo[]): unknown;
  /** A peer says that it has left on purpose; must not throw. A sink without it takes no notice. */
  leave?(id: string, info: SourceInfo): unknown;
  /** The sink's time in ms. */
  now(): number;
  /** A link for one source; a sink without it takes an outage for silence. */
  link?(): HeartbeatLink;
}
