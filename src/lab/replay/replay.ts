/** A detector on a recorded trace: what it would have said, and how well. */
import { setImmediate as turn } from 'node:timers/promises';
import type { DetectorOptions } from '../../core/options.js';
import { PhiAccrualDetector } from '../../core/single.js';
import { checkKeys, checkNumber, checkObject, checkRange, checkType } from '../../core/validate.js';
import type { Trace } from '../traces/trace.js';
import { type Arrivals, arrivalsOf, nominalInterval } from './arrivals.js';
import { type Score, Scorer, SessionScore } from './score.js';
import type { MakeTraceDetector } from './trace-detector.js';

/** What every replay takes. */
export interface ReplayControls {
  /** Ends it: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
  /** Is told how many of the trace's arrivals are done, now and then and at the end. */
  onProgress?: (done: number, all: number) => void;
}

/**
 * Options of {@link PhiAccrualDetector}, which is replayed; or a `detector` of another kind.
 * `heartbeatInterval` (ms) is by default that of the trace, estimated.
 */
export type ReplayOptions = ReplayControls &
  (
    | (DetectorOptions & { detector?: undefined })
    | { detector: MakeTraceDetector; heartbeatInterval?: number }
  );

/** Arrivals between two looks at the event loop: some 10 ms. */
const SLICE = 65_536;

/**
 * Feeds a trace to a detector and scores it by the measures of Chen, Toueg and Aguilera. Each
 * session has a fresh detector, and its first tenth, 1000 arrivals at most, is fed but not scored.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came; RangeError
 * for a trace in which no two heartbeats of a session arrived
 */
export async function replay(trace: Trace, options: ReplayOptions = {}): Promise<Score> {
  const { signal, onProgress, make, heartbeatInterval } = resolve(trace, options);
  const sessions = trace.sessions.map(arrivalsOf);
  const all = sessions.reduce((sum, { at }) => sum + at.length, 0);
  const scorer = new Scorer(all);
  let done = 0;
  let waited = 0;
  const breathe = async (arrivals: number) => {
    done += arrivals;
    waited += arrivals;
    if (waited < SLICE) return;
    waited = 0;
    onProgress?.(done, all);
    await turn();
    signal?.throwIfAborted();
  };
  signal?.throwIfAborted();
  for (const arrivals of sessions) {
    const run = start(scorer, arrivals, make, heartbeatInterval);
    let rest = arrivals.at.length;
    for (let ended = false; !ended; ) {
      const slice = Math.min(rest, SLICE);
      ended = run.advance(slice);
      rest -= slice;
      await breathe(slice);
    }
  }
  onProgress?.(all, all);
  return scorer.result(heartbeatInterval);
}

function start(
  scorer: Scorer,
  arrivals: Arrivals,
  make: MakeTraceDetector,
  heartbeatInterval: number,
): SessionScore {
  const { session } = arrivals;
  const detector = make({ session, heartbeatInterval });
  checkObject('detector()', detector);
  return new SessionScore(scorer, arrivals, detector);
}

/** The options, checked, before anything is done. */
function resolve(trace: Trace, options: ReplayOptions) {
  checkObject('trace', trace);
  checkType('trace', 'a trace, as readTrace returns', trace, Array.isArray(trace.sessions));
  checkObject('options', options);
  const { signal, onProgress, detector, ...rest } = options;
  const isSignal = signal === undefined || typeof signal.throwIfAborted === 'function';
  checkType('signal', 'an AbortSignal', signal, isSignal);
  const isCallback = onProgress === undefined || typeof onProgress === 'function';
  checkType('onProgress', 'a function', onProgress, isCallback);
  const given = rest.heartbeatInterval ?? estimated(trace);
  const numbers = { least: Number.MIN_VALUE, most: 1e15, unit: 'ms' };
  const heartbeatInterval = checkNumber('heartbeatInterval', given, numbers);
  if (detector === undefined) {
    const detectorOptions = { ...(rest as DetectorOptions), heartbeatInterval };
    const make: MakeTraceDetector = () => new PhiAccrualDetector(detectorOptions);
    make({ heartbeatInterval, session: '' }); // says what is wrong with them
    return { signal, onProgress, heartbeatInterval, make };
  }
  checkType(
    'detector',
    'a function that makes a detector',
    detector,
    typeof detector === 'function',
  );
  checkKeys('options', rest, ['heartbeatInterval', 'detector', 'signal', 'onProgress']);
  return { signal, onProgress, heartbeatInterval, make: detector };
}

function estimated(trace: Trace): number {
  const interval = nominalInterval(trace);
  const expected = 'heartbeats that tell their interval, or option heartbeatInterval';
  checkRange('trace', expected, interval, interval > 0);
  return interval;
}
