/** φ-accrual as it was published: no prior, no guard, no floor worth the name. */

import { phiOfZ, zOfPhi } from '../../../core/model/phi.js';
import { IntervalWindow } from '../../../core/model/window.js';
import { checkKeys, checkNumber } from '../../../core/validate.js';
import type { MakeTraceDetector } from '../trace-detector.js';

export interface HayashibaraOptions {
  /** φ at which it suspects. Above 0, at most 1e300. Higher is slower and surer. */
  threshold: number;
  /** The least σ in ms. Default 1, above 0. */
  minStdDev?: number;
  /** Intervals that are kept. Default 1000. */
  windowSize?: number;
}

/**
 * The φ-accrual detector of Hayashibara, Défago, Yared and Katayama ("The φ accrual failure
 * detector", SRDS 2004): the normal tail of mean and σ of all intervals in the window, which begins
 * empty. The core's `{ learn: 'always', minStdDev: 1 }` is the same, but for its two prior samples.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came
 */
export function hayashibara(options: HayashibaraOptions): MakeTraceDetector {
  const keys = ['threshold', 'minStdDev', 'windowSize'];
  const { threshold, minStdDev = 1, windowSize = 1000 } = checkKeys('options', options, keys);
  checkNumber('threshold', threshold, { least: Number.MIN_VALUE, most: 1e300 });
  checkNumber('minStdDev', minStdDev, { least: Number.MIN_VALUE, most: 1e15, unit: 'ms' });
  new IntervalWindow(windowSize); // says what is wrong with it
  const z = zOfPhi(threshold as number);
  return ({ heartbeatInterval }) => {
    const window = new IntervalWindow(windowSize);
    let last = Number.NaN;
    const mean = () => (window.count === 0 ? heartbeatInterval : window.mean);
    const stdDev = () => (window.count === 0 ? minStdDev : Math.max(window.stdDev, minStdDev));
    return {
      heartbeat(at) {
        window.push(at - last);
        last = at;
      },
      suspectAt: () => last + mean() + z * stdDev(),
      phi: (at) => phiOfZ((at - last - mean()) / stdDev()),
    };
  };
}
