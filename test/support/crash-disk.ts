/**
 * A disk in memory that a process, or the power, may leave at any instant. What was written is
 * seen at once, as in a page cache, but it survives a power cut for certain only once it was synced:
 * data of a file by its sync, names by that of the folder. Of the rest any part may survive: a file
 * ends at any byte, with or without zeros up to its length, and any part of the changes of names.
 *
 * Calls wait until {@link CrashDisk.step} does one of them, whichever; so whoever drives the world
 * decides what happens between any two.
 */
import { basename } from 'node:path';

type Random = () => number;

interface File {
  readonly ino: number;
  /** As everybody sees it. */
  data: Buffer;
  /** As it is on the disk. */
  synced: Buffer;
}

interface NameChange {
  readonly name: string;
  /** Undefined: the name is gone. */
  readonly file: File | undefined;
  /** The name that the file had before. */
  readonly from?: string;
}

interface Call {
  readonly what: string;
  readonly run: () => void;
}

const fault = (code: string, what: string) =>
  Object.assign(new Error(`${code}: ${what}`), { code, syscall: what });

export class CrashDisk {
  #random: Random;
  #names = new Map<string, File>();
  #syncedNames = new Map<string, File>();
  #changes: NameChange[] = [];
  #calls: Call[] = [];
  #inodes = 0;
  #folder = 1;
  #folderIsThere = true;
  /** What fails: nothing, every write after a part of it, or any call by chance. */
  failing: 'nothing' | 'full' | 'errors' = 'nothing';
  /** Whether calls are done as they come. */
  immediate = false;
  /** Calls done so far. */
  done = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get waiting(): number {
    return this.#calls.length;
  }

