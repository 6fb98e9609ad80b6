/** When a command is to end: a signal, its output gone, or its time up. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves at one of these, or settles as `other` does; leaves nothing behind. */
export async function ended(
  seconds: number | undefined,
  other: Promise<void> = new Promise(() => {}),
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = () => {};
  const end = new Promise<void>((resolve) => {
    stop = resolve;
    for (const signal of SIGNALS) process.on(signal, stop);
    if (seconds !== undefined) timer = setTimeout(resolve, seconds * 1000);
  });
  // Whoever read the output is gone: there is nobody to tell, now or later.
  process.stdout.on('error', () => stop());
  try {
    await Promise.race([other, end]);
  } finally {
    clearTimeout(timer);
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}
