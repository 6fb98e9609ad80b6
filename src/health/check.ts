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

const DEPENDENCY = Symbol('phi-accrual.dependency');

/** Marks a check that asks somebody else: livez refuses it. */
export function aboutOthers<C extends Check>(check: C): C {
  return Object.defineProperty(check, DEPENDENCY, { value: true });
}

/** Whether a check was marked by {@link aboutOthers}. */
export const isAboutOthers = (check: Check): boolean => DEPENDENCY in check;
