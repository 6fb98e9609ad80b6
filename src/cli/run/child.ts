/** The process that is supervised: its start, its state, its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

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

export class Child {
  readonly #process: ChildProcess;
  readonly ended: Promise<Ending>;
  /** Undefined while it runs. */
  ending: Ending | undefined;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#process = spawn(command, args, { stdio: 'inherit', env });
    this.ended = new Promise((resolve) => {
      const end = (ending: Ending) => {
        this.ending ??= ending;
        resolve(this.ending);
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

  signal(signal: NodeJS.Signals): void {
    if (this.ending === undefined) this.#process.kill(signal);
  }

  /** Asks it to end, unless it was asked already, and makes it after `grace` ms. */
  async stop(grace: number, signal: NodeJS.Signals | undefined): Promise<Ending> {
    if (signal !== undefined) this.signal(signal);
    const timer = setTimeout(() => this.signal('SIGKILL'), grace);
    return await this.ended.finally(() => clearTimeout(timer));
  }

  /** Whether it exists and may run: neither stopped nor a corpse, where the system tells (Linux). */
  get runs(): boolean {
    if (this.ending !== undefined || this.pid === undefined) return false;
    if (process.platform !== 'linux') return true;
    try {
      // The name before the state may contain anything, parentheses included.
      const stat = readFileSync(`/proc/${this.pid}/stat`, 'latin1');
      return !/^[TtZXx]/.test(stat.slice(stat.lastIndexOf(')') + 2));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      return true; // hidden from us, and not by its end
    }
  }
}
