/** From whatever a trace comes in to bytes of text in whole lines. */
import { setImmediate as turn } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { checkType } from '../../core/validate.js';

/** What was found on the way. */
export interface Found {
  /** The input ends in the middle of a line or of a gzip stream. */
  cut: boolean;
  /** What stands after the last line break. */
  rest: string;
}

type Chunks = AsyncIterable<Uint8Array>;

/** Chunks of text or bytes as bytes; a character may be split between two chunks of text. */
export async function* bytesOf(source: AsyncIterable<unknown> | Iterable<unknown>): Chunks {
  let half = '';
  for await (const chunk of source) {
    if (chunk instanceof Uint8Array) {
      if (chunk.length > 0) yield chunk;
      continue;
    }
    checkType('source', 'chunks of text or bytes', chunk, typeof chunk === 'string');
    const text = half + chunk;
    const whole = /[\uD800-\uDBFF]$/.test(text) ? text.length - 1 : text.length;
    half = text.slice(whole);
    if (whole > 0) yield Buffer.from(text.slice(0, whole));
  }
}

/** The bytes, decompressed if they begin as gzip does: names may lie. */
export async function* plain(chunks: Chunks, found: Found): Chunks {
  let start = new Uint8Array();
  let unzip: Unzip | undefined;
  for await (const chunk of chunks) {
    if (unzip !== undefined) {
      yield* unzip.write(chunk);
    } else if (start.length >= 2) {
      yield chunk;
    } else {
      start = Buffer.concat([start, chunk]);
      if (start.length < 2) continue;
      if (start[0] !== 0x1f || start[1] !== 0x8b) {
        yield start;
      } else {
        unzip = new Unzip();
        yield* unzip.write(start);
      }
    }
  }
  if (unzip !== undefined) yield* unzip.end(found);
  else if (start.length === 1) yield start;
}

/**
 * Decompresses chunk by chunk. A pipeline would not do: when a stream ends too early it is
 * destroyed, and what it has decompressed but not handed on is lost.
 */
class Unzip {
  readonly #gunzip = createGunzip();
  readonly #ended: Promise<unknown>;
  #out: Uint8Array[] = [];
  #error: NodeJS.ErrnoException | undefined;

  constructor() {
    this.#gunzip.on('data', (chunk: Buffer) => this.#out.push(chunk));
    this.#ended = new Promise((resolve) => {
      this.#gunzip.once('end', resolve);
      this.#gunzip.once('error', (error) => {
        this.#error = error;
        resolve(undefined);
      });
    });
  }

  async *write(chunk: Uint8Array): Chunks {
    await this.#until((done) => this.#gunzip.write(chunk, done));
    yield* this.#taken();
    if (this.#error !== undefined) throw this.#error;
  }

  async *end(found: Found): Chunks {
    this.#gunzip.end();
    await this.#ended;
    yield* this.#taken();
    // Z_BUF_ERROR: nothing is wrong with what has come, but the end is missing.
    if (this.#error?.code === 'Z_BUF_ERROR') found.cut = true;
    else if (this.#error !== undefined) throw this.#error;
  }

  /** What follows the end of the stream is never acknowledged. */
  async #until(act: (done: () => void) => void): Promise<void> {
    await Promise.race([new Promise<void>(act), this.#ended]);
    await turn();
  }

  #taken(): Uint8Array[] {
    return this.#out.splice(0);
  }
}

const NEWLINE = 10;

/** No row is as long: whoever reads the lines is to say so, rather than wait for a line break. */
export const LONGEST_ROW = 65_536;

/** Whole lines; what stands after the last line break may not have been written to its end. */
export async function* wholeLines(chunks: Chunks, found: Found): Chunks {
  let rest: Uint8Array[] = [];
  let waiting = 0;
  for await (const chunk of chunks) {
    const broken = chunk.lastIndexOf(NEWLINE) + 1;
    const end = broken > 0 || waiting <= LONGEST_ROW ? broken : chunk.length;
    if (end > 0) {
      yield Buffer.concat([...rest, chunk.subarray(0, end)]);
      rest = [];
      waiting = 0;
    }
    if (end < chunk.length) rest.push(chunk.subarray(end));
    waiting += chunk.length - end;
  }
  found.rest = Buffer.concat(rest).toString();
}
