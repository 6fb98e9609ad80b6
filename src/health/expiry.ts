/** A time-out that says that an answer is late, and not that this process was. */
import { type Host, ref } from '../core/host.js';

/** A timer that comes later than this, in ms, says that this process was late, not the answer. */
const LATE = 50;
/** What a late process gets to read the answers that wait for it, in ms. */
const GRACE = 500;

/**
 * Calls once `ms` have passed in which an answer would have been read; a late process gets a grace,
 * once. Returns what calls the timer off; who is called all the same has to look for itself.
 *
 * @param awaited whether the process stays until then, because somebody awaits the answer
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
