/** Figures per window: checks are asked at any time, and a window must not be as short as that. */

/**
 * Calls `sample` with what there was at the window's beginning, at most once per `least` ms of
 * monotonic time; in between its last result is given again. The first window begins here.
 */
export function windowed<S, R>(
  least: number,
  begin: () => S,
  sample: (from: S, elapsed: number) => R,
): () => R | undefined {
  let since = performance.now();
  let from = begin();
  let last: R | undefined;
  return () => {
    const now = performance.now();
    if (now - since < least) return last;
    last = sample(from, now - since);
    from = begin();
    since = now;
    return last;
  };
}
