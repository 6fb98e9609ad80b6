/**
 * The state of a registry on the disk: a checkpoint of all, and a journal of what changed since.
 *
 * A change is a line of the journal, there before it is acknowledged. A checkpoint begins a new
 * journal first, then writes the records while changes go on, names that journal in its head, is read
 * back, and takes the old one's place once the journal has all that it has; only then do the old
 * journals go. A record in it may be newer than the first lines of that journal; reading them over it
 * does no harm, because the last line about an id says all of it.
 *
 * After an error nothing more is promised until a checkpoint has gone through: it holds whatever
 * the journal missed. It is tried again every second, also where files were removed, unless somebody
 * else writes the same files: two that take turns leave what nobody can read.
 */
import { randomBytes } from 'node:crypto';
import type { Host } from '../../../core/host.js';
import { writeCheckpoint } from './checkpoint.js';
import { ensureFolder, type FileSystem, isCode, journalOf, journalsOf, keepCopy } from './files.js';
import {
  type CheckpointEnd,
  FORMAT,
  type Head,
  JOURNAL_FORMAT,
  journalIn,
  readHead,
  VERSION,
} from './heads.js';
import { Journal, StateRemoved, StateTaken } from './journal.js';
import type { Line, Loaded } from './load.js';

const RETRY = 1000;
/** A checkpoint takes at most one part in so many of the time of this process. */
const SHARE = 20;

export interface StateOptions {
  readonly file: string;
  readonly secretKey: Uint8Array;
  /** All records, the present ones, each id once, with what was learnt. */
  readonly records: () => Iterable<Line>;
  readonly generations: () => CheckpointEnd;
  /** In ms, between the end of a checkpoint and the next one. */
  readonly interval: number;
  readonly host: Host;
  /** The time of day, in ms since 1970. */
  readonly wall: () => number;
  readonly fs: FileSystem;
  /** Keeps the state locked, should its folder be another one by now; returns whether it is. */
  readonly hold: () => Promise<boolean>;
  /** Told when writing begins to fail, and with undefined when it succeeds again. */
  readonly onFault: (fault: Error | undefined) => void;
}

/** What is there already of the files. */
export type Found = Pick<Loaded, 'journal' | 'isNew' | 'copies'>;

