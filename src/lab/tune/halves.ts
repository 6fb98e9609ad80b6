/** A trace cut in two: to tune on the one, and to see on the other what that is worth. */
import type { Trace, TraceSession } from '../traces/trace.js';

/** The first and the second half of a trace's heartbeats; a session may be cut in two. */
export function halves(trace: Trace): [Trace, Trace] {
  const middle = Math.floor(trace.heartbeats / 2);
  const first: TraceSession[] = [];
  const second: TraceSession[] = [];
  let before = 0;
  for (const session of trace.sessions.map(inOrder)) {
    const cut = Math.min(Math.max(middle - before, 0), session.heartbeats);
    if (cut > 0) first.push(part(session, 0, cut));
    if (cut < session.heartbeats) second.push(part(session, cut, session.heartbeats));
    before += session.heartbeats;
  }
  return [traceOf(first), traceOf(second)];
}

/** A session by its numbers: the rows of a file may be in any order. */
function inOrder(session: TraceSession): TraceSession {
  const { seq, sendMs, recvMs } = session;
  if (seq.every((n, i) => i === 0 || n >= seq[i - 1])) return session;
  const rows = Uint32Array.from(seq, (_, i) => i).sort((a, b) => seq[a] - seq[b] || a - b);
  const pick = (values: Float64Array) => Float64Array.from(rows, (row) => values[row]);
  return { ...session, seq: pick(seq), sendMs: pick(sendMs), recvMs: pick(recvMs) };
}

const part = ({ session, seq, sendMs, recvMs }: TraceSession, from: number, to: number) => ({
  session,
  heartbeats: to - from,
  seq: seq.subarray(from, to),
  sendMs: sendMs.subarray(from, to),
  recvMs: recvMs.subarray(from, to),
});

const traceOf = (sessions: TraceSession[]): Trace => ({
  sessions,
  heartbeats: sessions.reduce((sum, { heartbeats }) => sum + heartbeats, 0),
  truncated: false,
});
