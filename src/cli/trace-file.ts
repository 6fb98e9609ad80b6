/** A trace that a user named. */
import { readTrace, type Trace, TraceError } from '../lab/lab.js';

/** @throws Error that says in a line what is wrong with the file */
export async function readTraceFile(path: string): Promise<Trace> {
  try {
    return await readTrace(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof TraceError) throw new Error(`${path}: ${message}`);
    if (code === 'ENOENT') throw new Error(`${path}: no such file`);
    throw new Error(`${path}: ${message}`);
  }
}
