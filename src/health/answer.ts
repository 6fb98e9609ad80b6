/** What a check answered, or threw, as one shape. */
import type { CheckAnswer, CheckResult } from './check.js';

/** The answer of a check as a result: nothing and true pass, false and a string fail. */
export function resultOf(answer: CheckAnswer): CheckResult {
  if (answer === undefined || answer === true) return { ok: true };
  if (answer === false) return { ok: false, reason: 'failed' };
  if (typeof answer === 'string') return { ok: false, reason: answer };
  if (typeof answer === 'object' && answer !== null && typeof answer.ok === 'boolean') {
    return answer;
  }
  return { ok: false, reason: 'it answered neither true, false, a reason nor a result' };
}

/** What was thrown, readable, whatever it is. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(reasonOf))].join('; ');
  }
  const { message, code } = (error ?? {}) as { message?: unknown; code?: unknown };
  const text = typeof message === 'string' && message !== '' ? message : code;
  if (typeof text === 'string' && text !== '') {
    return typeof code === 'string' && !text.includes(code) ? `${code}: ${text}` : text;
  }
  return error === undefined ? 'rejected without a reason' : `threw ${printed(error)}`;
}

function printed(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null
    ? 'an object without a message'
    : String(value);
}
