/** Work on a trace file that the user named: reading it, and a progress bar for what takes long. */
import type { Trace } from '../lab/lab.js';

/** @throws Error that says in a line what is wrong with the file */
export async function readTraceFile(path: string): Promise<Trace> {
  const { readTrace, TraceError } = await import('../lab/lab.js');
  try {
    return await readTrace(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof TraceError) throw new Error(`${path}: ${message}`);
    if (code === 'ENOENT') throw new Error(`${path}: no such file`);
    throw new Error(`${path}: ${message}`);
  }
}

/** Shows on a terminal how far `work` is, as long as it takes. */
export async function withProgress<T>(
  label: string,
  work: (onProgress: (done: number, all: number) => void) => Promise<T>,
): Promise<T> {
  if (!process.stderr.isTTY) return work(() => {});
  const { SingleBar } = await import('cli-progress');
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
