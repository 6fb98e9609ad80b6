/** A trace as a receiver sees it: what arrived, in order. */
import { quickselect } from 'simple-statistics';
import type { Trace, TraceSession } from '../traces/trace.js';

/** The heartbeats of a session that arrived, by time of arrival, and by seq where that is equal. */
export interface Arrivals {
  readonly session: string;
  readonly at: Float64Array;
  readonly seq: Float64Array;
  readonly sentAt: Float64Array;
}

export function arrivalsOf({ session, seq, sendMs, recvMs }: TraceSession): Arrivals {
  // Most recordings are in order and complete: nothing is copied then.
  if (inOrder(seq, recvMs)) return { session, at: recvMs, seq, sentAt: sendMs };
  const order = new Uint32Array(recvMs.length);
  let n = 0;
  for (let i = 0; i < recvMs.length; i++) if (!Number.isNaN(recvMs[i])) order[n++] = i;
  const rows = order.subarray(0, n);
  // Float64Array.from with a function takes ten times as long.
  const pick = (values: Float64Array) => {
    const picked = new Float64Array(n);
    for (let i = 0; i < n; i++) picked[i] = values[rows[i]];
    return picked;
  };
  if (!inOrder(pick(seq), pick(recvMs))) {
    rows.sort((a, b) => recvMs[a] - recvMs[b] || seq[a] - seq[b]);
  }
  return { session, at: pick(recvMs), seq: pick(seq), sentAt: pick(sendMs) };
}

function inOrder(seq: Float64Array, recvMs: Float64Array): boolean {
  let last = -Infinity;
  for (let i = 0; i < recvMs.length; i++) {
    const at = recvMs[i];
    // Also of NaN, which is not above anything.
    if (!(at > last) && !(at === last && seq[i] >= seq[i - 1])) return false;
    last = at;
  }
  return true;
}

/**
 * The smallest of `values` that at least a share `p` of them does not exceed (the nearest rank);
 * NaN of none. Reorders `values`.
 */
export function nearestRank(values: Float64Array, p: number): number {
  if (values.length === 0) return Number.NaN;
  const rank = Math.max(Math.ceil(p * values.length), 1) - 1;
  // Its types ask for a plain array, its code for anything with indices.
  quickselect(values as unknown as number[], rank);
  return values[rank];
}

/** The median of steps of `times` per step of `seq`, in the order given; NaN if there is none. */
function medianStep(seq: Float64Array[], times: Float64Array[]): number {
  const steps = new Float64Array(times.reduce((sum, { length }) => sum + length, 0));
  let n = 0;
  for (let s = 0; s < times.length; s++) {
    let last = -1;
    for (let i = 0; i < times[s].length; i++) {
      if (Number.isNaN(times[s][i])) continue;
      const numbers = last < 0 ? 0 : seq[s][i] - seq[s][last];
      if (numbers > 0) steps[n++] = (times[s][i] - times[s][last]) / numbers;
      if (numbers > 0 || last < 0) last = i; // overtaken ones say nothing
    }
  }
  return nearestRank(steps.subarray(0, n), 0.5);
}

/**
 * The interval in ms at which a trace's heartbeats were sent, estimated: the median of the times
 * between sendings, for each number that `seq` goes on by; where sendings are unknown, the same of
 * arrivals. NaN if no number follows another.
 */
export function nominalInterval({ sessions }: Trace): number {
  const sent = medianStep(
    sessions.map(({ seq }) => seq),
    sessions.map(({ sendMs }) => sendMs),
  );
  if (!Number.isNaN(sent)) return sent;
  const all = sessions.map(arrivalsOf);
  return medianStep(
    all.map(({ seq }) => seq),
    all.map(({ at }) => at),
  );
}
