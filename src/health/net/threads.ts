/** Places among libuv's threads, of which there are four, for work that may hang in them. */
import { NotRun } from '../check.js';

/** The files and names of everybody else in this process are left the other two. */
const MOST = 2;

/** Not variables: the build makes constants of all at the top of a module. */
const places = { taken: 0 };
const waiting = new Set<() => void>();

function leave(): void {
  const [next] = waiting;
  if (next === undefined) places.taken--;
  else {
    waiting.delete(next);
    next(); // takes over the place
  }
}

/**
 * Does `work` once there is a place for it, which it holds until it is really over: neither a file
 * operation nor a look-up of a name can be taken back once a thread has it.
 *
 * @throws NotRun if `signal` is aborted before there is a place
 */
export async function onThread<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  if (places.taken < MOST) places.taken++;
  else {
    await new Promise<void>((resolve, reject) => {
      const go = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = () => {
        waiting.delete(go);
        reject(new NotRun(`not done: ${MOST} others hang in the threads that there are for it`));
      };
      waiting.add(go);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
  try {
    return await work();
  } finally {
    leave();
  }
}
