/** A check of the CPU time that this process uses, per window. */
import { availableParallelism } from 'node:os';
import { checkKeys, checkNumber } from '../../core/validate.js';
import type { Check, CheckResult } from '../check.js';
import { cpuAllowance } from './cgroup.js';
import { windowed } from './window.js';

export interface CpuCheckOptions {
  /**
   * The most of the CPU time there is that this process may use, above 0, at most 1. Default 0.95.
   * There is what the cgroup allows (v1 or v2), or else the CPUs that it may run on.
   */
  share?: number;
  /**
   * The most of the cgroup's periods in which it may be held back, from 0 to 1. Default 1: not
   * judged.
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
