/** The processes that Linux lists in /proc; other systems have no such list. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessStat {
  readonly pid: number;
  /** One letter, such as R, S, T (stopped) or Z (ended, and its parent has not asked for its exit code). */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
}

/** Reads one line of /proc/<pid>/stat; undefined for what is none. */
export function parseStat(line: string): ProcessStat | undefined {
  // The name before the state may contain anything, parentheses and spaces included.
  const rest = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [pid, parent, group, session] = [line, rest[1], rest[2], rest[3]].map((text) =>
    Number.parseInt(text ?? '', 10),
  );
  const state = rest[0];
  return pid > 0 && parent >= 0 && group >= 0 && session >= 0 && /^\w$/.test(state)
    ? { pid, state, parent, group, session }
    : undefined;
}

/** Whether the process has stopped (by SIGSTOP or a debugger), or has ended. */
export const isStopped = ({ state }: ProcessStat): boolean => /[Tt]/.test(state);
export const hasEnded = ({ state }: ProcessStat): boolean => /[ZXx]/.test(state);

/** How a process stands; undefined if it does not exist. @throws where the system does not tell */
export function statOf(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** All processes that can be seen, one by one; none where the system does not list them. */
export function* eachProcess(): Generator<ProcessStat> {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return;
  }
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    let stat: ProcessStat | undefined;
    try {
      stat = statOf(Number(name));
    } catch {
      // hidden from us, so it is not one that we started
    }
    if (stat !== undefined) yield stat;
  }
}

/** Whether the process was started with `variable`, as 'NAME=value', in its environment. */
export function hasVariable(pid: number, variable: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(`\0${variable}\0`);
  } catch {
    return false; // it has ended, or belongs to another user
  }
}
