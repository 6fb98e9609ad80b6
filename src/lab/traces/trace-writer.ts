/** Heartbeats into a file as they come, so that little is lost however the process ends. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { constants, createGzip, type Gzip } from 'node:zlib';
import { stringify } from 'csv-stringify/sync';
import { checkNumber, checkType } from '../../core/validate.js';
import { COLUMNS } from './read-trace.js';

/** A heartbeat as it was seen. */
export interface TraceHeartbeat {
  /** Which independent run it belongs to. Default `'0'`. */
  session?: string;
  /** An integer from 0. */
  seq: number;
  /** By the sender's clock, in ms; left out: unknown. */
  sendMs?: number;
  /** By the receiver's clock, in ms; left out: it never arrived. */
  recvMs?: number;
}

export interface TraceWriterOptions {
  /** Whether a file that exists is replaced. Default false: it is an error (`EEXIST`). */
  overwrite?: boolean;
}

const EACH_MS = 50;
/** Rows that are written at once even within that time. */
const MOST_ROWS = 4096;
const TIMES = { least: -Number.MAX_VALUE, most: Number.MAX_VALUE };

/**
 * Writes heartbeats into a new CSV file; compressed if its name ends in `.gz`. What is handed to it
 * is in the file at once, or within 100 ms when heartbeats come faster than that: a process that
 * is killed loses no more, and what it wrote can be read.
 */
export class TraceWriter {
  readonly #file: number;
  readonly #gzip: Gzip | undefined;
  #rows: unknown[][] = [[...COLUMNS]];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = -Infinity;
  #error: unknown;
  #closed: Promise<void> | undefined;

  /** @throws the error of the file system when the file cannot be opened, or exists already */
  constructor(path: string | URL, { overwrite = false }: TraceWriterOptions = {}) {
    const isPath = typeof path === 'string' || path instanceof URL;
    checkType('path', 'a string or a URL', path, isPath);
    this.#file = openSync(path, overwrite ? 'w' : 'wx');
    if (/[.]gz$/i.test(path instanceof URL ? path.pathname : path)) {
      this.#gzip = createGzip();
      this.#gzip.on('data', (chunk: Buffer) => this.#attempt(() => this.#put(chunk)));
    }
    this.#write();
  }

  /**
   * Takes a heartbeat.
   *
   * @throws TypeError, RangeError for what is no heartbeat; the file system's error once writing
   * has failed, as on a full disk; Error after `close()`
   */
  write({ session = '0', seq, sendMs, recvMs }: TraceHeartbeat): void {
    this.#check();
    if (this.#closed !== undefined) throw new Error('TraceWriter: it is closed');
    checkType('session', 'a string', session, typeof session === 'string');
    checkNumber('seq', seq, { least: 0, most: Number.MAX_SAFE_INTEGER, integer: true });
    this.#rows.push([session, seq, timeOf('sendMs', sendMs), timeOf('recvMs', recvMs)]);
    const wait = this.#last + EACH_MS - performance.now();
    if (this.#rows.length >= MOST_ROWS || !(wait > 0)) this.#write();
    // Not unref'd: a process that has nothing else to do writes its last rows first.
    else this.#timer ??= setTimeout(() => this.#write(), wait);
    this.#check();
  }

  /** Resolves when all heartbeats so far are in the file. */
  async flush(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    this.#write();
    const gzip = this.#gzip;
    if (gzip !== undefined && this.#error === undefined) {
      await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, resolve));
    }
    this.#check();
  }

  /** Writes what is left and closes the file; a second call waits for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#write();
    const gzip = this.#gzip;
    if (gzip !== undefined) {
      await new Promise((resolve) => gzip.once('end', resolve).end());
    }
    closeSync(this.#file);
    this.#check();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rows = this.#rows;
    if (rows.length === 0 || this.#error !== undefined) return;
    this.#rows = [];
    this.#last = performance.now();
    // Whole lines only: a reader need not guess whether a last one is complete.
    const text = stringify(rows);
    if (this.#gzip === undefined) {
      this.#attempt(() => this.#put(text));
    } else {
      this.#gzip.write(text);
      this.#gzip.flush(constants.Z_SYNC_FLUSH);
    }
  }

  #put(chunk: string | Buffer): void {
    // To a descriptor this goes on where the last write ended, until all is written.
    writeFileSync(this.#file, chunk);
  }

  /** A failure in a timer has no caller: the next call tells it. */
  #attempt(act: () => void): void {
    try {
      if (this.#error === undefined) act();
    } catch (error) {
      this.#error = error;
    }
  }

  #check(): void {
    if (this.#error !== undefined) throw this.#error;
  }
}

function timeOf(name: string, time: number | undefined): number | undefined {
  if (time === undefined || Number.isNaN(time)) return undefined;
  return checkNumber(name, time, { ...TIMES, unit: 'ms' });
}