  get names(): string[] {
    return [...this.#names.keys()].sort();
  }

  content(name: string): Buffer | undefined {
    return this.#names.get(name)?.data;
  }

  /** Does one of the calls that wait; its name. */
  step(): string | undefined {
    const n = Math.floor(this.#random() * this.#calls.length);
    const [call] = this.#calls.splice(n, 1);
    call?.run();
    return call?.what;
  }

  /** The disk as the next process finds it. @param power whether the machine lost it as well */
  after(power: boolean): CrashDisk {
    const next = new CrashDisk(this.#random);
    next.#inodes = this.#inodes;
    next.#folder = this.#folder;
    next.#folderIsThere = this.#folderIsThere;
    const copies = new Map<File, File>();
    const copy = (file: File): File => {
      let found = copies.get(file);
      if (found === undefined) {
        const data = power ? this.#survives(file) : file.data;
        found = { ino: file.ino, data, synced: power ? data : file.synced };
        copies.set(file, found);
      }
      return found;
    };
    if (!power) {
      for (const [name, file] of this.#names) next.#names.set(name, copy(file));
      for (const [name, file] of this.#syncedNames) next.#syncedNames.set(name, copy(file));
      next.#changes = this.#changes.map((change) => ({
        ...change,
        file: change.file && copy(change.file),
      }));
      return next;
    }
    const names = new Map(this.#syncedNames);
    const inOrder = this.#random() < 0.5;
    const end = Math.floor(this.#random() * (this.#changes.length + 1));
    this.#changes.forEach((change, n) => {
      if (inOrder ? n >= end : this.#random() < 0.5) return;
      if (change.from !== undefined) names.delete(change.from);
      if (change.file) names.set(change.name, change.file);
      else names.delete(change.name);
    });
    for (const [name, file] of names) next.#names.set(name, copy(file));
    next.#syncedNames = new Map(next.#names);
    return next;
  }

  #survives({ data, synced }: File): Buffer {
    if (data.equals(synced)) return data;
    // A file that was emptied, and written anew, may be what it was.
    if (!data.subarray(0, synced.length).equals(synced)) {
      if (this.#random() < 0.5) return synced;
      return this.#torn(data, 0);
    }
    return this.#torn(data, synced.length);
  }

  #torn(data: Buffer, least: number): Buffer {
    const dice = this.#random();
    if (dice < 0.2) return data;
    if (dice < 0.4) return data.subarray(0, least);
    const end = least + Math.floor(this.#random() * (data.length - least + 1));
    if (dice < 0.8) return data.subarray(0, end);
    return Buffer.concat([data.subarray(0, end), Buffer.alloc(data.length - end)]);
  }

  /** Somebody else removes a name, for good and at once. */
  remove(name: string): void {
    this.#names.delete(name);
    this.#syncedNames.delete(name);
    this.#changes = this.#changes.filter((change) => change.name !== name);
  }

  /** Somebody else removes all, the folder as well. */
  removeFolder(): void {
    for (const name of this.names) this.remove(name);
    this.#changes = [];
    this.#syncedNames.clear();
    this.#folderIsThere = false;
  }

  /** Somebody else puts another folder in the place of this one, with what `from` has in it. */
  replaceFolder(from?: CrashDisk): void {
    this.removeFolder();
    this.#makeFolder();
    for (const [name, { data }] of from === undefined ? [] : from.#names) {
      const file = { ino: ++this.#inodes, data, synced: data };
      this.#names.set(name, file);
      this.#syncedNames.set(name, file);
    }
  }

  #makeFolder(): void {
    this.#folderIsThere = true;
    this.#folder = ++this.#inodes;
  }

  #change(change: NameChange): void {
    if (change.from !== undefined) this.#names.delete(change.from);
    if (change.file) this.#names.set(change.name, change.file);
    else this.#names.delete(change.name);
    this.#changes.push(change);
  }

  #call<T>(what: string, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => {
        this.done++;
        try {
          if (this.failing === 'errors' && this.#random() < 0.25) throw fault('EIO', what);
          resolve(work());
        } catch (error) {
          reject(error);
        }
      };
      if (this.immediate) run();
      else this.#calls.push({ what, run });
    });
  }

  #find(path: string, what: string): File {
    const file = this.#names.get(basename(path));
    if (file === undefined || !this.#folderIsThere) throw fault('ENOENT', `${what} ${path}`);
    return file;
  }

  #folderOf(path: string): { readonly ino: number } | undefined {
    return this.#folderIsThere && !basename(path).includes('state')
      ? { ino: this.#folder }
      : undefined;
  }

  #statOf(path: string) {
    const folder = this.#folderOf(path);
    if (folder) return { ino: folder.ino, dev: 1, size: 0, nlink: 1, isFile: () => false };
    const file = this.#find(path, 'stat');
    return { ino: file.ino, dev: 1, size: file.data.length, nlink: 1, isFile: () => true };
  }

  #append(file: File, bytes: Uint8Array): void {
    file.data = Buffer.concat([file.data, bytes]);
  }

  #folderHandle(ino: number) {
    return {
      sync: () =>
        this.#call('sync folder', () => {
          if (!this.#folderIsThere || ino !== this.#folder) return; // another one, that has no name
          this.#syncedNames = new Map(this.#names);
          this.#changes = [];
        }),
      close: async () => {},
    };
  }

  #handle(file: File, name: string) {
    const sync = () =>
      this.#call(`sync ${name}`, () => {
        file.synced = file.data;
      });
    return {
      chmod: (_mode: number) => this.#call(`chmod ${name}`, () => {}),
      stat: () =>
        this.#call(`stat ${name}`, () => ({
          ino: file.ino,
          dev: 1,
          size: file.data.length,
          nlink: [...this.#names.values()].includes(file) ? 1 : 0,
        })),
      write: (bytes: Uint8Array, at = 0) =>
        this.#call(`write ${name}`, () => {
          const rest = bytes.subarray(at);
          if (this.failing === 'full') {
            const part = Math.floor(rest.length / 2);
            if (part < 4) throw fault('ENOSPC', `write ${name}`);
            this.#append(file, rest.subarray(0, part));
            return { bytesWritten: part };
          }
          const short = this.#random() < 0.1 ? Math.ceil(rest.length * this.#random()) : 0;
          const written = short || rest.length;
          this.#append(file, rest.subarray(0, written));
          if (this.failing === 'errors' && this.#random() < 0.2) throw fault('EIO', 'write');
          return { bytesWritten: written };
        }),
      read: (buffer: Uint8Array, offset: number, length: number, position: number) =>
        this.#call(`read ${name}`, () => {
          const bytes = file.data.subarray(position, position + length);
          buffer.set(bytes, offset);
          return { bytesRead: bytes.length, buffer };
        }),
      sync,
      datasync: sync,
      close: async () => {},
    };
  }

  /** Of `node:fs/promises`, for paths in the one folder that there is; files have "state" in their names. */
  readonly fs = {
    open: (path: string, flags: string | number, _mode?: number) =>
      this.#call(`open ${basename(path)}`, () => {
        const folder = this.#folderOf(path);
        if (folder) return this.#folderHandle(folder.ino);
        if (!this.#folderIsThere) throw fault('ENOENT', `open ${path}`);
        const name = basename(path);
        const found = this.#names.get(name);
        if (flags === 'ax' && found) throw fault('EEXIST', `open ${path}`);
        if (String(flags).startsWith('r')) return this.#handle(this.#find(path, 'open'), name);
        if (found) {
          if (String(flags).startsWith('w')) found.data = Buffer.alloc(0);
          return this.#handle(found, name);
        }
        if (this.failing === 'full' && this.#random() < 0.3) throw fault('ENOSPC', `open ${path}`);
        const file = { ino: ++this.#inodes, data: Buffer.alloc(0), synced: Buffer.alloc(0) };
        this.#change({ name, file });
        return this.#handle(file, name);
      }),
    readdir: (path: string) =>
      this.#call('readdir', () => {
        if (!this.#folderIsThere) throw fault('ENOENT', `readdir ${path}`);
        return [...this.#names.keys()];
      }),
    readFile: (path: string) =>
      this.#call(`readFile ${basename(path)}`, () => Buffer.from(this.#find(path, 'open').data)),
    stat: (path: string) => this.#call(`stat ${basename(path)}`, () => this.#statOf(path)),
    rename: (from: string, to: string) =>
      this.#call(`rename ${basename(to)}`, () => {
        const file = this.#find(from, 'rename');
        this.#change({ name: basename(to), file, from: basename(from) });
      }),
    unlink: (path: string) =>
      this.#call(`unlink ${basename(path)}`, () => {
        this.#find(path, 'unlink');
        this.#change({ name: basename(path), file: undefined });
      }),
    copyFile: (from: string, to: string) =>
      this.#call(`copyFile ${basename(to)}`, () => {
        if (this.failing === 'full') throw fault('ENOSPC', `copyFile ${to}`);
        const { data } = this.#find(from, 'copyFile');
        const file = { ino: ++this.#inodes, data, synced: Buffer.alloc(0) };
        this.#change({ name: basename(to), file });
      }),
    mkdir: (_path: string, _options?: object) =>
      this.#call('mkdir', () => {
        if (!this.#folderIsThere) this.#makeFolder();
      }),
  };
}
