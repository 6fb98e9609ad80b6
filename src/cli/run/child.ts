/** The process that is supervised, with all that it starts: its start, its state, its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { hasEnded, isStopped, statOf } from './processes.js';
import { ProcessTree } from './tree.js';

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It could not be started at all. */
  readonly error?: NodeJS.ErrnoException;
}

/** The exit code that a shell shows for it. */
export function exitCodeOf({ code, signal, error }: Ending): number {
  if (error !== undefined) return error.code === 'ENOENT' ? 127 : 126;
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

export function describeEnding({ code, signal, error }: Ending): string {
  if (error !== undefined) return `could not be started: ${error.message}`;
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

/** What the supervisor knows of a process that it supervises; a {@link Child} is one. */
export interface Supervised {
  readonly pid: number | undefined;
  readonly ended: Promise<Ending>;
  /** Undefined while it runs. */
  readonly ending: Ending | undefined;
  readonly state: 'runs' | 'stopped' | 'ended';
  /** Ends it and all that it has started, by `signal`, and by SIGKILL once `grace` ms have passed. */
  stop(grace: number, signal: NodeJS.Signals | undefined): Promise<Ending>;
}

export interface ChildOptions {
  readonly env: NodeJS.ProcessEnv;
  /** 'NAME=value' in `env`, by which those who leave the group are found. */
  readonly mark: string;
  /** Whether it gets a process group of its own, which is signalled as a whole. */
  readonly ownGroup: boolean;
  /** Told of processes that outlive SIGKILL. */
  readonly log: (line: string) => void;
}

/** Time between two searches for what is left of it, in ms, at first and at most. */
const SEARCH = { first: 5, most: 250 };
/** What survives SIGKILL for so long, in ms, is another user's, or waits for a device. */
const UNKILLABLE = 5000;

export class Child implements Supervised {
  readonly #process: ChildProcess;
  readonly #log: (line: string) => void;
  readonly #tree: ProcessTree | undefined;
  readonly ended: Promise<Ending>;
  ending: Ending | undefined;
  #killAt = Infinity;
  #stopping: Promise<void> | undefined;
  #searchNow = () => {};

  constructor(
    command: string,
    args: readonly string[],
    { env, mark, ownGroup, log }: ChildOptions,
  ) {
    this.#log = log;
    this.#process = spawn(command, args, { stdio: 'inherit', env, detached: ownGroup });
    if (ownGroup && this.pid !== undefined) this.#tree = new ProcessTree(this.pid, mark);
    this.ended = new Promise((resolve) => {
      const end = (ending: Ending) => {
        this.ending ??= ending;
        resolve(this.ending);
        this.#searchNow();
      };
      this.#process.once('error', (error) => {
        // A signal that cannot be sent is an error as well, of a process that runs.
        if (this.pid === undefined) end({ code: null, signal: null, error });
      });
      this.#process.once('exit', (code, signal) => end({ code, signal }));
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Signals the process alone. */
  signal(signal: NodeJS.Signals): void {
    if (this.ending === undefined) this.#process.kill(signal);
  }

  /** Signals it and all that it has started, before anything else can happen. */
  signalAll(signal: NodeJS.Signals): void {
    if (this.#tree) this.#tree.signalNow(signal);
    else this.signal(signal);
  }

  async #signalAll(signal: NodeJS.Signals): Promise<void> {
    if (this.#tree) await this.#tree.signal(signal);
    else this.signal(signal);
  }

  /** May be called again, with a shorter grace. */
  async stop(grace: number, signal: NodeJS.Signals | undefined): Promise<Ending> {
    // What is being killed is asked no more: it would hear of that first.
    const asks = signal !== undefined && performance.now() < this.#killAt;
    this.#killAt = Math.min(this.#killAt, performance.now() + grace);
    if (asks && !(await this.#isOver())) await this.#signalAll(signal);
    this.#searchNow();
    this.#stopping ??= this.#end();
    await this.#stopping;
    return await this.ended;
  }

  async #end(): Promise<void> {
    for (let wait = SEARCH.first; !(await this.#isOver()); wait = Math.min(2 * wait, SEARCH.most)) {
      const late = performance.now() - this.#killAt;
      if (late > UNKILLABLE && this.ending !== undefined) {
        this.#log(`cannot be ended: pid ${this.#tree?.pids.join(', ')}`);
        return;
      }
      if (late >= 0) await this.#signalAll('SIGKILL');
      const ms = late >= 0 ? wait : Math.min(wait, -late);
      await new Promise<void>((resolve) => {
        // While it runs itself, its end and another call are all that there is to wait for.
        const timer = setTimeout(resolve, this.ending || late >= 0 ? ms : -late);
        this.#searchNow = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async #isOver(): Promise<boolean> {
    return this.ending !== undefined && (await this.#tree?.isOver()) !== false;
  }

  /** Whether it may run: neither stopped nor a corpse, where the system tells (Linux). */
  get state(): 'runs' | 'stopped' | 'ended' {
    if (this.ending !== undefined || this.pid === undefined) return 'ended';
    if (process.platform !== 'linux') return 'runs';
    try {
      const stat = statOf(this.pid);
      if (stat === undefined || hasEnded(stat)) return 'ended';
      return isStopped(stat) ? 'stopped' : 'runs';
    } catch {
      return 'runs'; // hidden from us, and not by its end
    }
  }
}
