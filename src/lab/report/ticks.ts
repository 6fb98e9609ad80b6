/** Ticks of axes whose values are logarithms: 1, 10, 100; or 1, 2, 5, 10; or, if need be, others. */

const STEPS = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]];

/** log₁₀ of round values from 10^`low` to 10^`high`, not many more than `most`. */
export function logTicks(low: number, high: number, most: number): number[] {
  if (high - low < 0.7) {
    const linear = linearTicks(10 ** low, 10 ** high, most).map(Math.log10);
    return linear;
  }
  let ticks: number[] = [];
  for (const steps of STEPS) {
    const finer = decades(low, high, steps);
    if (ticks.length > 1 && finer.length > most) break;
    ticks = finer;
  }
  const every = Math.ceil(ticks.length / most);
  return ticks.filter((_, i) => i % every === 0);
}

function decades(low: number, high: number, steps: readonly number[]): number[] {
  const ticks: number[] = [];
  for (let decade = Math.floor(low); decade <= high; decade++) {
    for (const step of steps) ticks.push(decade + Math.log10(step));
  }
  return ticks.filter((tick) => tick >= low - 1e-9 && tick <= high + 1e-9);
}

/** Round values from `low` to `high`, `most` at most. */
export function linearTicks(low: number, high: number, most: number): number[] {
  const rough = (high - low) / most;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * ([1, 2, 5, 10].find((n) => n * decade >= rough) ?? 10);
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
    ticks.push(i * step + 0); // never −0
  }
  return ticks;
}
