/** The whole state in one file, that is there as a whole or not at all. */
import type { Host } from '../../../core/host.js';
import { type FileSystem, PRIVATE, syncFolder, writeAll } from './files.js';
import { FORMAT, type Head, type Line, VERSION } from './load.js';

/** Longer, in ms, the records keep the event loop from heartbeats at no time. */
const SLICE = 5;
/** After each slice so many times its length is left to the event loop. */
const REST = 4;
const SLICE_BYTES = 1 << 18;

export interface CheckpointParts extends Omit<Head, 'format' | 'version'> {
  readonly records: Iterable<Line>;
}

/**
 * Writes a checkpoint beside `file` and puts it in its place; on an error `file` is what it was.
 * Returns how long the event loop was kept, in ms. write-file-atomic is not used: it takes one
 * string of all, and does not look whether a disk that fills took all of it.
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
  const { records, ...head } = parts;
  const temporary = `${file}.new`;
  const handle = await fs.open(temporary, 'w', PRIVATE);
  let busy = 0;
  try {
    await handle.chmod(PRIVATE); // one that a crash left may have been another's
    const first: Head = { format: FORMAT, version: VERSION, ...head };
    let text = `${JSON.stringify(first)}\n`;
    let count = 0;
    let begun = host.now();
    for (const record of records) {
      text += `${JSON.stringify(record)}\n`;
      count++;
      const took = host.now() - begun;
      if (took < SLICE && text.length < SLICE_BYTES) continue;
      busy += took;
      await writeAll(handle, Buffer.from(text));
      text = '';
      await rest(REST * took);
      begun = host.now();
    }
    busy += host.now() - begun;
    await writeAll(handle, Buffer.from(`${text}${JSON.stringify({ end: count })}\n`));
    await handle.sync();
    await handle.close();
    await rest(0); // the last moment at which it may be called off
    await fs.rename(temporary, file);
  } catch (error) {
    await handle.close().catch(() => {}); // closed already, or of no more use
    await fs.unlink(temporary).catch(() => {}); // its space may be what is missing
    throw error;
  }
  await syncFolder(fs, file);
  return busy;
}
