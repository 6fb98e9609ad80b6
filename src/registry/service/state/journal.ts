/** A file to whose end lines are written; who waits for one knows that it is on the disk. */
import {
  type FileIdentity,
  type FileSystem,
  isCode,
  type OpenFile,
  PRIVATE,
  syncFolder,
  writeAll,
} from './files.js';
import { type JournalHead, readHead } from './heads.js';
import { LineWriter } from './lines.js';

/** Somebody else writes the same files: on another machine, or in another container. */
export class StateTaken extends Error {
  override readonly name = 'StateTaken';
}

/** Files went, or others came in their place, and no other registry is to be seen. */
export class StateRemoved extends Error {
  override readonly name = 'StateRemoved';
}

export interface JournalOptions {
  readonly fs: FileSystem;
  readonly path: string;
  /** Its first line. @param ended whether all of the journal before is on the disk, with its end */
  readonly head: (ended: boolean) => JournalHead;
  /**
   * The journal before, which this one ends before it begins. The one of a run before is none: its
   * end may have been read, and yet not be on the disk.
   */
  readonly before: Journal | undefined;
  /** Called after each write, before anybody is told of it; rejects if that is in vain. */
  readonly check: () => Promise<void>;
  readonly onError: (error: Error) => void;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #lines = new LineWriter();
  #file: OpenFile | undefined;
  #identity: FileIdentity | undefined;
  /** Lines that wait for the disk. */
  #waiting: string[] = [];
  #scheduled = false;
  /** Of all lines so far; the next lines go with a later one. */
  #written: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;
  #broken = false;
  /** Whether a checkpoint names it, or somebody was told that a line of it is on the disk. */
  promised = false;

  /**
   * A new file; what is there of that name is somebody else's. Lines may be added at once.
   * {@link written} tells when it is there.
   */
  constructor(options: JournalOptions) {
    this.#options = options;
    this.#then(() => this.#open());
  }

  /**
   * Adds a line. Whatever is added while the disk is busy goes in one write with one fsync: ten
   * thousand registrations at once are a few of them, not ten thousand.
   */
  append(json: string): void {
    if (this.#broken) return; // behind half a line nothing can be added
    this.#waiting.push(json);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#then(() => this.#write());
  }

  /** Whether a write has failed, and nothing can be added any more. */
  get broken(): boolean {
    return this.#broken;
  }

  /**
   * Resolves once all lines so far are on the disk; rejects with the system's error, StateTaken or
   * StateRemoved, and does so for ever.
   */
  written(): Promise<void> {
    return this.#written;
  }

  /** As {@link written}, and the file is where it was. */
  confirmed(): Promise<void> {
    this.#then(() => this.#checkThere());
    return this.#written;
  }

  /** Writes the last line, and closes the file; rejects as {@link written} does. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      try {
        await this.#written;
        this.#then(() => this.#put(this.#lines.last()));
        await this.#written;
      } finally {
        await this.#file?.close();
      }
    })();
    return this.#closed;
  }

  /** Takes the file away, which nobody needs. @throws the system's error */
  async discard(): Promise<void> {
    await this.close().catch(() => {}); // why it broke was told
    if (this.#identity) await this.#remove();
  }

  #then(work: () => Promise<void>): void {
    this.#written = this.#written.then(work);
    this.#written.catch((error: Error) => {
      if (this.#broken) return;
      this.#broken = true;
      this.#waiting = [];
      this.#options.onError(error);
    });
  }

  async #open(): Promise<void> {
    const { fs, path, head, before } = this.#options;
    const isEnded = await (before?.close() ?? Promise.reject()).then(
      () => true,
      () => false,
    );
    const file = await this.#create();
    this.#file = file;
    try {
      this.#identity = await file.stat();
      await writeAll(file, Buffer.from(this.#lines.line(JSON.stringify(head(isEnded)))));
      await file.sync();
      await syncFolder(fs, path);
    } catch (error) {
      await this.#remove().catch(() => {}); // what is wrong with the disk is thrown
      throw error;
    }
  }

  async #create(): Promise<OpenFile> {
    const { fs, path, head } = this.#options;
    try {
      return await fs.open(path, 'ax', PRIVATE);
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
      const found = await readHead(fs, path);
      if (found !== undefined && found.writer !== head(false).writer) {
        throw new StateTaken(`${path}: another registry writes the same state`);
      }
      // Left by a creation of ours that failed, or by one of somebody else's that will notice.
      await fs.unlink(path);
      return await fs.open(path, 'ax', PRIVATE);
    }
  }

  async #write(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#scheduled = false;
    await this.#put(lines.map((json) => this.#lines.line(json)).join(''));
  }

  async #put(text: string): Promise<void> {
    const file = this.#file as OpenFile;
    await writeAll(file, Buffer.from(text));
    await file.datasync();
    await this.#checkThere();
    await this.#options.check();
  }

  async #checkThere(): Promise<void> {
    if (await this.#isThere()) return;
    const { path } = this.#options;
    throw new StateRemoved(`${path}: it was removed, or another file was put in its place`);
  }

  /** Whether its name is still that of this file. */
  async #isThere(): Promise<boolean> {
    const { fs, path } = this.#options;
    try {
      const { ino, dev } = await fs.stat(path);
      return ino === this.#identity?.ino && dev === this.#identity.dev;
    } catch (error) {
      if (isCode(error, 'ENOENT', 'ENOTDIR')) return false;
      throw error;
    }
  }

  async #remove(): Promise<void> {
    const { fs, path } = this.#options;
    if (await this.#isThere()) await fs.unlink(path);
  }
}
