/** What etcd and kube-apiserver answer: results to status, headers and body. Pure. */
import type { CheckReport, GroupReport } from './reports.js';

export type Profile = 'etcd' | 'kube';
export const PROFILES: readonly Profile[] = ['etcd', 'kube'];

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const TEXT = {
  'Content-Type': 'text/plain; charset=utf-8',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
};

export const text = (status: number, body: string, more?: Record<string, string>): Reply => ({
  status,
  headers: { ...TEXT, ...more },
  body,
});

export const NOT_FOUND = text(404, '404 page not found\n');
export const methodNotAllowed = (allow: string): Reply =>
  text(405, 'Method Not Allowed\n', { Allow: allow });

export interface Rendering {
  readonly profile: Profile;
  /** Undefined for what the profile's model does. */
  readonly exposeReasons: boolean | undefined;
}

/** Why, as far as it may be said; the model of kube withholds it where all checks are listed. */
const reasonOf = ({ reason }: CheckReport, exposed: boolean): string =>
  exposed ? (reason as string) : 'reason withheld';

const LETTER_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

function escapeOf(character: string): string {
  const code = character.codePointAt(0) as number;
  const hex = code.toString(16);
  if (code < 0x20 || code === 0x7f) return `\\x${hex.padStart(2, '0')}`;
  return code > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`;
}

/** As Go's %q quotes: names were written by whoever asks, and line separators are no text either. */
const quoted = (name: string): string => {
  const unprintable = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;
  return `"${name.replace(unprintable, (each) => LETTER_ESCAPES[each] ?? escapeOf(each))}"`;
};

function line(check: CheckReport, exposed: boolean): string {
  const { name, excluded, status } = check;
  if (excluded !== undefined) {
    return `[+]${name} excluded${excluded === name ? '' : ` with ${excluded}`}: ok\n`;
  }
  if (status === 'ok') return `[+]${name} ok\n`;
  if (status === 'failed') return `[-]${name} failed: ${reasonOf(check, exposed)}\n`;
  return `[+]${name} degraded${check.reason === undefined ? '' : `: ${reasonOf(check, exposed)}`}\n`;
}

/** The answer for a whole group. */
export function root(report: GroupReport, verbose: boolean, rendering: Rendering): Reply {
  const { profile, exposeReasons = profile === 'etcd' } = rendering;
  const { group, ok, checks, unmatched } = report;
  // etcd neither runs nor lists what was excluded; kube lists it.
  const listed = profile === 'etcd' ? checks.filter((each) => !('excluded' in each)) : checks;
  const lines = listed.map((each) => line(each, exposeReasons)).join('');
  if (profile === 'etcd') {
    if (!ok) return text(503, `${lines}\n`);
    return text(200, verbose ? `${lines}ok\n` : 'ok\n');
  }
  const names = unmatched.map(quoted).join(',');
  const warning = names && `warn: some health checks cannot be excluded: no matches for ${names}\n`;
  // As its model, which names the first part of a longer path.
  const [endpoint] = group.split('/', 1);
  if (!ok) return text(500, `${lines}${warning}${endpoint} check failed\n`);
  return text(200, verbose ? `${lines}${warning}${endpoint} check passed\n` : 'ok');
}

/** The answer for one check of a group, which stands for itself: nothing is excluded. */
export function single(check: CheckReport, verbose: boolean, rendering: Rendering): Reply {
  const { profile, exposeReasons = true } = rendering;
  const failed = check.status === 'failed' || check.failed;
  if (profile === 'kube') {
    if (!failed) return text(200, 'ok');
    return text(500, `internal server error: ${reasonOf(check, exposeReasons)}\n`);
  }
  if (failed) return text(503, `${line({ ...check, status: 'failed' }, exposeReasons)}\n`);
  return text(200, verbose ? `${line(check, exposeReasons)}ok\n` : 'ok\n');
}

/** Infinity and NaN as words: JSON would make null of them, which says nothing. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, each) =>
    typeof each === 'number' && !Number.isFinite(each) ? String(each) : each,
  );

export const json = (value: unknown): Reply => ({
  status: 200,
  headers: { ...TEXT, 'Content-Type': 'application/json; charset=utf-8' },
  body: `${toJson(value)}\n`,
});

export const svg = (picture: string): Reply => ({
  status: 200,
  headers: {
    ...TEXT,
    'Content-Type': 'image/svg+xml; charset=utf-8',
    // Opened by itself it is a document: nothing in it may run or load.
    'Content-Security-Policy': "default-src 'none'",
  },
  body: picture,
});

/** The group of `/health`: its check `leader` stands for the leader, all others for reads. */
export const HEALTH = 'health';
export const LEADER = 'leader';

/** etcd knows two; who parses its line knows no more. */
const KNOWN_ALARMS = ['NOSPACE', 'CORRUPT'];

function healthReasonOf(
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
  const reason = healthReasonOf(alarms, report, withheld);
  const body = JSON.stringify({ health: String(reason === ''), reason });
  return reason === '' ? text(200, body) : text(503, `${body}\n`);
}
