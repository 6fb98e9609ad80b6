/** The command with everything that it has started, for as long as any of it lives. */
import { hasEnded, hasVariable, listProcesses, type ProcessStat } from './processes.js';

/**
 * Which of `all` belong to the tree: the group and the session of its leader, who carries its mark,
 * and the descendants of these.
 */
export function membersOf(
  leader: number,
  all: readonly ProcessStat[],
  isMarked: (pid: number) => boolean,
): ProcessStat[] {
  const found = new Map<number, ProcessStat>();
  const belongs = (each: ProcessStat) =>
    each.pid === leader || each.group === leader || each.session === leader || isMarked(each.pid);
  for (const each of all) if (belongs(each)) found.set(each.pid, each);
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const each of all) if (found.has(each.parent)) found.set(each.pid, each);
  }
  return [...found.values()].filter((each) => !hasEnded(each));
}

/** Signals processes as one. Once it is found empty it signals nobody: pids are used again. */
export class ProcessTree {
  readonly #leader: number;
  readonly #mark: string;
  #isOver = false;

  /**
   * @param leader the leader of a process group and session of its own
   * @param mark 'NAME=value' in the environment of all that it starts
   */
  constructor(leader: number, mark: string) {
    this.#leader = leader;
    this.#mark = mark;
  }

  /** Sends a signal to every process of the tree. */
  signal(signal: NodeJS.Signals): void {
    if (this.#isOver) return;
    const others = this.#members.filter(({ group }) => group !== this.#leader);
    this.#send(-this.#leader, signal);
    for (const { pid } of others) this.#send(pid, signal);
  }

  /** Whether nothing of it lives any more. */
  get isOver(): boolean {
    this.#isOver ||= this.#members.length === 0 && !this.#groupLives;
    return this.#isOver;
  }

  /** The pids of those that live, where the system lists them (Linux). */
  get pids(): number[] {
    return this.#isOver ? [] : this.#members.map(({ pid }) => pid);
  }

  get #members(): ProcessStat[] {
    if (process.platform !== 'linux') return [];
    // A variable that is looked for cannot be in our own environment, nor in our parents'.
    return membersOf(this.#leader, listProcesses(), (pid) => hasVariable(pid, this.#mark));
  }

  /** Where processes are listed the list decides: a group of corpses takes signals as well. */
  get #groupLives(): boolean {
    return process.platform !== 'linux' && this.#send(-this.#leader, 0);
  }

  #send(pid: number, signal: NodeJS.Signals | 0): boolean {
    try {
      return process.kill(pid, signal);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM'; // it exists, as another user's
    }
  }
}
