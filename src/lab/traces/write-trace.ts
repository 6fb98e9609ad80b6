/** A whole trace into a file. */
import type { Trace } from './trace.js';
import { TraceWriter } from './trace-writer.js';

/** Rows handed over between two looks at the event loop, and at what the disk says. */
const SOME = 10_000;

/**
 * Writes a trace as CSV, compressed if the name ends in `.gz`; a file of that name is replaced.
 *
 * @throws the error of the file system when it cannot
 */
export async function writeTrace(path: string | URL, trace: Trace): Promise<void> {
  const writer = new TraceWriter(path, { overwrite: true });
  try {
    for (const { session, heartbeats, seq, sendMs, recvMs } of trace.sessions) {
      for (let i = 0; i < heartbeats; i++) {
        writer.write({ session, seq: seq[i], sendMs: sendMs[i], recvMs: recvMs[i] });
        if (i % SOME === SOME - 1) await writer.flush();
      }
    }
  } finally {
    await writer.close();
  }
}
