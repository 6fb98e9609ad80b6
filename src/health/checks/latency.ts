/** What answered, judged by how long it took. */
import type { CheckResult } from '../check.js';

/** A pass with figure `latency`; degraded if it took longer than `slow`. Both in ms. */
export function byLatency(
  latency: number,
  slow: number,
  others: Readonly<Record<string, number>> = {},
): CheckResult {
  const figures = { ...others, latency };
  if (latency <= slow) return { ok: true, figures };
  const reason = `took ${Math.round(latency)}ms, more than ${slow}ms`;
  return { ok: true, degraded: true, reason, figures };
}
