/** Traces from CSV: `session,seq,send_ms,recv_ms`. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { parse } from 'csv-parse';
import { checkType } from '../../core/validate.js';
import { bytesOf, type Found, LONGEST_ROW, plain, wholeLines } from './bytes.js';
import { type Trace, TraceBuilder, TraceError } from './trace.js';

/** The path of a file, or text or bytes in chunks, as a stream is. */
export type TraceSource =
  | string
  | URL
  | AsyncIterable<string | Uint8Array>
  | Iterable<string | Uint8Array>;

export const COLUMNS = ['session', 'seq', 'send_ms', 'recv_ms'] as const;
const HEADER = COLUMNS.join(',');
const ONE_SESSION = '0';
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^\d+$/;

/**
 * Reads a trace. Gzip is recognised by its first bytes, whatever the file is called. Without a
 * `session` column all heartbeats are one session. A recorder that was killed leaves half a line,
 * or gzip without an end: everything before is read, and the trace is `truncated`. A last line
 * without a line break counts as whole if all of it is there and it arrived after what precedes it:
 * of a time that is cut in the middle, the rest is smaller, but for a fraction of a ms.
 *
 * @throws TraceError with the line, the column and what came
 */
export async function readTrace(source: TraceSource): Promise<Trace> {
  const isPath = typeof source === 'string' || source instanceof URL;
  const isChunks = typeof source === 'object' && source !== null;
  const chunked = isChunks && (Symbol.asyncIterator in source || Symbol.iterator in source);
  const expected = 'a path, or a stream or iterable of text or bytes';
  checkType('source', expected, source, isPath || (chunked && !(source instanceof Uint8Array)));
  const chunks = isPath ? createReadStream(source) : source;
  const found: Found = { cut: false, rest: '' };
  const rows = new Rows();
  const parser = parse({
    bom: true,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_ROW,
    on_record: (record: string[]) => {
      rows.take(record, parser.info.lines);
      return null;
    },
  });
  try {
    await pipeline(wholeLines(plain(bytesOf(chunks), found), found), parser, async (none) => {
      for await (const _ of none);
    });
  } catch (error) {
    const cut = found.cut || found.rest !== '';
    rows.explain(error as NodeJS.ErrnoException, parser.info.lines, cut);
  }
  if (found.rest !== '' && (found.cut || !rows.takeLast(found.rest))) found.cut = true;
  if (rows.trace.heartbeats === 0) {
    throw new TraceError(rows.line + 1, `the trace is empty: no heartbeat follows ${HEADER}`);
  }
  return rows.trace.build(found.cut);
}

/** Records as they come, checked. */
class Rows {
  readonly trace = new TraceBuilder();
  /** The line of the last record. */
  line = 0;
  /** How many columns the header has; 0 before it came. */
  #width = 0;

  take(record: readonly string[], line: number): void {
    const first = this.#width === 0;
    if (first) this.#header(record, line);
    this.line = line;
    if (first) return;
    const width = this.#width;
    if (record.length !== width) {
      const expected = COLUMNS.slice(-width).join(',');
      throw new TraceError(line, `expected ${width} columns (${expected}), got ${record.length}`);
    }
    const session = width === COLUMNS.length ? record[0] : ONE_SESSION;
    const [number, sent, received] = record.slice(-3).map((value) => value.trim() || value);
    const seq = integerOf(number, line);
    const send = timeOf('send_ms', sent, line);
    this.trace.add(session, seq, send, timeOf('recv_ms', received, line));
  }

  /** Takes the line at the end that has no line break, if it is whole. */
  takeLast(text: string): boolean {
    const record = text.trimEnd().split(',');
    const [seq, send, recv] = record.slice(-3);
    const session = record.length === COLUMNS.length ? record[0] : ONE_SESSION;
    const whole =
      record.length === this.#width &&
      !text.includes('"') &&
      INTEGER.test(seq) &&
      (send === '' || NUMBER.test(send)) &&
      NUMBER.test(recv) &&
      !(Number(recv) < this.trace.lastArrival(session)) &&
      !(Number(recv) < Number(send));
    if (whole) this.take(record, this.line + 1);
    return whole;
  }

  #header(record: readonly string[], line: number): void {
    const came = record.map((name) => name.trim()).join(',');
    const complete = came === HEADER;
    if (!complete && came !== COLUMNS.slice(1).join(',')) {
      const expected = `expected the header ${HEADER} (session may be missing)`;
      throw new TraceError(line, `${expected}, got ${shown(record.join(','))}`);
    }
    this.#width = complete ? COLUMNS.length : COLUMNS.length - 1;
  }

  /** Throws what says where the input is wrong; an open quote at a cut is part of the cut. */
  explain(error: NodeJS.ErrnoException, line: number, cut: boolean): void {
    const { code = '' } = error;
    if (code === 'CSV_QUOTE_NOT_CLOSED' && cut) return;
    if (/QUOTE_NOT_CLOSED|MAX_RECORD/.test(code)) {
      throw new TraceError(this.line + 1, 'a quote is not closed, or the line is too long');
    }
    if (/QUOTE/.test(code)) throw new TraceError(line, 'a quote in the middle of a value');
    if (/^Z_/.test(code)) throw new TraceError(line, `broken gzip data (${error.message})`);
    throw error;
  }
}

const shown = (text: string): string =>
  JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);

function integerOf(text: string, line: number): number {
  const n = Number(text);
  if (!INTEGER.test(text) || !Number.isSafeInteger(n)) {
    throw new TraceError(line, `seq: expected an integer from 0, got ${shown(text)}`);
  }
  return n;
}

function timeOf(column: string, text: string, line: number): number {
  if (text === '') return Number.NaN;
  const n = Number(text);
  if (!NUMBER.test(text) || !Number.isFinite(n)) {
    throw new TraceError(line, `${column}: expected a number or nothing, got ${shown(text)}`);
  }
  return n;
}
