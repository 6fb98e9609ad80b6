/** What a check is, what it may answer, and one result of whatever it answered or threw. */

export interface CheckResult {
  readonly ok: boolean;
  /** Why not, or what is degraded. */
  readonly reason?: string;
  /** It passes, with less than it ought to have; default false. */
  readonly degraded?: boolean;
  /** Figures for `/status`, such as free bytes. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** Nothing and true pass; false and a string fail, the string being the reason. */
// biome-ignore lint/suspicious/noConfusingVoidType: a check that returns nothing passes
export type CheckAnswer = void | boolean | string | CheckResult;

/** Passes, fails or throws; `signal` is aborted when its time is up. */
export type Check = (signal: AbortSignal) => CheckAnswer | Promise<CheckAnswer>;

/** Of the whole process: each CommonJS file of the package has a copy of this module. */
const DEPENDENCY = Symbol.for('phi-accrual.dependency');

/**
 * Marks a check that asks somebody else: livez refuses it. Elsewhere it is not critical unless it
 * is added as that, or `critical` is true here.
 */
export function aboutOthers<C extends Check>(check: C, critical = false): C {
  return Object.defineProperty(check, DEPENDENCY, { value: { critical } });
}

/** Whether a check was marked by {@link aboutOthers}. */
export const isAboutOthers = (check: Check): boolean => DEPENDENCY in check;

/** Whether a check's failure fails its group if nothing is said. */
export const isCritical = (check: Check): boolean =>
  (check as { [DEPENDENCY]?: { critical: boolean } })[DEPENDENCY]?.critical ?? true;

const IMMEDIATE = Symbol.for('phi-accrual.immediate');

/** Marks a check of what this process knows itself: a cache would spare nobody and be out of date. */
export function immediate<C extends Check>(check: C): C {
  return Object.defineProperty(check, IMMEDIATE, { value: true });
}

export const isImmediate = (check: Check): boolean => IMMEDIATE in check;

/** Thrown by a check that could not be made, for reasons that are not of what it checks. */
export class NotRun extends Error {
  override readonly name = 'NotRun';
}

/** By its name: each CommonJS file of the package has a class of its own. */
export function isNotRun(error: unknown): boolean {
  try {
    return error instanceof Error && error.name === 'NotRun';
  } catch {
    return false; // what throws when it is read is not ours
  }
}

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
