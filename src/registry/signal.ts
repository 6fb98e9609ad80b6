/** One signal of an instance: what was heard of it, and how it stands. */
import type { Peer } from '../core/peer.js';
import { type Reading, readingOfMisses } from './classify.js';

const BY_LEVEL: Readonly<Record<string, Reading>> = {
  late: 'late',
  critical: 'critical',
  suspect: 'missing',
};
const ORDER: readonly Reading[] = ['ok', 'late', 'critical', 'missing'];
const worse = (a: Reading, b: Reading): Reading => (ORDER.indexOf(a) > ORDER.indexOf(b) ? a : b);

/** Answers in a row that make up for missed polls: one that fails by turns does not flicker. */
const RISE = 2;

/** One signal of one incarnation of an instance. */
export class Signal {
  peer: Peer | undefined;
  /** By beats of its own, so that silence counts. */
  beaten = false;
  /** By polls that it answered: what counts are those that it misses, and not our own silence. */
  polled = false;
  /** Polls in a row that failed. */
  misses = 0;
  #answers = 0;
  unreached = false;
  /** How it stood before a restart of the registry, until it is heard or expected again. */
  held: Reading | undefined;

  get heard(): boolean {
    return this.beaten || this.polled;
  }

  /** How it stands at present. */
  get reading(): Reading {
    if (this.held !== undefined) return this.held;
    if (this.beaten) {
      const level = this.peer?.level;
      // A threshold below a level's φ is crossed before it: who is suspected is missing all the same.
      const isMissing = this.peer?.status === 'suspect';
      const reading = isMissing ? 'missing' : level === undefined ? 'ok' : BY_LEVEL[level];
      return worse(reading, readingOfMisses(this.misses));
    }
    if (this.unreached) return 'unknown';
    return this.polled || this.misses > 0 ? readingOfMisses(this.misses) : 'unused';
  }

  answered(): void {
    this.unreached = false;
    this.polled = true;
    this.#answers++;
    this.misses = this.#answers >= RISE ? 0 : Math.min(this.misses, 1);
  }

  missed(): void {
    this.unreached = false;
    this.misses = this.#answers > 0 ? 1 : this.misses + 1;
    this.#answers = 0;
  }
}
