/** When a command is to end: a signal, or its time is up. */

/** Resolves at SIGINT or SIGTERM, after `seconds`, or with `other`; leaves nothing behind. */
export async function ended(
  seconds: number | undefined,
  other: Promise<void> = new Promise(() => {}),
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = () => {};
  await Promise.race([
    other,
    new Promise<void>((resolve) => {
      stop = resolve;
      process.on('SIGINT', stop).on('SIGTERM', stop);
      if (seconds !== undefined) timer = setTimeout(resolve, seconds * 1000);
    }),
  ]);
  clearTimeout(timer);
  process.off('SIGINT', stop).off('SIGTERM', stop);
}
