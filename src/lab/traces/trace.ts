/** Recorded heartbeats in memory: compact, for traces of millions. */

/**
 * An independent run of one sender: a detector starts afresh with it. Heartbeat i is `seq[i]`,
 * `sendMs[i]`, `recvMs[i]`, in the order of the file.
 */
export interface TraceSession {
  /** As in the file; `'0'` where the file has no such column. */
  readonly session: string;
  readonly heartbeats: number;
  /** Integers from 0; they tell loss and break ties of `recvMs`. */
  readonly seq: Float64Array;
  /** By the sender's clock, in ms; NaN: unknown. */
  readonly sendMs: Float64Array;
  /** By the receiver's clock, in ms; NaN: it never arrived. */
  readonly recvMs: Float64Array;
}

/** What {@link readTrace} reads and {@link writeTrace} writes. */
export interface Trace {
  /** In the order in which they begin. */
  readonly sessions: readonly TraceSession[];
  /** Of all sessions, lost ones included. */
  readonly heartbeats: number;
  /** Whether the recording was cut off in the middle; what is before the cut is here. */
  readonly truncated: boolean;
}

/** A trace that cannot be read: the message says where and why. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  /** The line at fault, from 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

/** One column that grows: a plain array of as many numbers is a quarter larger, or boxes them. */
class Column {
  #values = new Float64Array(64);

  set(i: number, value: number): void {
    if (i === this.#values.length) {
      const longer = new Float64Array(2 * i);
      longer.set(this.#values);
      this.#values = longer;
    }
    this.#values[i] = value;
  }

  at(i: number): number {
    return this.#values[i];
  }

  first(length: number): Float64Array {
    return this.#values.slice(0, length);
  }
}

class Growing {
  length = 0;
  readonly seq = new Column();
  readonly sendMs = new Column();
  readonly recvMs = new Column();
}

/** Heartbeats in any order of their sessions, gathered into a trace. */
export class TraceBuilder {
  readonly #sessions = new Map<string, Growing>();
  heartbeats = 0;

  add(session: string, seq: number, sendMs: number, recvMs: number): void {
    let rows = this.#sessions.get(session);
    if (rows === undefined) {
      rows = new Growing();
      this.#sessions.set(session, rows);
    }
    const i = rows.length;
    rows.seq.set(i, seq);
    rows.sendMs.set(i, sendMs);
    rows.recvMs.set(i, recvMs);
    rows.length++;
    this.heartbeats++;
  }

  /** When the last heartbeat of a session arrived; NaN if it did not. */
  lastArrival(session: string): number {
    const rows = this.#sessions.get(session);
    return rows === undefined ? Number.NaN : rows.recvMs.at(rows.length - 1);
  }

  build(truncated: boolean): Trace {
    const sessions = Array.from(this.#sessions, ([session, { length, seq, sendMs, recvMs }]) => ({
      session,
      heartbeats: length,
      seq: seq.first(length),
      sendMs: sendMs.first(length),
      recvMs: recvMs.first(length),
    }));
    return { sessions, heartbeats: this.heartbeats, truncated };
  }
}
