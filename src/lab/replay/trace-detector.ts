/** What a detector must be to be tried on a trace. */

/** What the sender says of a heartbeat. One object serves all heartbeats: copy what you keep. */
export interface TraceInfo {
  /** Its number. Loss shows as a gap, a late heartbeat as a smaller number than the last one. */
  readonly sequence: number;
  /** By the sender's clock, in ms; NaN: unknown. */
  readonly sentAt: number;
}

/**
 * A detector of one peer, as a replay drives it. {@link PhiAccrualDetector} is one. Times are in ms.
 */
export interface TraceDetector {
  /** Takes a heartbeat in; `at` rises strictly from call to call. What it returns is ignored. */
  heartbeat(at: number, info: TraceInfo): unknown;
  /** When the peer is suspected if silence goes on; may lie in the past; `Infinity`: never. */
  suspectAt(): number;
  /** φ at `at`, which is not before the last heartbeat; only who has it can be calibrated. */
  phi?(at: number): number;
}

/** What a detector may know beforehand. */
export interface TraceContext {
  /** Expected between heartbeats, in ms. */
  readonly heartbeatInterval: number;
  /** The session that it is for, as in the trace. */
  readonly session: string;
}

/** Makes the detector of a session: each has a fresh one. */
export type MakeTraceDetector = (context: TraceContext) => TraceDetector;
