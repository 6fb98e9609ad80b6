/** The files of a state: their names, and what is written so that it is there after a crash. */
import { type FileHandle, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** What of the file system is used; tests put a failing one in its place. */
export const fileSystem = { open, readdir, readFile, rename, stat, unlink };
export type FileSystem = typeof fileSystem;

/** It holds the key of all secrets. */
export const PRIVATE = 0o600;

export const journalOf = (file: string, number: number): string => `${file}.journal.${number}`;

/** The numbers of the journals beside a state file, in order. */
export async function journalsOf(fs: FileSystem, file: string): Promise<number[]> {
  const begins = `${basename(file)}.journal.`;
  return (await fs.readdir(dirname(file)))
    .filter((name) => name.startsWith(begins) && /^\d{1,15}$/.test(name.slice(begins.length)))
    .map((name) => Number(name.slice(begins.length)))
    .sort((a, b) => a - b);
}

/** A new name, or a file that went, is on the disk only when its folder is. */
export async function syncFolder(fs: FileSystem, file: string): Promise<void> {
  const folder = await fs.open(dirname(join(file)), 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Windows, and some network file systems, have no such thing: names are durable or they are not.
    if (!['EINVAL', 'EPERM', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      throw error;
    }
  } finally {
    await folder.close();
  }
}

/**
 * Writes all of it: on a disk that fills, a single write may take a part and say so by its count
 * only.
 */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at);
    at += bytesWritten;
  }
}
