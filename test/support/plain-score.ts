/**
 * The scoring protocol as it reads, without a thought for speed: each deadline from a detector of
 * its own that has seen the arrivals so far, suspicions as a list of intervals, sorted percentiles.
 */
import type { MakeTraceDetector, Score, Trace } from '../../src/lab/lab.js';

interface Arrival {
  readonly at: number;
  readonly seq: number;
}

function arrivalsOf({ seq, recvMs }: Trace['sessions'][number]): Arrival[] {
  return Array.from(recvMs, (at, i) => ({ at, seq: seq[i] }))
    .filter(({ at }) => !Number.isNaN(at))
    .sort((a, b) => a.at - b.at || a.seq - b.seq);
}

const sum = (values: readonly number[]) => values.reduce((total, x) => total + x, 0);

export function plainScore(
  trace: Trace,
  make: MakeTraceDetector,
  heartbeatInterval: number,
): Omit<Score, 'heartbeats' | 'sessions' | 'heartbeatInterval'> {
  const mistakes: number[] = [];
  const detections: number[] = [];
  const phis: number[] = [];
  let [time, gaps, late] = [0, 0, 0];
  for (const session of trace.sessions) {
    const arrivals = arrivalsOf(session);
    const n = arrivals.length;
    const warmUp = Math.min(1000, Math.floor(n / 10));
    const after = arrivals.map((_, k) => {
      const detector = make({ session: session.session, heartbeatInterval });
      for (const { at, seq } of arrivals.slice(0, k + 1)) {
        detector.heartbeat(at, { sequence: seq, sentAt: Number.NaN });
      }
      return detector;
    });
    const due = after.map((detector) => detector.suspectAt());
    const suspicions: { start: number; end: number; goesOn: boolean }[] = [];
    for (let k = warmUp; k < n; k++) {
      const { at } = arrivals[k];
      detections.push(Math.max(0, due[k] - at));
      if (k + 1 === n) break;
      const next = arrivals[k + 1].at;
      gaps++;
      if (after[k].phi) phis.push(after[k].phi?.(next) as number);
      if (!(next > due[k])) continue;
      late++;
      const previous = k > warmUp && arrivals[k].at > due[k - 1];
      suspicions.push({ start: Math.max(at, due[k]), end: next, goesOn: previous && due[k] <= at });
    }
    for (const { start, end, goesOn } of suspicions) {
      if (goesOn) mistakes[mistakes.length - 1] += end - start;
      else mistakes.push(end - start);
    }
    if (n > 0) time += arrivals[n - 1].at - arrivals[warmUp].at;
  }
  detections.sort((a, b) => a - b);
  const rank = (p: number) => detections[Math.max(Math.ceil(p * detections.length), 1) - 1];
  const hours = time / 3_600_000;
  return {
    mistakes: mistakes.length,
    mistakesPerHour: mistakes.length / hours,
    meanMistakeDuration: mistakes.length === 0 ? 0 : sum(mistakes) / mistakes.length,
    longestMistake: Math.max(0, ...mistakes),
    queryAccuracy: 1 - sum(mistakes) / time,
    lateShare: late / gaps,
    detectionTime: {
      mean: sum(detections) / detections.length,
      p50: rank(0.5),
      p99: rank(0.99),
      max: rank(1),
    },
    calibration: [1, 2, 3, 4, 5, 6, 7, 8]
      .map((phi) => ({ phi, gaps, late: phis.filter((x) => x > phi).length }))
      .map((row) => ({ ...row, share: row.late / gaps }))
      .filter(() => phis.length > 0),
    hours,
    gaps,
  };
}
