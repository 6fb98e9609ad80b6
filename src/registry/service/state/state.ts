/**
 * The state of a registry on the disk: a checkpoint of all, and a journal of what changed since.
 *
 * A change is a line of the journal, there before it is acknowledged. A checkpoint begins a new
 * journal first, then writes the records while changes go on, names that journal in its head and
 * takes the old one's place. A record in it may be newer than the first lines of that journal;
 * reading them over it does no harm, because the last line about an id says all of it.
 *
 * After an error nothing more is promised until a checkpoint has gone through: it holds whatever
 * the journal missed. It is tried again every second, unless somebody else has begun to write the
 * same files: two that take turns leave what nobody can read.
 */
import type { Host } from '../../../core/host.js';
import { writeCheckpoint } from './checkpoint.js';
import { type FileSystem, journalOf, journalsOf } from './files.js';
import { Journal, StateTaken } from './journal.js';
import type { Line } from './load.js';

const RETRY = 1000;
/** A checkpoint takes at most one part in so many of the time of this process. */
const SHARE = 20;

export interface StateOptions {
  readonly file: string;
  readonly secretKey: Uint8Array;
  /** All records, the present ones, with what was learnt. */
  readonly records: () => Iterable<Line>;
  /** In ms, between the end of a checkpoint and the next one. */
  readonly interval: number;
  readonly host: Host;
  /** The time of day, in ms since 1970. */
  readonly wall: () => number;
  readonly fs: FileSystem;
  /** Told when writing begins to fail, and with undefined when it succeeds again. */
  readonly onFault: (fault: Error | undefined) => void;
}

/** What there is to say of it. */
export interface StateFigures {
  checkpoints: number;
  /** Lines of the journal. */
  lines: number;
  faults: number;
  /** How long the last checkpoint kept the event loop, in ms. */
  busy: number;
}

export class State {
  readonly #options: StateOptions;
  readonly #figures: StateFigures = { checkpoints: 0, lines: 0, faults: 0, busy: 0 };
  #number: number;
  #journal: Journal | undefined;
  /** The end of the journal before that one, whose last lines may be under way still. */
  #before: Promise<void> = Promise.resolve();
  /** Whether somebody was told that lines of the present journal are on the disk. */
  #promised = false;
  #fault: Error | undefined;
  /** Nothing is written any more. */
  #taken = false;
  #timer: unknown;
  #running: Promise<void> | undefined;
  #closing = false;
  #gaveUp = false;
  #closed: Promise<void> | undefined;
  #wake = () => {};

  private constructor(options: StateOptions, number: number) {
    this.#options = options;
    this.#number = number;
  }

  /**
   * Begins with a checkpoint.
   *
   * @param number the highest that a journal of this file has; 0 for none
   * @param must whether to throw the system's error if it cannot be written
   */
  static async begin(options: StateOptions, number: number, must: boolean): Promise<State> {
    const state = new State(options, number);
    await state.#checkpoint();
    if (must && state.#fault) {
      await state.#abandon();
      throw state.#fault;
    }
    return state;
  }

  /** Why nothing can be promised at present. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  get figures(): Readonly<StateFigures> {
    return { ...this.#figures };
  }

  /** Notes a change; whoever acknowledges it waits for {@link durable}. */
  append(record: Line): void {
    this.#figures.lines++;
    this.#journal?.append(JSON.stringify(record)); // without one a checkpoint is to come
  }

