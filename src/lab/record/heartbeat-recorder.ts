/** Heartbeats that come from others, as rows of a trace: a sink for any source. */
import { micro, type WriteRow } from './row.js';

/** What came, and what became of it. */
export interface HeartbeatCounts {
  /** Rows written. */
  heartbeats: number;
  /** Ids that have a session. */
  peers: number;
  /** Lives of peers: each is a session of its own. */
  sessions: number;
  /** Numbers that were passed over and have not come yet, over all sessions. */
  lost: number;
  /** Dropped: a number that had come before, or one too far back to tell. */
  duplicates: number;
  /** Dropped: of a life that has ended. */
  stale: number;
  /** Dropped: of ids beyond the most that are recorded. */
  refused: number;
}

/** Heartbeats that come later than this many others are told from duplicates no more. */
const REORDERED = 256;

/** One life of one peer. */
class Session {
  readonly incarnation: number;
  readonly life: number;
  readonly name: string;
  /** Times are from the first heartbeat on. */
  readonly origin: number;
  /** The number that it began with. */
  readonly first: number;
  highest: number;
  readonly #seen = new Float64Array(REORDERED).fill(-1);

  constructor(id: string, life: number, incarnation: number, sequence: number, at: number) {
    this.incarnation = incarnation;
    this.life = life;
    this.name = sessionName(id, life);
    this.origin = at;
    this.first = sequence;
    this.highest = sequence;
  }

  isNew(sequence: number): boolean {
    return sequence > this.highest - REORDERED && this.#seen[sequence % REORDERED] !== sequence;
  }

  note(sequence: number): void {
    this.#seen[sequence % REORDERED] = sequence;
    if (sequence > this.highest) this.highest = sequence;
  }
}

/**
 * `a`, then `a#2`, `a#3`. Ids come from the network: one that looks like a later life gets its
 * number from the first on, so that no two sessions share a name.
 */
function sessionName(id: string, life: number): string {
  return life === 1 && !/#\d+$/.test(id) ? id : `${id}#${life}`;
}

/**
 * A `HeartbeatSink` that writes each heartbeat as a row, once. Every peer is a session; a newer
 * incarnation begins another one. When they were sent is unknown: heartbeats do not carry it.
 */
export class HeartbeatRecorder {
  readonly #write: WriteRow;
  readonly #maxPeers: number;
  readonly #sessions = new Map<string, Session>();
  readonly #counts: HeartbeatCounts = {
    heartbeats: 0,
    peers: 0,
    sessions: 0,
    lost: 0,
    duplicates: 0,
    stale: 0,
    refused: 0,
  };

  /** `maxPeers`: how many ids are recorded, as they come from the network. */
  constructor(write: WriteRow, maxPeers: number) {
    this.#write = write;
    this.#maxPeers = maxPeers;
  }

  /** Counts so far. */
  get counts(): Readonly<HeartbeatCounts> {
    return { ...this.#counts };
  }

  now(): number {
    return performance.now();
  }

  heartbeat(id: string, at: number, info: { incarnation: number; sequence: number }): void {
    const { incarnation, sequence } = info;
    const counts = this.#counts;
    let session = this.#sessions.get(id);
    if (session === undefined && this.#sessions.size >= this.#maxPeers) {
      counts.refused++;
      return;
    }
    if (session !== undefined && incarnation < session.incarnation) {
      counts.stale++;
      return;
    }
    if (session === undefined || incarnation > session.incarnation) {
      session = new Session(id, (session?.life ?? 0) + 1, incarnation, sequence, at);
      this.#sessions.set(id, session);
      counts.peers = this.#sessions.size;
      counts.sessions++;
    } else if (!session.isNew(sequence)) {
      counts.duplicates++;
      return;
    } else {
      // One from before the session's first was never passed over: it is neither lost nor found.
      const ahead = sequence - session.highest;
      if (ahead > 0) counts.lost += ahead - 1;
      else if (sequence > session.first) counts.lost--;
    }
    session.note(sequence);
    counts.heartbeats++;
    this.#write({ session: session.name, seq: sequence, recvMs: micro(at - session.origin) });
  }
}
