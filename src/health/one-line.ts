/** From whatever a check returned or threw to one result with a reason of one line. */
import { reasonOf, resultOf } from './answer.js';
import type { Check, CheckAnswer, CheckResult } from './check.js';

/** A result whose reason is one line; a failed one has always a reason. */
export interface Answer extends CheckResult {
  readonly degraded: boolean;
}

/** Longer reasons are cut: they stand in every response and in the history. */
const LONGEST_REASON = 1000;

/**
 * One line: control characters and line separators are escaped, so that a reason cannot forge the
 * line of another check.
 */
export function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, (c) => {
    if (c === '\n') return '\\n';
    if (c === '\r') return '\\r';
    if (c === '\t') return '\\t';
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON)}…` : line;
}

export const failure = (reason: string): Answer => ({
  ok: false,
  degraded: false,
  reason: oneLine(reason) || 'failed without a reason',
});

/** What was thrown, or rejected with, as a failure. */
export function thrown(error: unknown): Answer {
  try {
    return failure(reasonOf(error));
  } catch {
    // Its getters, or its conversion to text, threw in their turn: it has failed all the same.
    return failure('failed with what cannot be read');
  }
}

function normal({ ok, degraded = false, reason, figures }: CheckResult): Answer {
  const said = reason === undefined ? undefined : oneLine(String(reason));
  const numbers = Object.entries(figures ?? {}).filter(([, value]) => typeof value === 'number');
  const kept = numbers.length > 0 && { figures: Object.fromEntries(numbers) };
  if (!ok) return { ...failure(said ?? ''), ...kept };
  return { ok, degraded: Boolean(degraded), ...(said && { reason: said }), ...kept };
}

/** What a check returned, as a result; what is no answer is a failure. */
export function answered(value: unknown): Answer {
  try {
    return value instanceof Error ? thrown(value) : normal(resultOf(value as CheckAnswer));
  } catch (error) {
    return thrown(error);
  }
}

/** A check whose answers can be read by whoever has them: getters of its own were asked by then. */
export const readable =
  (check: Check) =>
  (signal: AbortSignal): Answer | Promise<Answer> => {
    const value: unknown = check(signal);
    const isThenable =
      typeof (value as PromiseLike<unknown> | undefined | null)?.then === 'function';
    return isThenable ? Promise.resolve(value).then(answered) : answered(value);
  };
