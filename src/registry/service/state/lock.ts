/**
 * One registry at a time on a state: two would hand the same generations out, and each would remove
 * the other's journals.
 *
 * What is held is a name that the kernel gives back when its process ends, however that ends: a
 * file with a process id would outlive a SIGKILL, and ids are used again. On Linux and Windows the
 * name is in no folder, so it needs no room on a full disk.
 */
import { createHash } from 'node:crypto';
import { stat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StateError } from './load.js';

/** A process that was killed a moment ago may not have ended yet, in ms. */
const PATIENCE = 1000;
const AGAIN = 50;

/** The same for every path that leads to the file. @throws the system's error without its folder */
async function nameOf(file: string): Promise<string> {
  const { dev, ino } = await stat(dirname(resolve(file)), { bigint: true });
  const hash = createHash('sha256')
    .update(`${dev}/${ino}/${basename(file)}`)
    .digest('hex');
  const name = `phi-accrual-state-${hash.slice(0, 32)}`;
  if (process.platform === 'linux') return `\0${name}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), name);
}

/** Undefined if somebody has the name. */
function take(path: string): Promise<Server | undefined> {
  return new Promise((done, fail) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') done(undefined);
      else fail(error);
    });
    server.listen({ path, exclusive: true }, () => done(server.unref()));
  });
}

/** Where the name is a file, that of a process that was killed is left: nobody answers there. */
async function clear(path: string): Promise<void> {
  if (process.platform === 'linux' || process.platform === 'win32') return;
  const isLeft = await new Promise<boolean>((done) => {
    const socket = connect(path, () => done(false));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => done(code === 'ECONNREFUSED'));
    socket.on('connect', () => socket.destroy());
  });
  if (isLeft) await unlink(path).catch(() => {}); // another one that starts was faster
}

/** A state that is held for this process. */
export class Lock {
  readonly #file: string;
  #path = '';
  #server: Server | undefined;

  private constructor(file: string) {
    this.#file = file;
  }

  /** @throws StateError if another registry holds it; the system's error if its folder is not there */
  static async take(file: string): Promise<Lock> {
    const lock = new Lock(file);
    await lock.hold(PATIENCE);
    return lock;
  }

  /**
   * Holds it on, or anew should its folder be another one by now. Returns whether it is.
   *
   * @throws as {@link take}; what was held is held still
   */
  async hold(patience = 0): Promise<boolean> {
    const path = await nameOf(this.#file);
    if (path === this.#path) return false;
    for (let waited = 0; ; waited += AGAIN) {
      const server = await take(path);
      if (server) {
        await this.release();
        this.#path = path;
        this.#server = server;
        return true;
      }
      if (waited >= patience) {
        throw new StateError(`${this.#file}: another registry that runs on this machine uses it`);
      }
      await clear(path);
      await sleep(AGAIN);
    }
  }

  release(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#path = '';
    return new Promise((done) => (server ? server.close(() => done()) : done()));
  }
}
