/** A check of another process on this machine, a daemon. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { checkKeys, checkNumber, checkRange, checkType } from '../../core/validate.js';
import { aboutOthers, type Check, type CheckResult } from '../check.js';

export interface ProcessCheckOptions {
  /** Its number. */
  pid?: number;
  /** A file with its number, as daemons write it. */
  pidFile?: string;
  /**
   * The name of its program, as `ps -o comm` shows it. Alone, any process of this name will do
   * (Linux only); with `pid` or `pidFile` that process must have it.
   */
  name?: string;
}

/** What /proc says of a process. */
interface Stat {
  readonly name: string;
  readonly state: string;
  /** In clock ticks since the machine started. */
  readonly started: number;
}

/** Of /proc/PID/stat's times: a hundredth of a second on every platform that Node runs on. */
const TICKS = 100;
/** How much later than its pid file a process may have started, in s: clocks are set now and then. */
const SLACK = 10;
/** The kernel cuts names there. */
const LONGEST_NAME = 15;

const BAD: Readonly<Record<string, string>> = {
  T: 'stopped',
  t: 'stopped by a debugger',
  Z: 'a zombie: it has ended, and nobody has taken note',
  X: 'dead',
};

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Undefined if there is no such process to be seen. */
async function statOf(pid: number | string): Promise<Stat | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name is in parentheses and may contain some.
    const end = text.lastIndexOf(')');
    const fields = text.slice(end + 2).split(' ');
    const name = text.slice(text.indexOf('(') + 1, end);
    return { name, state: fields[0], started: Number(fields[19]) };
  } catch (error) {
    if (/^(ENOENT|ESRCH|EACCES|EPERM|ENOTDIR)$/.test(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Whether there is such a process, by a signal that does nothing. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM'; // somebody else's
  }
}

const named = (stat: Stat, name: string): boolean => stat.name === name.slice(0, LONGEST_NAME);

async function byName(name: string): Promise<CheckResult> {
  let seen: CheckResult = { ok: false, reason: `no process named ${name}` };
  for (const entry of await readdir('/proc')) {
    const stat = /^\d+$/.test(entry) ? await statOf(entry) : undefined;
    if (stat === undefined || !named(stat, name)) continue;
    const reason = BAD[stat.state];
    if (reason === undefined) return { ok: true, figures: { pid: Number(entry) } };
    seen = { ok: false, reason: `${entry} is ${reason}`, figures: { pid: Number(entry) } };
  }
  return seen;
}

async function byPid(pid: number, name: string | undefined): Promise<CheckResult> {
  const figures = { pid };
  const stat = await statOf(pid);
  if (stat === undefined) {
    // No /proc, or one that hides what is not ours.
    const ok = isThere(pid);
    return ok ? { ok, figures } : { ok, reason: `no process ${pid}`, figures };
  }
  if (name !== undefined && !named(stat, name)) {
    return { ok: false, reason: `process ${pid} is ${stat.name}, not ${name}`, figures };
  }
  const reason = BAD[stat.state];
  if (reason !== undefined) return { ok: false, reason: `process ${pid} is ${reason}`, figures };
  return { ok: true, figures };
}

/** Whether a process started after its pid file was written: then its number was given again. */
async function isLater(pid: number, file: string): Promise<boolean> {
  const own = await statOf(pid);
  if (own === undefined) return false;
  const boot = Number(/^btime (\d+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1]);
  const written = (await stat(file)).mtimeMs / 1000;
  return boot + own.started / TICKS > written + SLACK;
}

async function byFile(file: string, name: string | undefined): Promise<CheckResult> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { ok: false, reason: `no pid file ${basename(file)}` };
    throw error;
  }
  // Some write more lines after it, as PostgreSQL does.
  const pid = Number(/^\s*([1-9]\d{0,9})\s*$/m.exec(text.split('\n', 1)[0])?.[1]);
  if (!(pid > 0)) return { ok: false, reason: `no process number in ${basename(file)}` };
  const result = await byPid(pid, name);
  // A name says it for certain; times do not where clocks are set.
  if (result.ok && name === undefined && (await isLater(pid, file))) {
    const reason = `stale pid file: process ${pid} started after ${basename(file)} was written`;
    return { ok: false, reason, figures: { pid } };
  }
  return result;
}

/**
 * Whether a daemon of this machine runs: by number, pid file or name. One that is stopped or a
 * zombie fails (Linux); one that we may not signal runs. Figure: `pid`.
 *
 * @throws TypeError, RangeError with the option's name; TypeError if neither is given
 */
export function processCheck(options: ProcessCheckOptions): Check {
  const { pid, pidFile, name } = checkKeys('options', options, ['pid', 'pidFile', 'name']);
  if (pid !== undefined) checkNumber('pid', pid, { least: 1, most: 2 ** 31 - 1, integer: true });
  for (const [key, value] of [
    ['pidFile', pidFile],
    ['name', name],
  ] as const) {
    const fits = value === undefined || (typeof value === 'string' && value !== '');
    checkType(key, 'a string that is not empty', value, fits);
  }
  checkRange('options', 'pid or pidFile, not both', options, !(pid && pidFile));
  if (pid !== undefined) return aboutOthers(() => byPid(pid, name));
  if (pidFile !== undefined) return aboutOthers(() => byFile(pidFile, name));
  checkType('options', 'pid, pidFile or name', options, name !== undefined);
  const noProc = process.platform !== 'linux';
  checkRange('name', 'pid or pidFile beside it, outside Linux', name, !noProc);
  return aboutOthers(() => byName(name as string));
}
