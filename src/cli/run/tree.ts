/** The command with everything that it has started, for as long as any of it lives. */
import { eachProcess, hasEnded, hasVariable, type ProcessStat } from './processes.js';

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

/** How long other work waits while processes are searched, in ms. */
const TURN = 5;

type Search = Generator<undefined, ProcessStat[]>;

/** Takes a search to its end, and lets other work of this process have its turns meanwhile. */
export async function inTurns<T>(search: Generator<undefined, T>): Promise<T> {
  for (let until = performance.now() + TURN; ; ) {
    const { done, value } = search.next();
    if (done) return value;
    if (performance.now() < until) continue;
    await new Promise((resolve) => setImmediate(resolve));
    until = performance.now() + TURN;
  }
}

function atOnce(search: Search): ProcessStat[] {
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
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

  /** Sends a signal to every process of the tree; other work goes on while it searches for them. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    if (!this.#isOver) this.#sendTo(await inTurns(this.#search()), signal);
  }

  /** As {@link signal}, before anything else can happen, as this process is about to end or stop. */
  signalNow(signal: NodeJS.Signals): void {
    if (!this.#isOver) this.#sendTo(atOnce(this.#search()), signal);
  }

  /** Whether nothing of it lives any more. */
  async isOver(): Promise<boolean> {
    // One that ends while they are listed may have started another that was not listed yet.
    for (let search = 0; search < 2 && !this.#isOver; search++) {
      const members = await inTurns(this.#search());
      if (members.length > 0 || this.#groupLives) return false;
    }
    this.#isOver = true;
    return true;
  }

  /** The pids of those that live, where the system lists them (Linux). */
  get pids(): number[] {
    return this.#isOver ? [] : atOnce(this.#search()).map(({ pid }) => pid);
  }

  /** A machine may run thousands of processes, and a busy one is slow to list them: step by step. */
  *#search(): Search {
    if (process.platform !== 'linux') return [];
    const all: ProcessStat[] = [];
    const marked = new Set<number>();
    for (const each of eachProcess()) {
      all.push(each);
      // The variable that we search for cannot be in our own environment, nor in our parents'.
      if (hasVariable(each.pid, this.#mark)) marked.add(each.pid);
      yield;
    }
    return membersOf(this.#leader, all, (pid) => marked.has(pid));
  }

  /** To members that were found before: without its parent nobody is found as its descendant. */
  #sendTo(members: readonly ProcessStat[], signal: NodeJS.Signals): void {
    if (this.#isOver) return;
    this.#send(-this.#leader, signal);
    for (const { pid, group } of members) if (group !== this.#leader) this.#send(pid, signal);
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