const NOTHING: Found = { journal: 0, isNew: true, copies: new Map() };

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
  readonly #found: Found;
  /** Of this run, in the files. */
  readonly #writer = randomBytes(8).toString('hex');
  readonly #key: string;
  readonly #figures: StateFigures = { checkpoints: 0, lines: 0, faults: 0, busy: 0 };
  #number: number;
  #journal: Journal | undefined;
  #fault: Error | undefined;
  /** Files went, or are another's: it has to be seen whose they are. */
  #suspicious = false;
  /** Whether damaged files are kept under other names. */
  #isKept = false;
  #timer: unknown;
  #running: Promise<void> | undefined;
  #closing = false;
  #gaveUp = false;
  #closed: Promise<void> | undefined;
  #ended: Promise<void> = Promise.resolve();
  #wake = () => {};

  private constructor(options: StateOptions, found: Found) {
    this.#options = options;
    this.#found = found;
    this.#number = found.journal;
    this.#key = Buffer.from(options.secretKey).toString('base64');
  }

  /**
   * Begins with a checkpoint. Damaged files are kept under other names before it takes their place.
   *
   * @throws the system's error if a state that is new cannot be written
   */
  static async begin(options: StateOptions, found: Found = NOTHING): Promise<State> {
    const state = new State(options, found);
    await state.#checkpoint();
    if (found.isNew && state.#fault) {
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
    const journal = this.#journal;
    if (journal === undefined) throw new Error('the state is closed');
    await journal.written();
    if (this.#fault) throw this.#fault;
    journal.promised = true;
  }

  /**
   * Writes a last checkpoint, and ends. It gives up after `patience` ms: all but what was learnt
   * since the last checkpoint is in the journals, and the last checkpoint stays as it is.
   */
  close(patience = 800): Promise<void> {
    this.#closed ??= this.#close(patience);
    return this.#closed;
  }

  /** Resolves once nothing more is written, after {@link close}. */
  ended(): Promise<void> {
    return this.#ended;
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
    const last = async () => {
      await this.#running;
      await this.#checkpoint();
      const journal = this.#journal;
      this.#journal = undefined; // what changes from now on is nobody's
      await journal?.close();
    };
    this.#ended = last().catch(() => {}); // a fault was told when it came
    await Promise.race([this.#ended, late]);
    // Nothing may be put in the place of the files any more: the records are about to go.
    this.#gaveUp = true;
    host.clearTimeout(timer);
  }

  /** As if there had never been one. */
  async #abandon(): Promise<void> {
    this.#closing = true;
    this.#options.host.clearTimeout(this.#timer);
    await this.#journal?.discard().catch(() => {}); // the fault is thrown
  }

  #schedule(delay: number): void {
    if (this.#closing) return;
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
    const { fs, file, records, generations, interval, host, wall, hold, onFault } = this.#options;
    try {
      await ensureFolder(fs, file);
      if (await hold()) this.#suspicious = true;
      if (this.#suspicious) await this.#checkTaken();
      const journal = await this.#nextJournal();
      await this.#keepCopies();
      const head = {
        ...{ format: FORMAT, version: VERSION, secretKey: this.#key, journal: this.#number },
        ...{ writer: this.#writer, writtenAt: wall(), given: generations().given },
      };
      const journaled = () => {
        journal.promised = true; // a checkpoint without its journal cannot be read as a whole
        return journal.confirmed();
      };
      const parts = { head, records: records(), end: generations, journaled };
      this.#figures.busy = await writeCheckpoint(fs, file, parts, host, (ms) => this.#rest(ms));
      await journal.written();
      this.#figures.checkpoints++;
      this.#suspicious = false;
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
   * Whether another registry went on from our files, or put its own in their place: those of a run
   * of ours, however old, are of no more use.
   *
   * @throws StateTaken
   */
  async #checkTaken(): Promise<void> {
    const { fs, file } = this.#options;
    const isOurs = (head: Head | undefined): boolean =>
      head === undefined ||
      head.writer === this.#writer ||
      (head.secretKey === this.#key && (journalIn(head) ?? 0) <= this.#number);
    const later = (await journalsOf(fs, file)).filter((number) => number > this.#number);
    for (const path of [file, ...later.map((number) => journalOf(file, number))]) {
      if (isOurs(await readHead(fs, path))) continue;
      throw new StateTaken(`${path}: another registry writes the same state`);
    }
  }

  /**
   * The journal that follows the coming checkpoint. During a fault the present one is kept, and
   * one that broke in it is replaced: a disk that is full for hours gathers no files.
   */
  async #nextJournal(): Promise<Journal> {
    const { fs, file } = this.#options;
    let before = this.#journal;
    if (before && this.#fault && !before.broken) return before;
    if (before?.broken && !before.promised) {
      await before.discard();
      this.#number--;
      before = undefined;
    }
    const number = this.#number + 1;
    const journal = new Journal({
      fs,
      path: journalOf(file, number),
      head: (ended) => ({
        ...{ format: JOURNAL_FORMAT, version: VERSION, secretKey: this.#key, journal: number },
        ...{ writer: this.#writer, given: this.#options.generations().given, ended },
        first: this.#found.isNew && this.#figures.checkpoints === 0,
      }),
      before,
      check: () => this.#checkPresent(),
      onError: (error) => this.#failed(error),
    });
    this.#number = number;
    this.#journal = journal;
    await journal.written();
    return journal;
  }

  /** Without the checkpoint the journal is of little use. @throws StateRemoved */
  async #checkPresent(): Promise<void> {
    const { fs, file } = this.#options;
    if (this.#figures.checkpoints === 0) return;
    try {
      await fs.stat(file);
    } catch (error) {
      if (!isCode(error, 'ENOENT', 'ENOTDIR')) throw error;
      throw new StateRemoved(`${file}: it was removed`);
    }
  }

  async #keepCopies(): Promise<void> {
    if (this.#isKept) return;
    for (const [file, copy] of this.#found.copies) await keepCopy(this.#options.fs, file, copy);
    this.#isKept = true;
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
    this.#suspicious ||= error instanceof StateTaken || error instanceof StateRemoved;
    // Of several in a row the first is told, but for the one that does not mend itself.
    const isNews = !(this.#fault instanceof StateTaken) && error instanceof StateTaken;
    if (this.#fault && !isNews) return;
    const isRemoved = !this.#fault && error instanceof StateRemoved;
    this.#fault = error;
    this.#options.onFault(error);
    this.#schedule(isRemoved ? 0 : RETRY);
  }
}
