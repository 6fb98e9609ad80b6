/** What a check is, and what it may answer. */

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

/** Marks a check that looks at what we know ourselves: to cache it spares nobody, and is too late. */
export function immediate<C extends Check>(check: C): C {
  return Object.defineProperty(check, IMMEDIATE, { value: true });
}

export const isImmediate = (check: Check): boolean => IMMEDIATE in check;
