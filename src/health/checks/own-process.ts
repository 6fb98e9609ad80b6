/** Checks of this process: its event loop, its CPU time and its memory. */

import { availableParallelism, totalmem } from 'node:os';
import { createHistogram, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { checkKeys, checkNumber } from '../../core/validate.js';
import type { Check, CheckResult } from '../check.js';
import { cpuAllowance, memoryAllowance } from './cgroup.js';

export interface EventLoopCheckOptions {
  /** The most of a window that the loop may be busy, above 0, at most 1. Default 0.98. */
  utilization?: number;
  /** The longest delay within a window, in ms, that passes. Default 1000. */
  delay?: number;
  /** A window is at least so long, in ms; longer if the check is asked less often. Default 1000. */
  window?: number;
}

/** How often the delay is measured, in ms; shorter delays are not seen. */
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
  const measure = () => {
    const now = performance.now();
    histogram.record(1 + Math.round(1000 * Math.max(now - last - every, 0)));
    last = now;
  };
  setInterval(measure, every).unref();
  return () => {
    measure(); // a timer that is due by now has not come yet
    const ms = (value: number) => (value - 1) / 1000;
    const delays = { delay: ms(histogram.max), delayP99: ms(histogram.percentile(99)) };
    histogram.reset();
    return delays;
  };
}

export interface CpuCheckOptions {
  /**
   * The most of the CPU time there is that this process may use, above 0, at most 1. Default 0.95.
   * There is what the cgroup allows (v1 or v2), or else the CPUs that it may run on.
   */
  share?: number;
  /**
   * The most of the cgroup's periods in which it may be held back, from 0 to 1. Default 1: not
   * checked.
   */
  throttled?: number;
  /** A window is at least so long, in ms; longer if the check is asked less often. Default 1000. */
  window?: number;
}

/**
 * Whether there is CPU time left. Figures: `share`, `cpus` (what there is, as CPUs' worth of time)
 * and `throttled`.
 *
 * @param root for tests: where proc and sys are
 * @throws TypeError, RangeError with the option's name
 */
export function cpuCheck(options: CpuCheckOptions = {}, root = '/'): Check {
  const {
    share: most = 0.95,
    throttled: mostThrottled = 1,
    window = 1000,
  } = checkKeys('options', options, ['share', 'throttled', 'window']);
  checkNumber('share', most, { least: Number.MIN_VALUE, most: 1 });
  checkNumber('throttled', mostThrottled, { least: 0, most: 1 });
  checkNumber('window', window, { least: 1, most: 1e9, unit: 'ms' });
  const begin = () => ({ used: process.cpuUsage(), allowed: cpuAllowance(root) });

  const read = windowed(window, begin, (from, elapsed): CheckResult => {
    const { user, system } = process.cpuUsage(from.used);
    const allowed = cpuAllowance(root);
    const cpus = Math.min(allowed.cpus, availableParallelism());
    const share = (user + system) / 1000 / (elapsed * cpus);
    const periods = allowed.periods - from.allowed.periods;
    const throttled = periods > 0 ? (allowed.throttled - from.allowed.throttled) / periods : 0;
    const figures = { share, cpus, throttled };
    if (share > most) {
      const reason = `${share.toFixed(2)} of ${cpus} CPUs in use, more than ${most}`;
      return { ok: false, reason, figures };
    }
    if (throttled > mostThrottled) {
      const reason = `held back in ${throttled.toFixed(2)} of its periods, more than ${mostThrottled}`;
      return { ok: false, reason, figures };
    }
    return { ok: true, figures };
  });
  return () => read() ?? { ok: true };
}

export interface MemoryCheckOptions {
  /** The most of V8's heap limit that may be in use, from 0 to 1. Default 0.9. */
  heapShare?: number;
  /**
   * The most of the memory there is that may be resident, from 0 to 1. Default 0.9. There is what
   * the cgroup (v1 or v2) and those above it allow, or else what the machine has.
   */
  rssShare?: number;
  /** The most that may be resident, in bytes. Default none. */
  rss?: number;
}

const share = { least: Number.MIN_VALUE, most: 1 };

/**
 * Whether this process is about to run out of memory. Figures: `heapUsed`, `heapLimit`, `rss` and
 * `limit` in bytes.
 *
 * @param root for tests: where proc and sys are
 * @throws TypeError, RangeError with the option's name
 */
export function memoryCheck(options: MemoryCheckOptions = {}, root = '/'): Check {
  const {
    heapShare = 0.9,
    rssShare = 0.9,
    rss: most = Infinity,
  } = checkKeys('options', options, ['heapShare', 'rssShare', 'rss']);
  checkNumber('heapShare', heapShare, share);
  checkNumber('rssShare', rssShare, share);
  checkNumber('rss', most, { least: 1, most: Infinity, unit: 'bytes' });

  return () => {
    const { used_heap_size: heapUsed, heap_size_limit: heapLimit } = getHeapStatistics();
    const rss = process.memoryUsage.rss();
    // Node's is of the innermost cgroup: 0, or a number beyond any machine, where that has none.
    const allowed = Math.min(process.constrainedMemory() || Infinity, memoryAllowance(root));
    const limit = Math.min(allowed, totalmem());
    const figures = { heapUsed, heapLimit, rss, limit };
    const beyond = (what: string, part: number, whole: number) => ({
      ok: false,
      reason: `${what} ${megabytes(part)} of ${megabytes(whole)}`,
      figures,
    });
    if (heapUsed > heapShare * heapLimit) return beyond('heap', heapUsed, heapLimit);
    if (rss > rssShare * limit) return beyond('resident', rss, limit);
    if (rss > most) return beyond('resident', rss, most);
    return { ok: true, figures };
  };
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/**
 * Calls `sample` with what there was at the window's beginning, at most once per `least` ms of
 * monotonic time; in between its last result is given again. The first window begins here.
 */
export function windowed<S, R>(
  least: number,
  begin: () => S,
  sample: (from: S, elapsed: number) => R,
): () => R | undefined {
  let since = performance.now();
  let from = begin();
  let last: R | undefined;
  return () => {
    const now = performance.now();
    if (now - since < least) return last;
    last = sample(from, now - since);
    from = begin();
    since = now;
    return last;
  };
}