  /** Resolves once every change so far is on the disk; rejects if that cannot be promised. */
  async durable(): Promise<void> {
    if (this.#fault) throw this.#fault;
    await Promise.all([this.#before, this.#journal?.written()]);
    if (this.#fault) throw this.#fault;
  }

  /**
   * Writes a last checkpoint, and ends. It gives up after `patience` ms: all but what was learnt
   * since the last checkpoint is in the journal.
   */
  close(patience = 800): Promise<void> {
    this.#closed ??= this.#close(patience);
    return this.#closed;
  }

  async #close(patience: number): Promise<void> {
    this.#closing = true;
    this.#wake();
    const { host } = this.#options;
    host.clearTimeout(this.#timer);
    let timer: unknown;
    const late = new Promise<void>((resolve) => {
      timer = host.setTimeout(resolve, patience);
    });
    const last = (async () => {
      await this.#running;
      await this.#checkpoint();
      const journal = this.#journal;
      this.#journal = undefined; // what changes from now on is nobody's
      await journal?.close();
    })();
    await Promise.race([last.catch(() => {}), late]); // a fault was told when it came
    // Nothing may be put in the place of the files any more: the records are about to go.
    this.#gaveUp = true;
    host.clearTimeout(timer);
  }

  /** As if there had never been one: a journal without a checkpoint could not be read. */
  async #abandon(): Promise<void> {
    const { host, fs, file } = this.#options;
    this.#closing = true;
    host.clearTimeout(this.#timer);
    if (this.#journal === undefined) return;
    await this.#journal.close().catch(() => {}); // the fault is thrown
    await fs.unlink(journalOf(file, this.#number));
  }

  #schedule(delay: number): void {
    if (this.#closing || this.#taken) return;
    const { host } = this.#options;
    host.clearTimeout(this.#timer);
    this.#timer = host.setTimeout(() => void this.#checkpoint(), delay);
  }

  #checkpoint(): Promise<void> {
    this.#running ??= this.#write().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #write(): Promise<void> {
    if (this.#taken) return;
    const { fs, file, secretKey, records, interval, host, wall, onFault } = this.#options;
    try {
      await this.#nextJournal();
      const journal = this.#journal as Journal;
      const parts = {
        secretKey: Buffer.from(secretKey).toString('base64'),
        journal: this.#number,
        writtenAt: wall(),
        records: records(),
      };
      this.#figures.busy = await writeCheckpoint(fs, file, parts, host, (ms) => this.#rest(ms));
      await journal.written();
      this.#figures.checkpoints++;
      this.#before = Promise.resolve();
      this.#promised = true;
      if (this.#fault) {
        this.#fault = undefined;
        onFault(undefined);
      }
      await this.#removeOld(this.#number);
      this.#schedule(Math.max(interval, SHARE * this.#figures.busy));
    } catch (error) {
      this.#failed(error as Error);
      this.#schedule(RETRY);
    }
  }

  /**
   * The journal that follows the coming checkpoint. During a fault the present one is kept, and
   * one that broke in it is replaced: a disk that is full for hours gathers no files.
   */
  async #nextJournal(): Promise<void> {
    const { fs, file } = this.#options;
    let old = this.#journal;
    if (old && this.#fault) {
      if (!old.broken) return;
      if (!this.#promised) {
        this.#journal = undefined;
        await old.close().catch(() => {}); // why it broke was told
        old = undefined;
        await fs.unlink(journalOf(file, this.#number--));
      }
    }
    const name = journalOf(file, this.#number + 1);
    const journal: Journal = await Journal.create(fs, name, (error) => {
      if (journal === this.#journal) this.#failed(error);
    });
    this.#number++;
    this.#journal = journal;
    this.#promised = this.#fault === undefined;
    // The old one has what came before the checkpoint, should that fail.
    const closed = old?.close();
    if (closed) this.#before = closed;
    await closed?.catch((error: Error) => this.#failed(error));
  }

  #rest(ms: number): Promise<void> {
    if (this.#gaveUp) return Promise.reject(new Error('the registry has ended'));
    if (ms === 0 || this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#options.host.setTimeout(resolve, ms);
    });
  }

  /** Those before a checkpoint that has gone through. */
  async #removeOld(first: number): Promise<void> {
    const { fs, file } = this.#options;
    for (const number of await journalsOf(fs, file)) {
      if (number < first) await fs.unlink(journalOf(file, number));
    }
  }

  #failed(error: Error): void {
    if (this.#gaveUp) return;
    this.#figures.faults++;
    this.#taken ||= error instanceof StateTaken;
    if (this.#fault) return;
    this.#fault = error;
    this.#options.onFault(error);
    this.#schedule(RETRY);
  }
}
