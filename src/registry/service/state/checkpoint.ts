/** The whole state in one file, that is there as a whole or not at all. */
import { createHash } from 'node:crypto';
import type { Host } from '../../../core/host.js';
import { type FileSystem, type OpenFile, PRIVATE, syncFolder, writeAll } from './files.js';
import type { CheckpointEnd, Head } from './heads.js';
import { LineWriter } from './lines.js';
import type { Line } from './load.js';

/** Longer, in ms, the records keep the event loop from heartbeats at no time. */
const SLICE = 5;
/** After each slice so many times its length is left to the event loop. */
const REST = 4;
const SLICE_BYTES = 1 << 18;

export interface CheckpointParts {
  readonly head: Head;
  /** Present ones, each id once, whatever happens while they are written. */
  readonly records: Iterable<Line>;
  /** Asked once the last record is written. */
  readonly end: () => CheckpointEnd;
  /** Resolves once the journal has all that the records have. */
  readonly journaled: () => Promise<void>;
}

/** What the event loop was kept for, in ms, and the rests between. */
class Slices {
  readonly #now: () => number;
  readonly #rest: (ms: number) => Promise<void>;
  #begun: number;
  busy = 0;

  constructor(now: () => number, rest: (ms: number) => Promise<void>) {
    this.#now = now;
    this.#rest = rest;
    this.#begun = now();
  }

  /** How long the present one is, in ms. */
  get length(): number {
    return this.#now() - this.#begun;
  }

  /** @param work does not keep the event loop */
  async end(took: number, work?: () => Promise<unknown>): Promise<void> {
    this.busy += took;
    await work?.();
    await this.#rest(REST * took);
    this.#begun = this.#now();
  }
}

/**
 * Writes a checkpoint beside `file`, reads it back, and puts it in its place; on an error `file` is
 * what it was. Returns how long the event loop was kept, in ms. write-file-atomic is not used: it
 * takes one string of all, and does not look whether a disk that fills took all of it.
 *
 * @param rest waits so long, or not: the process may be about to end; rejects to call it off
 */
export async function writeCheckpoint(
  fs: FileSystem,
  file: string,
  parts: CheckpointParts,
  host: Pick<Host, 'now'>,
  rest: (ms: number) => Promise<void>,
): Promise<number> {
  const { head, records, end, journaled } = parts;
  const temporary = `${file}.new`;
  const opened = await fs.open(temporary, 'w+', PRIVATE);
  const slices = new Slices(host.now, rest);
  try {
    await opened.chmod(PRIVATE); // one that a crash left may have been another's
    const lines = new LineWriter();
    const digest = createHash('sha256');
    const put = (text: string): Promise<void> => {
      const bytes = Buffer.from(text);
      digest.update(bytes);
      return writeAll(opened, bytes);
    };
    let text = lines.line(JSON.stringify(head));
    for (const record of records) {
      text += lines.line(JSON.stringify(record));
      const { length } = slices;
      if (length < SLICE && text.length < SLICE_BYTES) continue;
      const part = text;
      text = '';
      await slices.end(length, () => put(part));
    }
    await slices.end(slices.length, () => put(text + lines.last(end())));
    await opened.sync();
    await prove(opened, digest.digest('hex'), slices);
    await opened.close();
    // It has nothing that its journal lacks: whoever reads both finds no step back.
    await journaled();
    await rest(0); // the last moment at which it may be called off
    await fs.rename(temporary, file);
  } catch (error) {
    await opened.close().catch(() => {}); // closed already, or of no more use
    await fs.unlink(temporary).catch(() => {}); // its space may be what is missing
    throw error;
  }
  await syncFolder(fs, file);
  return slices.busy;
}

/** What is there is what was written, before anything of before is given up for it. */
async function prove(file: OpenFile, digest: string, slices: Slices): Promise<void> {
  const found = createHash('sha256');
  const buffer = Buffer.alloc(SLICE_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    found.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
    await slices.end(slices.length);
  }
  if (found.digest('hex') !== digest) {
    throw new Error('the checkpoint that was read back is not the one that was written');
  }
}
