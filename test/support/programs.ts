/** Programs of others that a test starts where they are installed: HAProxy, Prometheus, nginx. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Cleanups } from './servers.js';

/** Where Debian puts the programs of PostgreSQL, which are not in the path. */
function postgresFolders(): string[] {
  try {
    return readdirSync('/usr/lib/postgresql').map(
      (version) => `/usr/lib/postgresql/${version}/bin`,
    );
  } catch {
    return [];
  }
}

/** The path of a program; undefined where it is not installed. */
export function installed(program: string): string | undefined {
  const path = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', ...postgresFolders()];
  return path
    .map((each) => join(each, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Starts a program that stays in the foreground; it ends with the test. */
export function started(path: string, args: readonly string[], cleanups: Cleanups) {
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = once(child, 'exit');
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return { child, output: () => output };
}
