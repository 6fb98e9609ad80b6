/** What metrics show of checks: etcd's and kube-apiserver's `healthcheck{type,name}`. */
import type { Group } from './group.js';

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

export function readingsOf(groups: ReadonlyMap<string, Group>): HealthReading[] {
  const readings: HealthReading[] = [];
  for (const [type, { entries }] of groups) {
    for (const { name, last, counts } of entries.values()) {
      if (last) readings.push({ type, name, passing: last.ok, ...counts });
    }
  }
  return readings;
}
