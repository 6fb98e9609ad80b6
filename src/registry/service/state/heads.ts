/** The first and the last lines of the files of a state. */
import { type FileSystem, isCode } from './files.js';
import { readLines } from './lines.js';

export const FORMAT = 'phi-accrual registry';
export const JOURNAL_FORMAT = 'phi-accrual registry journal';
/** 1 had no checksums, and no heads of journals. */
export const VERSION = 2;
export const KEY_BYTES = 32;
const HIGHEST_JOURNAL = 1e14;
/** More than a head is long, in bytes. */
const HEAD_BYTES = 4096;

/** The first line of a file. */
export interface Head {
  readonly format: string;
  readonly version: number;
  /** Base64. It is in every file: one that is damaged does not lose it. */
  readonly secretKey: string;
  /** In a checkpoint: the first journal that goes on from here. In a journal: its own number. */
  readonly journal: number;
  /** The run of a registry that wrote it; not in files of version 1. */
  readonly writer?: string;
  /** The highest generation that any id was given so far. */
  readonly given?: number;
  /** Wall clock. */
  readonly writtenAt?: number;
}

export interface JournalHead extends Head {
  /** Whether the journal before has its end. */
  readonly ended: boolean;
  /** Whether there is no checkpoint yet. */
  readonly first: boolean;
}

/** The last line of a checkpoint. */
export interface CheckpointEnd {
  readonly given: number;
  /** No id that is forgotten had a higher generation. */
  readonly forgotten: number;
}

const isWhole = (value: unknown, most: number): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;

/** A generation, or a number of them, as far as it is one. */
export const generationOf = (value: unknown): number =>
  isWhole(value, Number.MAX_SAFE_INTEGER) ? value : 0;

/** The key, if it is one. */
export function keyOf({ secretKey }: Partial<Head>): Uint8Array | undefined {
  if (typeof secretKey !== 'string') return undefined;
  const key = Buffer.from(secretKey, 'base64');
  return key.length === KEY_BYTES ? key : undefined;
}

/** Whether a line is the head of a file of ours. */
export const isHead = (value: Readonly<Record<string, unknown>>): boolean =>
  value.format === FORMAT || value.format === JOURNAL_FORMAT;

/** What is wrong with a head. */
export function problemOf(head: Partial<Head>): string | undefined {
  const { version, journal } = head;
  if (version !== 1 && version !== VERSION) {
    return `version ${JSON.stringify(version)} is not known here: it is read as version ${VERSION}`;
  }
  if (!isWhole(journal, HIGHEST_JOURNAL) || journal < 1) {
    return `journal: expected the number of one, got ${JSON.stringify(journal)}`;
  }
  if (keyOf(head) === undefined) return `secretKey: expected ${KEY_BYTES} bytes in base64`;
  return undefined;
}

/** The number of a journal in a head, if it is one. */
export const journalIn = ({ journal }: Partial<Head>): number | undefined =>
  isWhole(journal, HIGHEST_JOURNAL) && journal >= 1 ? journal : undefined;

/** The first line of a file; undefined without a file, or if its first line is none of ours. */
export async function readHead(fs: FileSystem, path: string): Promise<Head | undefined> {
  const buffer = Buffer.alloc(HEAD_BYTES);
  try {
    const file = await fs.open(path, 'r');
    try {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      const [line] = readLines(buffer.subarray(0, bytesRead)).lines;
      return line?.number === 1 && isHead(line.value) ? (line.value as unknown as Head) : undefined;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
