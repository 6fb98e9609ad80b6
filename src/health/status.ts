/** What is known of every check without running one: for `/status`, and for metrics. */

import type { CheckRun } from './check-run.js';
import type { GraphState } from './dependencies.js';
import type { Group } from './groups.js';
import type { ResolvedHealthOptions } from './health-options.js';
import type { Loop } from './loops.js';
import type { CheckRecord } from './reports.js';
import type { Profile } from './wire.js';

/** One check: its last result and those before. Times are wall clock, ISO 8601; durations in ms. */
export interface CheckState {
  readonly name: string;
  /** `unknown` until it has run; `degraded` also for a failure of what is not critical. */
  readonly status: 'ok' | 'degraded' | 'failed' | 'unknown';
  readonly critical: boolean;
  /** Runs that passed, and that failed. */
  readonly success: number;
  readonly error: number;
  /** How long a run goes on whose time is up, in ms; it is not started again until it ends. */
  readonly overdue?: number;
  readonly last?: RunState;
  /** The last runs, the newest first. */
  readonly history: readonly RunState[];
}

export interface RunState {
  readonly at: string;
  readonly duration: number;
  readonly ok: boolean;
  readonly degraded: boolean;
  readonly reason?: string;
  readonly figures?: Readonly<Record<string, number>>;
}

export interface GroupState {
  readonly status: 'ok' | 'degraded' | 'failed' | 'unknown';
  readonly checks: readonly CheckState[];
}

export interface LoopState {
  readonly phi: number;
  readonly silence: number | undefined;
  /** How long a turn takes as a rule, in ms. */
  readonly mean: number;
  readonly status: string;
}

export interface StatusPage {
  readonly name: string;
  readonly profile: Profile;
  readonly at: string;
  /** In ms. */
  readonly uptime: number;
  readonly groups: Readonly<Record<string, GroupState>>;
  readonly alarms: readonly string[];
  readonly maintenance: readonly string[];
  readonly loops: Readonly<Record<string, LoopState>>;
  readonly graph: GraphState;
}

export interface Shown {
  readonly options: ResolvedHealthOptions;
  readonly startedAt: number;
  readonly groups: ReadonlyMap<string, Group>;
  readonly alarms: readonly string[];
  readonly maintenance: readonly string[];
  readonly loops: ReadonlyMap<string, Loop>;
  readonly graph: GraphState;
}

/** Whether reasons are kept back where all checks are shown. */
export const withheld = ({ profile, exposeReasons }: ResolvedHealthOptions): boolean =>
  !(exposeReasons ?? profile === 'etcd');

const iso = (wall: number): string => new Date(wall).toISOString();

function runState(record: CheckRecord, hidden: boolean): RunState {
  const { at, duration, ok, degraded, reason, figures } = record;
  return {
    at: iso(at),
    duration,
    ok,
    degraded,
    ...(reason !== undefined && { reason: hidden ? 'reason withheld' : reason }),
    ...(figures && { figures }),
  };
}

/** What the last run of a check makes of it. */
function stateOf({ last, critical }: CheckRun): CheckState['status'] {
  if (last === undefined) return 'unknown';
  if (last.ok) return last.degraded ? 'degraded' : 'ok';
  return critical ? 'failed' : 'degraded';
}

function checkState(check: CheckRun, now: number, hidden: boolean): CheckState {
  const { name, critical, counts, overdue, history, last } = check;
  const runs = history.map((record) => runState(record, hidden)).reverse();
  return {
    name,
    status: stateOf(check),
    critical,
    ...counts,
    ...(overdue !== undefined && { overdue: now - overdue }),
    ...(last && { last: runState(last, hidden) }),
    history: runs,
  };
}

const WORST = ['failed', 'degraded', 'unknown', 'ok'] as const;

function groupState(group: Group, now: number, hidden: boolean): GroupState {
  const checks = Array.from(group.checks.values(), (check) => checkState(check, now, hidden));
  const status = WORST.find((each) => checks.some((check) => check.status === each)) ?? 'ok';
  return { status, checks };
}

function loopState(loop: Loop): LoopState | undefined {
  const facts = loop.explain();
  return (
    facts && { phi: facts.phi, silence: facts.silence, mean: facts.mean, status: facts.status }
  );
}

export function statusOf(shown: Shown): StatusPage {
  const { options, startedAt, groups, alarms, maintenance, loops, graph } = shown;
  const { name, profile, host, wall } = options;
  const now = host.now();
  const hidden = withheld(options);
  const states = Array.from(loops, ([loop, each]) => [loop, loopState(each)] as const);
  return {
    name,
    profile,
    at: iso(wall()),
    uptime: now - startedAt,
    groups: Object.fromEntries(
      Array.from(groups, ([group, each]) => [group, groupState(each, now, hidden)]),
    ),
    alarms,
    maintenance: [...maintenance],
    loops: Object.fromEntries(states.filter(([, state]) => state !== undefined)) as Record<
      string,
      LoopState
    >,
    graph,
  };
}

/** A check that has run. */
export interface HealthReading {
  /** Its group. */
  readonly type: string;
  readonly name: string;
  /** Whether it passed when it last ran, critical or not. */
  readonly passing: boolean;
  /** Runs that passed, and that failed, since it was added. */
  readonly success: number;
  readonly error: number;
}

/** How often `/health` was asked for, by what it said. */
export interface HealthAnswers {
  readonly success: number;
  readonly failure: number;
}

export const readingsOf = (checks: readonly CheckRun[]): HealthReading[] =>
  checks.flatMap(({ group, name, last, counts }) =>
    last ? [{ type: group, name, passing: last.ok, ...counts }] : [],
  );
