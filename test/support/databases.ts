/** PostgreSQL and Redis of one's own, where they are installed: on a free port, in a folder. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { installed } from './programs.js';
import { type Cleanups, closedPort, folder } from './servers.js';

export interface Database {
  readonly port: number;
  readonly child: ChildProcess;
  /** Stops every process of it, so that its connections hang. */
  freeze(): void;
  thaw(): void;
  /** Ends it at once. */
  end(): Promise<void>;
}

export const hasPostgres = installed('initdb') !== undefined && installed('postgres') !== undefined;
export const hasRedis = installed('redis-server') !== undefined;

async function accepting(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} at its start`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Those that serve connections, of PostgreSQL: each is a group of processes of its own. */
function childrenOf(parent: number): number[] {
  const all = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = all.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.filter(([, ppid]) => ppid === parent).map(([pid]) => pid);
}

/** @param options its user and folder */
async function run(program: string, args: string[], port: number, options: object) {
  const child = spawn(program, args, { ...options, stdio: 'ignore' });
  const signal = (name: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const children = childrenOf(child.pid as number);
    child.kill(name);
    for (const pid of children) {
      try {
        process.kill(pid, name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has just ended
      }
    }
  };
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await accepting(port, child);
  return {
    port,
    child,
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    end: () => {
      signal('SIGKILL');
      return ended;
    },
  };
}

const idOf = (flag: string, user: string): number =>
  Number(
    execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );

/** PostgreSQL does not run as root. */
function unprivileged(path: string) {
  if (process.getuid?.() !== 0) return {};
  const user = { uid: idOf('-u', 'postgres'), gid: idOf('-g', 'postgres') };
  chownSync(path, user.uid, user.gid);
  return user;
}

/** A cluster; `start` starts it, on the same port each time. */
export async function postgres(cleanups: Cleanups): Promise<{ start(): Promise<Database> }> {
  const path = folder(cleanups);
  chmodSync(path, 0o700);
  const user = { ...unprivileged(path), cwd: path };
  const data = join(path, 'data');
  const init = ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync', '-E', 'UTF8'];
  execFileSync(installed('initdb') as string, [...init, '--locale=C'], {
    ...user,
    stdio: 'ignore',
  });
  const port = await closedPort();
  const args = ['-D', data, '-p', String(port), '-k', path, '-h', '127.0.0.1', '-F'];
  return {
    start: async () => {
      const database = await run(installed('postgres') as string, args, port, user);
      cleanups.push(() => database.end());
      return database;
    },
  };
}

export async function redis(cleanups: Cleanups): Promise<{ start(): Promise<Database> }> {
  const path = folder(cleanups);
  const port = await closedPort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', path, '--save', ''];
  return {
    start: async () => {
      const database = await run(installed('redis-server') as string, args, port, { cwd: path });
      cleanups.push(() => database.end());
      return database;
    },
  };
}
