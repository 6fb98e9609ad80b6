/** The heap as seen from inside: collections on demand, counted, and bytes allocated so far. */
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');

/** A full collection. */
export function collect() {
  gc();
  gc();
}

/** Bytes of live data: objects, and the typed arrays that they hold. */
export function liveBytes() {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

export class Collections {
  #count = 0;
  #pause = 0;

  constructor() {
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        this.#count++;
        this.#pause += duration;
      }
    }).observe({ entryTypes: ['gc'] });
  }

  /** Collections since the last call, and the ms that they took. */
  async taken() {
    await turn(); // the observer is told later
    await turn();
    const taken = { count: this.#count, pause: this.#pause };
    this.#count = 0;
    this.#pause = 0;
    return taken;
  }
}

/** The longest of many calls, in ms, less what collections took of it. */
export class LongestCall {
  #slow = [];
  #pauses = [];

  constructor() {
    new PerformanceObserver((list) => this.#pauses.push(...list.getEntries())).observe({
      entryTypes: ['gc'],
    });
  }

  time(call) {
    const start = performance.now();
    call();
    const end = performance.now();
    if (end - start > 0.5) this.#slow.push({ start, end });
  }

  /** The longest since the last call of this, and the collections within it. */
  async taken() {
    await turn();
    await turn();
    let longest = 0;
    for (const { start, end } of this.#slow) {
      let ms = end - start;
      for (const { startTime, duration } of this.#pauses) {
        if (startTime >= start && startTime < end) ms -= duration;
      }
      longest = Math.max(longest, ms);
    }
    this.#slow = [];
    this.#pauses = [];
    return longest;
  }
}

/** Bytes of the heap in use, garbage included. */
export const usedHeap = () => getHeapStatistics().used_heap_size;
