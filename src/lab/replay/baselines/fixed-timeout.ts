/** Silence of a fixed length: what every adaptive detector has to beat. */
import { checkNumber } from '../../../core/validate.js';
import type { MakeTraceDetector } from '../trace-detector.js';

/**
 * Suspects after `timeout` ms of silence, whatever it has seen.
 *
 * @throws TypeError, RangeError unless it is above 0, at most 1e15
 */
export function fixedTimeout(timeout: number): MakeTraceDetector {
  checkNumber('timeout', timeout, { least: Number.MIN_VALUE, most: 1e15, unit: 'ms' });
  return () => {
    let last = Infinity;
    return {
      heartbeat(at) {
        last = at;
      },
      suspectAt: () => last + timeout,
    };
  };
}
