/**
 * However many instances register at one address, it is polled no oftener than it would be for a
 * few: those of one target share their polls, and those of one host wait for their turn.
 */
import type { Host } from '../../core/host.js';
import { type CheckAnswer, NotRun } from '../../health/check.js';

interface SharedPoll {
  readonly answer: Promise<CheckAnswer>;
  readonly signal: AbortSignal;
  endedAt: number | undefined;
}

/** Of a poll that was given up, not of what it asked. */
const wasGivenUp = ({ signal }: SharedPoll): boolean =>
  signal.aborted && (signal.reason as Error | undefined)?.name !== 'TimeoutError';

/** Polls of one target: one at a time, and its answer is that of all who ask for it meanwhile. */
export class SharedPolls {
  readonly #now: () => number;
  readonly #fresh: number;
  /** By target; the oldest first. */
  readonly #polls = new Map<string, SharedPoll>();
  /** Polls that were answered by another one. */
  shared = 0;

  /** @param fresh for so long, in ms, an answer is good for others who ask */
  constructor(now: () => number, fresh: number) {
    this.#now = now;
    this.#fresh = fresh;
  }

  /** Whether a poll of the target is on its way, or has its answer. */
  has(target: string): boolean {
    const poll = this.#polls.get(target);
    return poll !== undefined && this.#isGood(poll);
  }

  #isGood({ endedAt }: SharedPoll): boolean {
    return endedAt === undefined || this.#now() - endedAt < this.#fresh;
  }

  /** @throws what the poll throws, or NotRun if it was given up for reasons of whoever began it */
  async ask(
    target: string,
    signal: AbortSignal,
    poll: () => Promise<CheckAnswer>,
  ): Promise<CheckAnswer> {
    const known = this.#polls.get(target);
    if (known !== undefined && this.#isGood(known)) {
      this.shared++;
      try {
        return await known.answer;
      } catch (error) {
        throw wasGivenUp(known) ? new NotRun('a poll that was shared was given up') : error;
      }
    }
    for (const [key, old] of this.#polls) {
      if (this.#isGood(old)) break;
      this.#polls.delete(key);
    }
    const own: SharedPoll = { answer: poll(), signal, endedAt: undefined };
    this.#polls.delete(target);
    this.#polls.set(target, own);
    try {
      return await own.answer;
    } finally {
      own.endedAt = wasGivenUp(own) ? -Infinity : this.#now();
    }
  }
}

/** In ms. */
const SECOND = 1000;

interface Waiting {
  readonly enter: () => void;
  readonly isFree: () => boolean;
}

interface Turn {
  taken: number;
  readonly waiting: Set<Waiting>;
  readonly timer: unknown;
}

/** So many polls of one host a second; more wait, in their order. */
export class HostTurns {
  readonly #most: number;
  readonly #host: Host;
  readonly #turns = new Map<string, Turn>();
  /** Polls that had to wait. */
  delayed = 0;

  constructor(most: number, host: Host) {
    this.#most = most;
    this.#host = host;
  }

  /**
   * Calls `enter` as soon as the host may be polled, or `isFree` says that it need not be; the
   * function that is returned gives the wait up.
   */
  take(host: string, enter: () => void, isFree: () => boolean): () => void {
    if (isFree()) {
      enter();
      return () => {};
    }
    const turn = this.#turns.get(host) ?? this.#begin(host, []);
    if (turn.waiting.size === 0 && turn.taken < this.#most) {
      turn.taken++;
      enter();
      return () => {};
    }
    this.delayed++;
    const waits = { enter, isFree };
    turn.waiting.add(waits);
    return () => this.#turns.get(host)?.waiting.delete(waits);
  }

  #begin(host: string, waiting: Iterable<Waiting>): Turn {
    const timer = this.#host.setTimeout(() => this.#next(host), SECOND);
    const turn = { taken: 0, waiting: new Set(waiting), timer };
    this.#turns.set(host, turn);
    return turn;
  }

  #next(host: string): void {
    const { taken, waiting } = this.#turns.get(host) as Turn;
    this.#turns.delete(host);
    if (taken === 0 && waiting.size === 0) return;
    const turn = this.#begin(host, waiting);
    for (const waits of turn.waiting) {
      const free = waits.isFree();
      if (!free && turn.taken >= this.#most) continue;
      if (!free) turn.taken++;
      turn.waiting.delete(waits);
      waits.enter();
    }
  }

  close(): void {
    for (const { timer } of this.#turns.values()) this.#host.clearTimeout(timer);
    this.#turns.clear();
  }
}
