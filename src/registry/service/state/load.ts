/** What the files say, or why they cannot be read; nothing is changed by reading them. */
import {
  checkKeys,
  checkNumber,
  checkObject,
  checkRange,
  checkType,
} from '../../../core/validate.js';
import { type FileSystem, journalOf, journalsOf } from './files.js';

/** The files are not what they ought to be: whoever runs the registry has to look. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

export const FORMAT = 'phi-accrual registry';
export const VERSION = 1;
export const KEY_BYTES = 32;

/** The first line of a state file. */
export interface Head {
  readonly format: string;
  readonly version: number;
  /** Base64. */
  readonly secretKey: string;
  /** The first journal that goes on from here. */
  readonly journal: number;
  /** Wall clock. */
  readonly writtenAt: number;
}

/** A record of which only the id is looked at here. */
export type Line = { readonly id: string } & Readonly<Record<string, unknown>>;

export interface Loaded {
  readonly secretKey: Uint8Array;
  readonly writtenAt: number;
  /** The records, and the place from which each is. */
  readonly records: ReadonlyMap<string, { readonly record: Line; readonly place: string }>;
  /** The highest number that a journal has. */
  readonly journal: number;
}

/** Later lines about an id over earlier ones. */
export type Merge = (earlier: Line | undefined, later: Line) => Line;

/** The lines of a file, parsed; `whole` demands that the last one ends. */
function* linesOf(file: string, bytes: Buffer, whole: boolean): Generator<[unknown, string]> {
  let number = 1;
  for (let from = 0; from < bytes.length; number++) {
    const end = bytes.indexOf(10, from);
    const place = `${file}, line ${number}`;
    if (end < 0) {
      // The line that was being written when the process died; nobody was told that it is there.
      if (!whole) return;
      throw new StateError(`${place}: it is cut off`);
    }
    try {
      yield [JSON.parse(bytes.toString('utf8', from, end)), place];
    } catch (error) {
      if (error instanceof SyntaxError) throw new StateError(`${place}: no JSON: ${error.message}`);
      throw error;
    }
    from = end + 1;
  }
}

function at<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TypeError) && !(error instanceof RangeError)) throw error;
    throw new StateError(`${place}: ${error.message}`);
  }
}

function headOf(value: unknown): Head {
  checkObject('the first line', value);
  const head = value as Head;
  checkRange('format', `"${FORMAT}"`, head.format, head.format === FORMAT);
  checkRange('version', String(VERSION), head.version, head.version === VERSION);
  checkKeys('the first line', head, ['format', 'version', 'secretKey', 'journal', 'writtenAt']);
  checkType('secretKey', 'a string', '…', typeof head.secretKey === 'string');
  const bytes = Buffer.from(head.secretKey, 'base64').length;
  checkRange('secretKey', `${KEY_BYTES} bytes in base64`, `${bytes} bytes`, bytes === KEY_BYTES);
  checkNumber('journal', head.journal, { least: 1, most: 1e15, integer: true });
  checkNumber('writtenAt', head.writtenAt, { least: 0, most: 1e15 });
  return head;
}

function recordOf(value: unknown): Line {
  checkObject('record', value);
  const { id } = value as Line;
  checkType('id', 'a string', id, typeof id === 'string');
  return value as Line;
}

/**
 * Reads a state; undefined if there is none yet.
 *
 * @throws StateError with file and line; the system's error if a file cannot be read
 */
export async function load(
  fs: FileSystem,
  file: string,
  merge: Merge,
): Promise<Loaded | undefined> {
  const journals = await journalsOf(fs, file);
  let bytes: Buffer;
  try {
    const isFile = (await fs.stat(file)).isFile();
    // A device or a pipe may have no end.
    if (!isFile) throw new StateError(`${file}: it is no regular file`);
    bytes = await fs.readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (journals.length === 0) return undefined;
    throw new StateError(
      `${file}: it is missing, but not its journal ${journalOf(file, journals[0])}`,
    );
  }
  const records = new Map<string, { record: Line; place: string }>();
  const take = (value: unknown, place: string) => {
    const later = at(place, () => recordOf(value));
    records.set(later.id, { record: merge(records.get(later.id)?.record, later), place });
  };

  let head: Head | undefined;
  let end: unknown;
  for (const [value, place] of linesOf(file, bytes, true)) {
    if (end !== undefined) throw new StateError(`${place}: nothing may follow the last line`);
    if (head === undefined) head = at(place, () => headOf(value));
    else if (typeof value === 'object' && value !== null && 'end' in value) end = value.end;
    else take(value, place);
  }
  if (head === undefined) throw new StateError(`${file}: it is empty`);
  if (end !== records.size) {
    const found = end === undefined ? 'its last line is missing' : `it says ${end} records`;
    throw new StateError(`${file}: ${found}, there are ${records.size}`);
  }

  const { journal, secretKey, writtenAt } = head;
  // Older ones are left from a crash between a checkpoint and their removal.
  const last = Math.max(journals.at(-1) ?? 0, journal);
  for (let number = journal; number <= last; number++) {
    const name = journalOf(file, number);
    if (!journals.includes(number)) throw new StateError(`${name}: the journal is missing`);
    for (const [value, place] of linesOf(name, await fs.readFile(name), false)) take(value, place);
  }
  return { secretKey: Buffer.from(secretKey, 'base64'), writtenAt, records, journal: last };
}
