/** `phi-accrual run` with real children, for end-to-end tests: it leaves none of them behind. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, vi } from 'vitest';
import { eachProcess, hasEnded, hasVariable, statOf } from '../../src/cli/run/processes.js';
import { cli, Running } from './processes.js';

const FAST = ['--interval', '50', '--pause', '1000', '--delay', '50', '--grace', '1'];
export const PATIENCE = { timeout: 50_000, interval: 20 };

export class Runs {
  /** A folder for programs, with a space in its name. */
  folder = '';
  readonly #open: { close(): unknown }[] = [];

  constructor() {
    beforeAll(() => {
      this.folder = mkdtempSync(join(tmpdir(), 'phi run '));
    });
    afterAll(() => rmSync(this.folder, { recursive: true, force: true }));
    afterEach(async () => {
      for (const each of this.#open.splice(0).reverse()) await each.close();
    });
  }

  closes(what: { close(): unknown }): void {
    this.#open.push(what);
  }

  /** Writes a program, and says where it is. */
  program(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    return file;
  }

  /** Starts it; all that it starts can be found by what {@link Run.all} looks for. */
  run(options: string[], command: string[], env: NodeJS.ProcessEnv = {}): Run {
    const run = new Run([cli, 'run', ...FAST, ...options, '--', ...command], env);
    this.closes(run);
    return run;
  }
}

let runs = 0;

export class Run extends Running {
  readonly #variable: string;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    const value = `${process.pid}-${++runs}`;
    super(args, { env: { ...process.env, ...env, PHI_TEST_RUN: value } });
    this.#variable = `PHI_TEST_RUN=${value}`;
  }

  /** The pids of the command, one for each start. */
  get pids(): number[] {
    return [...this.output.matchAll(/: pid (\d+)/g)].map(([, pid]) => Number(pid));
  }

  /** All processes that live and were started by it, itself excluded. */
  get all(): number[] {
    return [...eachProcess()]
      .filter((each) => !hasEnded(each) && each.pid !== this.child.pid)
      .filter(({ pid }) => hasVariable(pid, this.#variable))
      .map(({ pid }) => pid);
  }

  async starts(n: number): Promise<void> {
    await vi.waitUntil(() => this.pids.length >= n, PATIENCE);
  }

  async close(): Promise<void> {
    this.kill('SIGKILL');
    await vi.waitUntil(() => {
      for (const pid of this.all) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // gone meanwhile
        }
      }
      return this.all.length === 0;
    }, PATIENCE);
    await this.exited;
  }
}

export const lives = (pid: number): boolean => {
  const stat = statOf(pid);
  return stat !== undefined && !hasEnded(stat);
};

/** A port that was free just now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
