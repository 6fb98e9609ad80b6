/** The files of a state: their names, and what is written so that it is there after a crash. */
import { copyFile, mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Which file it is, whatever its name. */
export interface FileIdentity {
  readonly ino: number;
  readonly dev: number;
}

/** What of a file that is open is used. */
export interface OpenFile {
  write(bytes: Uint8Array, offset: number): Promise<{ readonly bytesWritten: number }>;
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  sync(): Promise<void>;
  datasync(): Promise<void>;
  chmod(mode: number): Promise<void>;
  stat(): Promise<FileIdentity>;
  close(): Promise<void>;
}

/** What of the file system is used; tests put one in its place that fails, or loses power. */
export interface FileSystem {
  open(path: string, flags: string, mode?: number): Promise<OpenFile>;
  readdir(path: string): Promise<string[]>;
  readFile(path: string): Promise<Buffer>;
  rename(from: string, to: string): Promise<void>;
  stat(path: string): Promise<FileIdentity & { isFile(): boolean }>;
  unlink(path: string): Promise<void>;
  copyFile(from: string, to: string): Promise<void>;
  mkdir(path: string, options: { recursive: true; mode: number }): Promise<unknown>;
}

export const fileSystem: FileSystem = {
  ...{ open, readdir, readFile, rename, stat, unlink, copyFile, mkdir },
};

/** It holds the key of all secrets. */
export const PRIVATE = 0o600;
const PRIVATE_FOLDER = 0o700;

export const isCode = (error: unknown, ...codes: readonly string[]): boolean =>
  codes.includes((error as NodeJS.ErrnoException).code ?? '');

export const journalOf = (file: string, number: number): string => `${file}.journal.${number}`;

export const folderOf = (file: string): string => dirname(join(file));

/** The numbers of the journals beside a state file, in order. */
export async function journalsOf(fs: FileSystem, file: string): Promise<number[]> {
  const begins = `${basename(file)}.journal.`;
  return (await fs.readdir(folderOf(file)))
    .filter((name) => name.startsWith(begins) && /^\d{1,15}$/.test(name.slice(begins.length)))
    .map((name) => Number(name.slice(begins.length)))
    .sort((a, b) => a - b);
}

/** A new name, or a file that went, is on the disk only when its folder is. */
export async function syncFolder(fs: FileSystem, file: string): Promise<void> {
  const folder = await fs.open(folderOf(file), 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Windows, and some network file systems, have no such thing: names are durable or they are not.
    if (!isCode(error, 'EINVAL', 'EPERM', 'EISDIR')) throw error;
  } finally {
    await folder.close();
  }
}

/** Makes the folder of a state anew, should somebody have removed it. */
export async function ensureFolder(fs: FileSystem, file: string): Promise<void> {
  try {
    await fs.stat(folderOf(file));
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
    await fs.mkdir(folderOf(file), { recursive: true, mode: PRIVATE_FOLDER });
  }
}

/**
 * Writes all of it: on a disk that fills, a single write may take a part and say so by its count
 * only.
 */
export async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at);
    at += bytesWritten;
  }
}

/** Keeps a file under another name as well: a copy that is on the disk. */
export async function keepCopy(fs: FileSystem, file: string, name: string): Promise<void> {
  try {
    await fs.copyFile(file, name);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return; // somebody took it away meanwhile
    throw error;
  }
  const copy = await fs.open(name, 'r+');
  try {
    await copy.chmod(PRIVATE);
    await copy.sync();
  } finally {
    await copy.close();
  }
  await syncFolder(fs, name);
}
