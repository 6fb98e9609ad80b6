/** A trace cut in two: to tune on the one, and to see on the other what that is worth. */
import type { Trace, TraceSession } from '../traces/trace.js';

/** The first and the second half of a trace's heartbeats; a session may be cut in two. */
export function halves(trace: Trace): [Trace, Trace] {
  const middle = Math.floor(trace.heartbeats / 2);
  const first: TraceSession[] = [];
  const second: TraceSession[] = [];
  let before = 0;
  for (const session of trace.sessions) {
    const cut = Math.min(Math.max(middle - before, 0), session.heartbeats);
    if (cut > 0) first.push(part(session, 0, cut));
    if (cut < session.heartbeats) second.push(part(session, cut, session.heartbeats));
    before += session.heartbeats;
  }
  return [traceOf(first), traceOf(second)];
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
