/** A check of a disk: space, and a write that must come back. */
import { open, statfs, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { checkBoolean, checkKeys, checkNumber, checkType } from '../../core/validate.js';
import { aboutOthers, type Check } from '../check.js';
import { onThread } from '../limits.js';

export interface DiskCheckOptions {
  /** The least free space that this process may use, in bytes. Default 0. */
  free?: number;
  /** The least free share of the space, from 0 to 1. Default 0.05. */
  freeShare?: number;
  /** The least free share of the inodes, from 0 to 1, where there are inodes. Default 0.02. */
  inodeShare?: number;
  /** Whether a file is written there, synced and removed. Default true. */
  write?: boolean;
}

/** What is asked of a file system; node:fs/promises has it. */
export interface DiskIo {
  statfs: typeof statfs;
  open: typeof open;
  unlink: typeof unlink;
}

const KEYS = ['free', 'freeShare', 'inodeShare', 'write'];

const share = { least: 0, most: 1 };
/** A block: a disk that is full takes an empty file. */
const BLOCK = 4096;

/** Of this process: no two have the same name. */
const files = { written: 0 };

/**
 * Whether the disk that `folder` is on has space, and takes a write: a file of 4096 bytes is
 * synced, so that it is not the cache that answers. It has no name as soon as it is open, so that
 * nothing is left of it. A disk that hangs is a time-out. Figures: `freeBytes`, `freeShare`,
 * `freeInodeShare`, `writeLatency` in ms.
 *
 * Marked as about others: to restart a process does not empty its disk.
 *
 * @param io for tests: the file system
 * @throws TypeError, RangeError with the option's name
 */
export function diskCheck(
  folder: string,
  options: DiskCheckOptions = {},
  io: DiskIo = { statfs, open, unlink },
): Check {
  checkType('folder', 'a path', folder, typeof folder === 'string' && folder !== '');
  const {
    free = 0,
    freeShare = 0.05,
    inodeShare = 0.02,
    write = true,
  } = checkKeys('options', options, KEYS);
  checkNumber('free', free, { least: 0, most: Number.MAX_SAFE_INTEGER, unit: 'bytes' });
  checkNumber('freeShare', freeShare, share);
  checkNumber('inodeShare', inodeShare, share);
  checkBoolean('write', write);
  // The folder that it is now, whatever the process's own folder becomes.
  const path = resolve(folder);

  async function space() {
    const { bavail, blocks, bsize, ffree, files: inodes } = await io.statfs(path);
    const figures: Record<string, number> = {
      freeBytes: bavail * bsize,
      freeShare: blocks === 0 ? 1 : bavail / blocks,
    };
    // Some file systems make inodes as they go, and count none.
    if (inodes > 0) figures.freeInodeShare = ffree / inodes;
    return figures;
  }

  async function stamp(): Promise<number> {
    const start = performance.now();
    const name = join(path, `.phi-accrual.${process.pid}.${files.written++}`);
    const file = await io.open(name, 'wx', 0o600);
    try {
      await io.unlink(name);
      await file.write(Buffer.alloc(BLOCK, 1));
      await file.sync();
    } finally {
      await file.close();
    }
    return performance.now() - start;
  }

  return aboutOthers(async (signal) =>
    onThread(async () => {
      const figures = await space();
      if (figures.freeBytes < free) {
        return { ok: false, reason: `${figures.freeBytes} bytes free, less than ${free}`, figures };
      }
      if (figures.freeShare < freeShare) {
        const reason = `${percent(figures.freeShare)} of the space free, less than ${percent(freeShare)}`;
        return { ok: false, reason, figures };
      }
      if (figures.freeInodeShare < inodeShare) {
        const reason = `${percent(figures.freeInodeShare)} of the inodes free, less than ${percent(inodeShare)}`;
        return { ok: false, reason, figures };
      }
      if (!write) return { ok: true, figures };
      try {
        figures.writeLatency = await stamp();
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        return { ok: false, reason: `a write failed: ${code ?? message}`, figures };
      }
      return { ok: true, figures };
    }, signal),
  );
}

const percent = (part: number): string => `${(100 * part).toFixed(1)}%`;
