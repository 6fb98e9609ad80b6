import type { Trace } from '../../src/lab/lab.js';

/** A trace of one session with these gaps between arrivals; every heartbeat takes 5 ms. */
export function syntheticTrace(gaps: readonly number[]): Trace {
  let now = 5;
  const recvMs = Float64Array.of(now, ...gaps.map((gap) => (now += gap)));
  const heartbeats = recvMs.length;
  const seq = Float64Array.from(recvMs, (_, i) => i);
  const sendMs = new Float64Array(heartbeats).fill(Number.NaN);
  return {
    sessions: [{ session: '0', heartbeats, seq, sendMs, recvMs }],
    heartbeats,
    truncated: false,
  };
}
