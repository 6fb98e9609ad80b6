/** A check of this process's event loop, per window. */
import { createHistogram, performance } from 'node:perf_hooks';
import { checkKeys, checkNumber } from '../../core/validate.js';
import type { Check, CheckResult } from '../check.js';
import { windowed } from './window.js';

export interface EventLoopCheckOptions {
  /** The most of a window that the loop may be busy, above 0, at most 1. Default 0.98. */
  utilization?: number;
  /** The longest delay within a window, in ms, that passes. Default 1000. */
  delay?: number;
  /** A window is at least so long, in ms; longer if the check is asked less often. Default 1000. */
  window?: number;
}

/** How often the delay is looked at, in ms: shorter ones are not seen. */
const RESOLUTION = 20;

/**
 * Whether the event loop comes round. Utilisation is that of the window since the last check: the
 * lifetime average hides a loop that is blocked now. A loop that is blocked answers nothing at all;
 * the first answer after it fails. Figures: `utilization`, `delay` (the longest) and `delayP99`, in
 * ms.
 *
 * @throws TypeError, RangeError with the option's name
 */
export function eventLoopCheck(options: EventLoopCheckOptions = {}): Check {
  const {
    utilization: busiest = 0.98,
    delay: longest = 1000,
    window = 1000,
  } = checkKeys('options', options, ['utilization', 'delay', 'window']);
  checkNumber('utilization', busiest, { least: Number.MIN_VALUE, most: 1 });
  checkNumber('delay', longest, { least: 1, most: Infinity, unit: 'ms' });
  checkNumber('window', window, { least: 1, most: 1e9, unit: 'ms' });
  const delays = delaysOf(RESOLUTION);
  const begin = () => performance.eventLoopUtilization();
  const read = windowed(window, begin, (from): CheckResult => {
    const { utilization } = performance.eventLoopUtilization(from);
    const { delay, delayP99 } = delays();
    const figures = { utilization, delay, delayP99 };
    if (delay > longest) {
      const reason = `blocked for ${Math.round(delay)}ms, more than ${longest}ms`;
      return { ok: false, reason, figures };
    }
    if (utilization > busiest) {
      const reason = `busy for ${utilization.toFixed(3)} of the time, more than ${busiest}`;
      return { ok: false, reason, figures };
    }
    return { ok: true, figures };
  });
  return () => read() ?? { ok: true };
}

/**
 * How late a timer comes: the longest delay, and its 99th percentile, in ms, since the last call.
 * node:perf_hooks has a histogram of it, which forgets its last tick whenever it is reset, and
 * with it a block that begins just then.
 */
function delaysOf(every: number): () => { delay: number; delayP99: number } {
  const histogram = createHistogram(); // of integers from 1
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    histogram.record(1 + Math.round(1000 * Math.max(now - last - every, 0)));
    last = now;
  };
  setInterval(look, every).unref();
  return () => {
    look(); // a timer that is due by now has not come yet
    const ms = (value: number) => (value - 1) / 1000;
    const delays = { delay: ms(histogram.max), delayP99: ms(histogram.percentile(99)) };
    histogram.reset();
    return delays;
  };
}
