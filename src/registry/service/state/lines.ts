/**
 * Lines of JSON with checksums: each line begins with that of its text, and the last line of a file
 * has that of all before it. A file that was written without them, by a version before, is read as
 * well.
 */
import { createHash, type Hash } from 'node:crypto';

const DIGITS = 16;
const NEWLINE = 10;
const SPACE = 32;
const BRACE = 123;

const short = (hash: Hash): string => hash.digest('hex').slice(0, DIGITS);

export const checksumOf = (text: string | Uint8Array): string =>
  short(createHash('sha256').update(text));

/** Lines that go into one file, in this order. */
export class LineWriter {
  readonly #all = createHash('sha256');
  /** Lines so far. */
  count = 0;

  /** A line as it is to be written. */
  line(json: string): string {
    const line = `${checksumOf(json)} ${json}\n`;
    this.#all.update(line);
    this.count++;
    return line;
  }

  /** The last line; `more` are figures that are known at the end only. */
  last(more: object = {}): string {
    return this.line(
      JSON.stringify({ end: this.count, checksum: short(this.#all.copy()), ...more }),
    );
  }
}

export interface ReadLine {
  readonly value: Readonly<Record<string, unknown>>;
  readonly number: number;
}

/** What a file says, and what of it is damaged. */
export interface ReadLines {
  readonly lines: readonly ReadLine[];
  /** Whether the lines have no checksums; undefined if no line is whole. */
  readonly plain: boolean | undefined;
  /** Lines that are not what was written, by number, and why. */
  readonly bad: ReadonlyMap<number, string>;
  /** The number of the line that does not end. */
  readonly cut: number | undefined;
  /** The checksum of all before the last line. */
  readonly checksum: string;
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> | string {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : 'it is no record';
  } catch (error) {
    return `no JSON: ${(error as Error).message}`;
  }
}

/** Whether a line is what its checksum says. */
const isWhole = (line: Buffer): boolean =>
  line[DIGITS] === SPACE &&
  line.toString('latin1', 0, DIGITS) === checksumOf(line.subarray(DIGITS + 1));

/** Whether that is the last line of a file. */
export const isEnd = (value: ReadLine['value']): boolean => 'end' in value && !('id' in value);

/** Reads all lines; throws nothing, whatever is in them. */
export function readLines(bytes: Buffer): ReadLines {
  const lines: ReadLine[] = [];
  const bad = new Map<number, string>();
  const all = createHash('sha256');
  let checksum = short(all.copy());
  let plain: boolean | undefined;
  let cut: number | undefined;
  let number = 1;
  for (let from = 0; from < bytes.length; number++) {
    const end = bytes.indexOf(NEWLINE, from);
    if (end < 0) {
      cut = number;
      break;
    }
    const line = bytes.subarray(from, end);
    const isChecked = isWhole(line);
    const isPlain = !isChecked && plain !== false && line[0] === BRACE;
    const value = isChecked ? parse(line.subarray(DIGITS + 1)) : isPlain ? parse(line) : undefined;
    if (typeof value === 'object') {
      plain ??= isPlain;
      lines.push({ value, number });
      if (isEnd(value)) checksum = short(all.copy());
    } else bad.set(number, value ?? (plain ? 'it is no record' : 'its checksum is another'));
    all.update(bytes.subarray(from, end + 1));
    from = end + 1;
  }
  return { lines, plain, bad, cut, checksum };
}
