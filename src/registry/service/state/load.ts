/**
 * What the files say. What of them is damaged is told, with file and line, and the rest is used;
 * nothing is changed by reading them.
 */
import { type FileSystem, isCode, journalOf, journalsOf } from './files.js';
import {
  generationOf,
  type Head,
  isHead,
  type JournalHead,
  journalIn,
  keyOf,
  problemOf,
} from './heads.js';
import { checksumOf, isEnd, type ReadLine, readLines } from './lines.js';

/** The files are not what they ought to be: whoever runs the registry has to look. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

/** A record of which only the id is looked at here. */
export type Line = { readonly id: string } & Readonly<Record<string, unknown>>;

/** What could not be used of a file. */
export interface Damage {
  readonly file: string;
  /** With file and line. */
  readonly message: string;
}

export interface Loaded {
  /** Undefined if it is damaged wherever it was, or if there is none yet. */
  readonly secretKey: Uint8Array | undefined;
  /** The records, and the place from which each is. */
  readonly records: ReadonlyMap<string, { readonly record: Line; readonly place: string }>;
  /** Whether no checkpoint was ever written. */
  readonly isNew: boolean;
  /** The highest number that a journal has. */
  readonly journal: number;
  /** No id that is not in the records had a higher generation, unless something is damaged. */
  readonly forgotten: number;
  /** No generation that is known of is higher. */
  readonly given: number;
  readonly damage: readonly Damage[];
  /** Damaged files, and the names under which copies of them are to be kept. */
  readonly copies: ReadonlyMap<string, string>;
  /** What the last run left as it does if it is killed. */
  readonly unfinished: string | undefined;
}

/** Later lines about an id over earlier ones. */
export type Merge = (earlier: Line | undefined, later: Line) => Line;

interface Content {
  readonly file: string;
  /** What its name is if it is to be kept as it is. */
  readonly copy: string;
  readonly isEmpty: boolean;
  readonly head: Partial<JournalHead> | undefined;
  /** Whether its lines have no checksums. */
  readonly plain: boolean | undefined;
  readonly records: readonly ReadLine[];
  readonly end: Readonly<Record<string, unknown>> | undefined;
  /** Lines that are damaged, by number, and why. */
  readonly bad: ReadonlyMap<number, string>;
  readonly cut: number | undefined;
}

