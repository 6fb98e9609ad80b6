/** What a probe and a run found out: plain data, for the wire, for programs, for people, and as events. */

import type { ListenerError } from '../core/emitter.js';

export type CheckStatus = 'ok' | 'degraded' | 'failed' | 'excluded';

/** One check in the answer of its group. */
export interface CheckReport {
  readonly name: string;
  /** `degraded`: it passes with less than it ought to have, or it failed and is not critical. */
  readonly status: CheckStatus;
  /** Whether the check itself failed, critical or not. */
  readonly failed: boolean;
  readonly critical: boolean;
  /** Why it is not ok: one line. */
  readonly reason?: string;
  readonly figures?: Readonly<Record<string, number>>;
  /** By which name it was excluded, its own or that of `excludeWith`. */
  readonly excluded?: string;
}

/** The answer of a group. */
export interface GroupReport {
  readonly group: string;
  /** Whether no critical check failed. */
  readonly ok: boolean;
  /** Whether any check is degraded. */
  readonly degraded: boolean;
  /** In the order in which they were added. */
  readonly checks: readonly CheckReport[];
  /** What was to be excluded and is no check, sorted. */
  readonly unmatched: readonly string[];
}

/** What one run of a check came to: kept in the history, and given to the sink. */
export interface CheckRecord {
  readonly group: string;
  readonly name: string;
  /** Wall clock, ms since 1970, at which the check was asked for. */
  readonly at: number;
  /** In ms. */
  readonly duration: number;
  readonly ok: boolean;
  readonly degraded: boolean;
  readonly reason?: string;
  readonly figures?: Readonly<Record<string, number>>;
}

/** The events of a health object, by name. */
export interface HealthEvents {
  /** A check has run. */
  result: CheckRecord;
  /** readyz has passed for the first time. */
  ready: { readonly at: number };
  error: ListenerError;
}
