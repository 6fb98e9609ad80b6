/** What benchmarks on real timers need: senders, distributions, and how long the loop was blocked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { idsOf } from './fleet.mjs';

/** Peers that beat once an interval each, evenly spread, sent in small lots every few ms. */
export class Traffic {
  #interval;
  #sent = 0;

  constructor(peers, interval) {
    this.ids = idsOf(peers);
    this.#interval = interval;
  }

  /** Calls `beat(i)` for each peer when its turn has come, for so many intervals. */
  async run(intervals, beat) {
    const peers = this.ids.length;
    const start = performance.now();
    const cpu = process.cpuUsage();
    const until = intervals * peers;
    for (let turn = 0; turn < until; ) {
      const due = Math.min(((performance.now() - start) / this.#interval) * peers, until);
      for (; turn < due; turn++) beat(this.#sent++ % peers);
      await sleep(2);
    }
    const { user, system } = process.cpuUsage(cpu);
    return { cpu: (user + system) / 1000 / (performance.now() - start) };
  }
}

export function percentiles(values) {
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)];
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** The longest time that the event loop needed to come round. */
export class LoopGaps {
  #longest = 0;
  #last = performance.now();
  #stopped = false;

  constructor() {
    const turn = () => {
      const now = performance.now();
      this.#longest = Math.max(this.#longest, now - this.#last);
      this.#last = now;
      if (!this.#stopped) setImmediate(turn);
    };
    setImmediate(turn);
  }

  stop() {
    this.#stopped = true;
    return this.#longest;
  }
}
