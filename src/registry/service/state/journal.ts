/** A file to whose end lines are written; who waits for one knows that it is on the disk. */
import type { FileHandle } from 'node:fs/promises';
import { type FileSystem, PRIVATE, syncFolder, writeAll } from './files.js';

/** Somebody else writes the same files: on another machine, or in another container. */
export class StateTaken extends Error {
  override readonly name = 'StateTaken';
}

export class Journal {
  readonly #handle: FileHandle;
  readonly #onError: (error: Error) => void;
  #lines: string[] = [];
  /** Of all lines so far; the next lines go with a later one. */
  #written: Promise<void> = Promise.resolve();
  #waiting = false;
  #broken = false;

  private constructor(handle: FileHandle, onError: (error: Error) => void) {
    this.#handle = handle;
    this.#onError = onError;
  }

  /**
   * A new file; what is there of that name is somebody else's.
   *
   * @throws StateTaken if there is such a file; the system's error
   */
  static async create(
    fs: FileSystem,
    file: string,
    onError: (error: Error) => void,
  ): Promise<Journal> {
    const handle = await fs.open(file, 'ax', PRIVATE).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      throw new StateTaken(`${error.message}: another registry writes the same state`);
    });
    try {
      await syncFolder(fs, file);
      return new Journal(handle, onError);
    } catch (error) {
      await handle.close();
      await fs.unlink(file);
      throw error;
    }
  }

  /**
   * Adds a line. Whatever is added while the disk is busy goes in one write with one fsync: ten
   * thousand registrations at once are a few of them, not ten thousand.
   */
  append(line: string): void {
    if (this.#broken) return; // behind half a line nothing can be added
    this.#lines.push(line);
    if (this.#waiting) return;
    this.#waiting = true;
    this.#written = this.#written.then(() => this.#write());
    this.#written.catch((error: Error) => {
      if (this.#broken) return;
      this.#broken = true;
      this.#lines = [];
      this.#onError(error);
    });
  }

  /** Whether a write has failed, and nothing can be added any more. */
  get broken(): boolean {
    return this.#broken;
  }

  async #write(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    this.#waiting = false;
    await writeAll(this.#handle, Buffer.from(`${lines.join('\n')}\n`));
    await this.#handle.datasync();
    if ((await this.#handle.stat()).nlink === 0) {
      throw new StateTaken('the journal was removed: another registry writes the same state');
    }
  }

  /**
   * Resolves once all lines so far are on the disk; rejects with the system's error, and does so
   * for ever.
   */
  written(): Promise<void> {
    return this.#written;
  }

  /** Closes the file once its lines are written; rejects as {@link written} does. */
  async close(): Promise<void> {
    try {
      await this.#written;
    } finally {
      await this.#handle.close();
    }
  }
}
