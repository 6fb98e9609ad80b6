/** What bounds the runs of checks: places, threads and time. */
import { type Host, ref } from '../core/host.js';
import { NotRun } from './check.js';

/** A cap on how many run at once; the first to come is the first to run. */
export class Slots {
  #free: number;
  #taken = 0;
  readonly #waiting = new Set<() => void>();
  #giving = false;

  constructor(count: number) {
    this.#free = count;
  }

  /** How many run now. */
  get taken(): number {
    return this.#taken;
  }

  /** How many wait for a place. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Calls `run` as soon as a place is free; the function that it returns ends the wait. */
  take(run: () => void): () => void {
    if (this.#free > 0 && this.#waiting.size === 0) this.#start(run);
    else this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  /** Frees a place; call it once for each `run` that was called. */
  give(): void {
    this.#free++;
    this.#taken--;
    // What runs may give its place back before it returns: one after the other, and no deeper.
    if (this.#giving) return;
    this.#giving = true;
    for (const next of this.#waiting) {
      if (this.#free === 0) break;
      this.#waiting.delete(next);
      this.#start(next);
    }
    this.#giving = false;
  }

  /** Nobody gets a place any more. */
  close(): void {
    this.#free = -Infinity;
    this.#waiting.clear();
  }

  #start(run: () => void): void {
    this.#free--;
    this.#taken++;
    run();
  }
}

/** libuv has four threads; two of them are left to the files and names of everybody else. */
const THREADS = 2;

/** Of the whole process. */
const threads = /* @__PURE__ */ new Slots(THREADS);

/**
 * Does `work` once one of the threads that checks may use is free, and keeps it until the work is
 * really over: a file operation or a name look-up cannot be taken back once a thread has it.
 *
 * @throws NotRun if `signal` is aborted before a thread is free
 */
export async function onThread<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  await new Promise<void>((resolve, reject) => {
    const abort = () => {
      leave();
      reject(new NotRun(`not done: ${THREADS} others hang in the threads that there are for it`));
    };
    signal?.addEventListener('abort', abort, { once: true });
    const leave = threads.take(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
  });
  try {
    return await work();
  } finally {
    threads.give();
  }
}

/** A timer that fires later than this, in ms, shows that this process was late, not the answer. */
const LATE = 50;
/** The time a late process gets to read the answers that wait for it, in ms. */
const GRACE = 500;

/**
 * Calls `call` once `ms` have passed in which an answer would have been read; a late process gets a
 * grace, once. The function that it returns cancels the timer; `call` may still come after that, and
 * has to find out for itself.
 *
 * @param awaited whether the timer keeps the process alive, because somebody awaits the answer
 */
export function expireIn(host: Host, ms: number, call: () => void, awaited = false): () => void {
  let timer: unknown;
  const wait = (left: number, spared: boolean) => {
    const due = host.now() + left;
    timer = host.setTimeout(() => {
      const late = host.now() - due > LATE;
      if (late && !spared) wait(Math.min(GRACE, ms), true);
      // What has arrived is read between a timer and this.
      else host.setImmediate(call);
    }, left);
    if (awaited) ref(timer);
  };
  wait(ms, false);
  return () => host.clearTimeout(timer);
}