/** Undefined if there is no such file. */
async function contentOf(fs: FileSystem, file: string): Promise<Content | undefined> {
  let bytes: Buffer;
  try {
    const isFile = (await fs.stat(file)).isFile();
    // A device or a pipe may have no end.
    if (!isFile) throw new StateError(`${file}: it is no regular file`);
    bytes = await fs.readFile(file);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  const { lines, plain, cut, checksum, ...read } = readLines(bytes);
  const bad = new Map(read.bad);
  const records: ReadLine[] = [];
  let head: Partial<JournalHead> | undefined;
  let end: Content['end'];
  for (const line of lines) {
    const { value, number } = line;
    if (end !== undefined) bad.set(number, 'nothing may follow the last line');
    else if (typeof value.id === 'string') records.push(line);
    else if (isHead(value) && head === undefined) head = value as Partial<Head>;
    else if (!isEnd(value)) bad.set(number, 'it is no record');
    else {
      end = value;
      const whole = plain ? lines.length - 2 : number - 1;
      const isSame = value.checksum === checksum || plain === true;
      if (bad.size > 0 || (value.end === whole && isSame)) continue;
      const said = plain ? 'records' : 'lines before it';
      const why = value.end === whole ? 'they are others' : `there are ${whole}`;
      bad.set(number, `it says ${value.end} ${said}, ${why}`);
    }
  }
  const copy = `${file}.damaged-${checksumOf(bytes).slice(0, 8)}`;
  return { file, copy, isEmpty: bytes.length === 0, head, plain, records, end, bad, cut };
}

/** What is found to be damaged. */
class Findings {
  readonly damage: Damage[] = [];
  readonly copies = new Map<string, string>();

  tell(file: string, what: string, line?: number): void {
    this.damage.push({ file, message: `${file}${line ? `, line ${line}` : ''}: ${what}` });
  }

  /** All that a file shows by itself. */
  check(content: Content): void {
    const { file, bad, head } = content;
    for (const [line, why] of bad) this.tell(file, why, line);
    const problem = head && problemOf(head);
    if (problem) this.tell(file, problem, 1);
  }

  /** A file that was on the disk as a whole. */
  checkWhole({ file, bad, cut, head, end, isEmpty }: Content, hasEnd: boolean): void {
    if (isEmpty) this.tell(file, 'it is empty');
    else if (cut !== undefined) this.tell(file, 'it is cut off', cut);
    else if (head === undefined && !bad.has(1)) this.tell(file, 'the first line is missing', 1);
    else if (hasEnd && end === undefined && bad.size === 0) {
      this.tell(file, 'its last line is missing');
    }
  }

  keep(contents: readonly Content[]): void {
    const damaged = new Set(this.damage.map(({ file }) => file));
    for (const { file, copy } of contents) if (damaged.has(file)) this.copies.set(file, copy);
  }
}

/** The last of them that follow on each other. */
function lastRun(numbers: readonly number[]): readonly number[] {
  let first = numbers.length - 1;
  while (first > 0 && numbers[first - 1] === numbers[first] - 1) first--;
  return numbers.slice(Math.max(first, 0));
}

const present = <T>(value: T | undefined): value is T => value !== undefined;

/**
 * Reads a state; undefined if there is none yet.
 *
 * @throws StateError for what is no state at all; the system's error if a file cannot be read
 */
export async function load(
  fs: FileSystem,
  file: string,
  merge: Merge,
): Promise<Loaded | undefined> {
  const numbers = await journalsOf(fs, file);
  const checkpoint = await contentOf(fs, file);
  if (numbers.length === 0) {
    if (checkpoint === undefined) return undefined;
    const { head, plain, isEmpty } = checkpoint;
    // Whoever names a file of his own by mistake is not to lose it.
    if (head === undefined && plain !== false && !isEmpty) {
      throw new StateError(`${file}, line 1: this is no state of a registry`);
    }
  }
  const findings = new Findings();
  const first = checkpoint?.head && journalIn(checkpoint.head);
  // Older ones are left from a crash between a checkpoint and their removal.
  const used = first === undefined ? lastRun(numbers) : numbers.filter((number) => number >= first);
  const journals = (
    await Promise.all(used.map((number) => contentOf(fs, journalOf(file, number))))
  ).filter(present);
  const isNew =
    checkpoint === undefined &&
    journals.every(
      ({ head, bad, records }) =>
        records.length === 0 && bad.size === 0 && (head === undefined || head.first === true),
    );
  if (checkpoint) {
    findings.check(checkpoint);
    findings.checkWhole(checkpoint, true);
  } else if (!isNew) findings.tell(file, 'it is missing, but not its journals');
  const isPlain = checkpoint?.plain === true;
  if (first !== undefined && used[0] !== first) {
    findings.tell(journalOf(file, first), 'the journal is missing');
  }
  journals.forEach((journal, n) => {
    findings.check(journal);
    const number = used[n];
    const next = journals[n + 1];
    // What a checkpoint names, or a later journal follows upon, was there as a whole.
    const isEnded = next?.head?.ended === true;
    const isNamed = number === first && !isPlain;
    if (isEnded || (isNamed && (journal.isEmpty || journal.cut === 1 || !journal.head))) {
      findings.checkWhole(journal, isEnded);
    }
    if (next && used[n + 1] > number + 1 && (isEnded || isPlain)) {
      findings.tell(journalOf(file, number + 1), 'the journal is missing');
    }
  });
  const contents = [checkpoint, ...journals].filter(present);
  findings.keep(contents);
  const last = journals.at(-1);
  const heads = contents.map(({ head }) => head).filter(present);
  return {
    isNew,
    secretKey: isNew ? undefined : heads.map((head) => keyOf(head)).find(present),
    records: merged(contents, merge),
    journal: Math.max(numbers.at(-1) ?? 0, first ?? 0),
    forgotten: generationOf(checkpoint?.end?.forgotten),
    given: mostGiven(contents),
    damage: findings.damage,
    copies: findings.copies,
    unfinished: last && unfinished(last, isNew),
  };
}

function merged(contents: readonly Content[], merge: Merge): Loaded['records'] {
  const all = new Map<string, { record: Line; place: string }>();
  for (const { file, records, bad } of contents) {
    for (const { value, number } of records) {
      if (bad.has(number)) continue;
      const line = value as Line;
      const record = merge(all.get(line.id)?.record, line);
      all.set(line.id, { record, place: `${file}, line ${number}` });
    }
  }
  return all;
}

function mostGiven(contents: readonly Content[]): number {
  let most = 0;
  for (const { head, end, records } of contents) {
    most = Math.max(most, generationOf(head?.given), generationOf(end?.given));
    for (const { value } of records) most = Math.max(most, generationOf(value.generation));
  }
  return most;
}

/** What is to be said of a journal whose writer was killed. */
function unfinished(last: Content, isNew: boolean): string | undefined {
  const { file, end, cut, records, plain } = last;
  if (isNew) return `${file}: the registry that began it did not come to its first checkpoint`;
  if (end !== undefined || (plain !== false && cut === undefined)) return undefined;
  const rest = cut === undefined ? '' : `; line ${cut} is cut off, which nobody was told is there`;
  return `${file}: the registry that wrote it did not end in order; ${records.length} changes are read${rest}`;
}
