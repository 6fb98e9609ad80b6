/** `/health` as etcd has it: one line of JSON; alarms come first, then the leader, then a read. */
import type { GroupReport } from './reports.js';
import { type Reply, text } from './wire.js';

/** The group of `/health`: its check `leader` stands for the leader, all others for reads. */
export const HEALTH = 'health';
export const LEADER = 'leader';

/** etcd knows two; who parses its line knows no more. */
const KNOWN_ALARMS = ['NOSPACE', 'CORRUPT'];

function reasonOf(
  alarms: readonly string[],
  report: GroupReport | undefined,
  withheld: boolean,
): string {
  if (alarms.length > 0) {
    return `ALARM ${KNOWN_ALARMS.includes(alarms[0]) ? alarms[0] : 'UNKNOWN'}`;
  }
  const failed = report?.checks.filter(({ status }) => status === 'failed') ?? [];
  if (failed.length === 0) return '';
  if (failed.some(({ name }) => name === LEADER)) return 'RAFT NO LEADER';
  return `RANGE ERROR:${withheld ? 'reason withheld' : failed[0].reason}`;
}

/** @param alarms those that are on and not excluded */
export function health(
  alarms: readonly string[],
  report: GroupReport | undefined,
  withheld: boolean,
): Reply {
  const reason = reasonOf(alarms, report, withheld);
  const body = JSON.stringify({ health: String(reason === ''), reason });
  return reason === '' ? text(200, body) : text(503, `${body}\n`);
}
