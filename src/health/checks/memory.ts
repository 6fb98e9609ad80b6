/** A check of this process's own memory. */
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { checkKeys, checkNumber } from '../../core/validate.js';
import type { Check } from '../check.js';
import { memoryAllowance } from './cgroup.js';

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
