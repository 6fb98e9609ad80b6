/** A row of a trace as recorders hand it on; a `TraceWriter` takes it. */

export interface Row {
  session: string;
  seq: number;
  /** From the session's first event on, in ms; left out: unknown. */
  sendMs?: number;
  /** Likewise; left out: it never arrived. */
  recvMs?: number;
}

export type WriteRow = (row: Row) => void;

/** Whole µs: more digits are noise of the clock, and half of the file. */
export const micro = (ms: number): number => Math.round(ms * 1000) / 1000;
