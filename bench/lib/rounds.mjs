/**
 * Contestants take turns, round by round, so that whatever else the machine does falls on all of
 * them alike; a ratio is the median of the ratios within the rounds.
 */
import { measure } from 'mitata';
import { smoke } from './report.mjs';

export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Nanoseconds of CPU-bound `run`, which does `operations` of something, by mitata's figures. */
async function once({ run, operations }, time, samples, of) {
  const { [of]: ns } = await measure(run, {
    gc: false, // mitata's own would cost a gigabyte when node runs without --expose-gc
    min_samples: samples,
    min_cpu_time: time * 1e6,
  });
  return ns / operations;
}

/**
 * Measures `{ name: { run, operations } }` against each other. Each `run` must leave its result
 * with {@link keep}, or the compiler may find that it does nothing.
 *
 * @param of which of mitata's figures counts; `'min'` of short runs is the one that other processes
 * change least
 * @returns `{ ns(name), ratio(name, baseline) }`: medians over the rounds
 */
export async function compare(
  contestants,
  { rounds = 7, time = 60, samples = 5, of = 'p50' } = {},
) {
  const names = Object.keys(contestants);
  const seen = Object.fromEntries(names.map((name) => [name, []]));
  // Round 0 warms up: by its end every loop has been compiled.
  for (let round = 0; round <= (smoke ? 1 : rounds); round++) {
    // Every contestant gets every place in the order.
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length];
      const ns = await once(contestants[name], smoke ? 0 : time, smoke ? 1 : samples, of);
      if (round > 0) seen[name].push(ns);
    }
  }
  return {
    ns: (name) => median(seen[name]),
    ratio: (name, baseline) => median(seen[name].map((ns, i) => ns / seen[baseline][i])),
  };
}

/** CPU time of this process in ms: what others take of the machine is not in it. */
export function cpuTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** A sink against dead code: what was computed is used. */
export { do_not_optimize as keep } from 'mitata';
