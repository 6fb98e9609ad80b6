/** Pings sent on a schedule, and what came of each, as rows of a trace. */
import { micro, type WriteRow } from './row.js';

/** What answered a ping. */
export interface Answer {
  /** When it arrived, by `performance.now()`. */
  at: number;
  /** When the ping left, if that is known better than by when it was asked for. */
  sentAt?: number;
  /** What kind of answer it was, to be counted, such as a status. */
  kind?: string;
}

/** Sends one ping; rejects when it has failed, and gives up at `signal`. */
export type Ping = (signal: AbortSignal) => Promise<Answer>;

export interface PingSchedule {
  /** Between pings, in ms. */
  interval: number;
  /** A ping without an answer for so many ms is lost. */
  timeout: number;
}

export interface PingCounts {
  sent: number;
  /** Rows of pings that were answered. */
  answered: number;
  /** Rows of pings that were not. */
  lost: number;
  /** Answers by kind. */
  kinds: ReadonlyMap<string, number>;
  /** Lost pings by reason. */
  reasons: ReadonlyMap<string, number>;
}

/** An expiry that comes later than this says that the process was late, not the answer. */
const LATE = 20;
/** What a late process is given to read the answers that wait for it. */
const GRACE = 500;
const MAX_DELAY = 2_147_483_647;

interface Waiting {
  readonly seq: number;
  readonly sentAt: number;
  readonly cancel: AbortController;
  timer: ReturnType<typeof setTimeout> | undefined;
}

const count = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

const reasonOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message ?? String(error);
};

/**
 * Sends a ping every interval, whether or not those before were answered: a slow answer does not
 * delay what is sent after it, and so hides nothing. Each is a row when it is answered or lost, so
 * rows are in the order in which that was known. What is still open at the end leaves none.
 */
export class PingRecorder {
  readonly #session: string;
  readonly #ping: Ping;
  readonly #write: WriteRow;
  readonly #interval: number;
  readonly #timeout: number;
  readonly #waiting = new Set<Waiting>();
  readonly #kinds = new Map<string, number>();
  readonly #reasons = new Map<string, number>();
  readonly #origin = performance.now();
  /** The schedule: pings are due at origin + turn · interval. */
  #turn = 0;
  #sent = 0;
  #answered = 0;
  #lost = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /** The first ping leaves at once. */
  constructor(session: string, ping: Ping, write: WriteRow, { interval, timeout }: PingSchedule) {
    this.#session = session;
    this.#ping = ping;
    this.#write = write;
    this.#interval = interval;
    this.#timeout = timeout;
    this.#send();
  }

  /** Counts so far. */
  get counts(): PingCounts {
    return {
      sent: this.#sent,
      answered: this.#answered,
      lost: this.#lost,
      kinds: this.#kinds,
      reasons: this.#reasons,
    };
  }

  /** Sends no more, and gives up on what is open. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const waiting of [...this.#waiting]) {
      this.#take(waiting);
      waiting.cancel.abort();
    }
  }

  #send(): void {
    const waiting: Waiting = {
      seq: this.#sent++,
      // The first one is the session's first event: its time is 0.
      sentAt: this.#sent === 1 ? this.#origin : performance.now(),
      cancel: new AbortController(),
      timer: undefined,
    };
    this.#waiting.add(waiting);
    this.#expireIn(waiting, this.#timeout);
    this.#ping(waiting.cancel.signal).then(
      (answer) => this.#onAnswer(waiting, answer),
      (error) => this.#onLoss(waiting, reasonOf(error)),
    );
    // Turns that were missed while the process was busy are skipped, and not numbered: they would
    // count as lost.
    const passed = Math.floor((performance.now() - this.#origin) / this.#interval);
    this.#turn = Math.max(this.#turn, passed) + 1;
    const due = this.#origin + this.#turn * this.#interval;
    const delay = Math.min(Math.max(due - performance.now(), 0), MAX_DELAY);
    if (!this.#stopped) this.#timer = setTimeout(() => this.#send(), delay);
  }

  #expireIn(waiting: Waiting, ms: number, spared = false): void {
    const due = performance.now() + ms;
    waiting.timer = setTimeout(() => {
      if (!spared && performance.now() - due > LATE) this.#expireIn(waiting, GRACE, true);
      // Input that has come is read between a timer and this.
      else setImmediate(() => this.#onLoss(waiting, 'timed out'));
    }, ms);
  }

  #onAnswer(waiting: Waiting, { at, sentAt = waiting.sentAt, kind }: Answer): void {
    if (!this.#take(waiting)) return;
    this.#answered++;
    if (kind !== undefined) count(this.#kinds, kind);
    const sendMs = micro(sentAt - this.#origin);
    const recvMs = micro(at - this.#origin);
    this.#write({ session: this.#session, seq: waiting.seq, sendMs, recvMs });
  }

  #onLoss(waiting: Waiting, reason: string): void {
    if (!this.#take(waiting)) return;
    waiting.cancel.abort();
    this.#lost++;
    count(this.#reasons, reason);
    const sendMs = micro(waiting.sentAt - this.#origin);
    this.#write({ session: this.#session, seq: waiting.seq, sendMs });
  }

  /** Whether it was still open: an answer after its loss, or after the end, changes nothing. */
  #take(waiting: Waiting): boolean {
    clearTimeout(waiting.timer);
    return this.#waiting.delete(waiting);
  }
}
