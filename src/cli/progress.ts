/** A bar for what takes long, on a terminal only. */
import { SingleBar } from 'cli-progress';

/** Shows how far `work` is, as long as it takes. */
export async function withProgress<T>(
  label: string,
  work: (onProgress: (done: number, all: number) => void) => Promise<T>,
): Promise<T> {
  if (!process.stderr.isTTY) return work(() => {});
  const bar = new SingleBar({
    stream: process.stderr,
    format: `${label} {bar} {percentage} % {eta_formatted}`,
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
  });
  bar.start(1, 0);
  try {
    return await work((done, all) => {
      bar.setTotal(all);
      bar.update(done);
    });
  } finally {
    bar.stop();
  }
}
