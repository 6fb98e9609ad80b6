/**
 * What heartbeats say of themselves: the incarnation of their sender and their number in it, what of
 * them was lost, and what was dropped. Costs nothing before a heartbeat says anything.
 */
import { type HeartbeatInfo, isCount } from '../heartbeat.js';
import { checkNumber, checkType } from '../validate.js';
import type { Slot } from './records.js';

/** Heartbeats of a peer that were numbered, about the last thousand of them. */
export interface Loss {
  readonly received: number;
  readonly lost: number;
  /** lost / (lost + received); 0 when none was numbered. */
  readonly rate: number;
}

/** What becomes of a heartbeat by what it says of itself. */
export type Admission = 'accepted' | 'restart' | 'duplicate' | 'out-of-order' | 'stale-incarnation';

// Words of a peer, `#i32[WORDS * slot + …]`.
/** Of the 32 heartbeats up to the last: bit n says that sequence − n was seen. */
const SEEN = 0;
const RECEIVED = 1;
const LOST = 2;
const RESTARTS = 3;
/** Reasons for which heartbeats were refused since the peer was suspected, as bits. */
const REFUSED = 4;
/** Dropped heartbeats, by reason. */
const DROPPED = 5;
const WORDS = 10;

const NONE = -1;
const COUNTED = 2 ** 31 - 1;
/** Beyond so many heartbeats, older ones count half. */
const MEMORY = 1024;

const REASONS = [
  'duplicate',
  'out-of-order',
  'invalid-time',
  'stale-incarnation',
  'in-the-future',
] as const;
/** A snapshot may be from when there were no more reasons than these. */
const LEAST_REASONS = 4;

/** Heartbeats of one peer that were dropped, by reason. */
export type PeerDrops = Record<(typeof REASONS)[number], number>;

/** A part of the journal in a peer's snapshot. */
export interface SequenceSnapshot {
  readonly incarnation?: number;
  readonly sequence?: number;
  /** The last 32 numbers that were seen, as bits. */
  readonly seen: number;
  readonly received: number;
  readonly lost: number;
  readonly restarts: number;
  readonly dropped: readonly number[];
}

export class SequenceTracker {
  /** Highest ones known, by slot; {@link NONE} for none. */
  #incarnations = new Float64Array();
  #sequences = new Float64Array();
  #i32 = new Int32Array();

  /** Whether anything was said of any peer. */
  get isUsed(): boolean {
    return this.#i32.length > 0;
  }

  #has(slot: Slot): boolean {
    return slot < this.#incarnations.length;
  }

  #reserve(slot: Slot): void {
    if (this.#has(slot)) return;
    const length = Math.max(2 * this.#incarnations.length, slot + 1);
    const [incarnations, sequences, i32] = [this.#incarnations, this.#sequences, this.#i32];
    this.#incarnations = new Float64Array(length).fill(NONE);
    this.#incarnations.set(incarnations);
    this.#sequences = new Float64Array(length).fill(NONE);
    this.#sequences.set(sequences);
    this.#i32 = new Int32Array(length * WORDS);
    this.#i32.set(i32);
  }

  /** The slot's peer is forgotten. */
  end(slot: Slot): void {
    if (!this.#has(slot)) return;
    this.#incarnations[slot] = NONE;
    this.#sequences[slot] = NONE;
    this.#i32.fill(0, slot * WORDS, (slot + 1) * WORDS);
  }

  /**
   * Takes what a heartbeat says of itself: why it is to be dropped, `'restart'` if it is the first
   * of a new incarnation, `'accepted'` otherwise. Whatever is no integer from 0 says nothing.
   */
  admit(slot: Slot, { incarnation, sequence }: HeartbeatInfo): Admission {
    this.#reserve(slot);
    let isRestart = false;
    if (isCount(incarnation)) {
      const known = this.#incarnations[slot];
      if (incarnation < known) return 'stale-incarnation';
      if (incarnation > known) {
        isRestart = known !== NONE;
        this.#incarnations[slot] = incarnation;
        if (isRestart) {
          this.#i32[slot * WORDS + RESTARTS]++;
          this.#sequences[slot] = NONE; // numbers begin anew
        }
      }
    }
    const outcome = isCount(sequence) ? this.#number(slot, sequence) : 'accepted';
    return isRestart && outcome === 'accepted' ? 'restart' : outcome;
  }

  /** Takes the number of a heartbeat. */
  #number(slot: Slot, sequence: number): 'accepted' | 'duplicate' | 'out-of-order' {
    const w = slot * WORDS;
    const i32 = this.#i32;
    const known = this.#sequences[slot];
    const ahead = sequence - known;
    const isFarBehind = ahead <= -32;
    // Whoever does not number its incarnations may have begun a new one.
    const isUnknown = this.#incarnations[slot] === NONE;
    const isAnew = isUnknown && (isFarBehind || (sequence === 0 && ahead < 0));
    if (known === NONE || isAnew || ahead >= 32) i32[w + SEEN] = 1;
    else if (ahead > 0) i32[w + SEEN] = (i32[w + SEEN] << ahead) | 1;
    else {
      const bit = isFarBehind ? 0 : 1 << -ahead;
      if ((i32[w + SEEN] & bit) !== 0) return 'duplicate';
      i32[w + SEEN] |= bit;
      // It was counted as lost, or, farther behind, perhaps as received.
      if (!isFarBehind) this.#count(w, 1, i32[w + LOST] > 0 ? -1 : 0);
      return 'out-of-order';
    }
    const isFirst = known === NONE || isAnew;
    this.#count(w, 1, isFirst ? 0 : Math.min(ahead - 1, MEMORY));
    this.#sequences[slot] = sequence;
    return 'accepted';
  }

  #count(w: number, received: number, lost: number): void {
    const i32 = this.#i32;
    i32[w + RECEIVED] += received;
    i32[w + LOST] += lost;
    if (i32[w + RECEIVED] + i32[w + LOST] <= 2 * MEMORY) return;
    i32[w + RECEIVED] >>= 1;
    i32[w + LOST] >>= 1;
  }

  drop(slot: Slot, reason: keyof PeerDrops): void {
    this.#reserve(slot);
    this.#i32[slot * WORDS + DROPPED + REASONS.indexOf(reason)]++;
  }

  /** Whether this is the first heartbeat that is refused for the reason since {@link forgive}. */
  refuses(slot: Slot, reason: keyof PeerDrops): boolean {
    this.#reserve(slot);
    const w = slot * WORDS + REFUSED;
    const bit = 1 << REASONS.indexOf(reason);
    const isFirst = (this.#i32[w] & bit) === 0;
    this.#i32[w] |= bit;
    return isFirst;
  }

  forgive(slot: Slot): void {
    if (this.#has(slot)) this.#i32[slot * WORDS + REFUSED] = 0;
  }

  /** Of the sender; undefined where it numbers none. */
  incarnation(slot: Slot): number | undefined {
    const known = this.#incarnations[slot] ?? NONE;
    return known === NONE ? undefined : known;
  }

  /** Only heartbeats of later incarnations count from now on. */
  expectAfter(slot: Slot, incarnation: number): void {
    this.#reserve(slot);
    this.#incarnations[slot] = incarnation + 1;
  }

  dropped(slot: Slot): PeerDrops {
    const of = (i: number) => this.#i32[slot * WORDS + DROPPED + i] ?? 0;
    return Object.fromEntries(REASONS.map((reason, i) => [reason, of(i)])) as PeerDrops;
  }

  restarts(slot: Slot): number {
    return this.#i32[slot * WORDS + RESTARTS] ?? 0;
  }

  loss(slot: Slot): Loss {
    const received = this.#i32[slot * WORDS + RECEIVED] ?? 0;
    const lost = this.#i32[slot * WORDS + LOST] ?? 0;
    return { received, lost, rate: lost === 0 ? 0 : lost / (lost + received) };
  }

  save(slot: Slot): SequenceSnapshot {
    this.#reserve(slot);
    const i32 = this.#i32;
    const w = slot * WORDS;
    const incarnation = this.#incarnations[slot];
    const sequence = this.#sequences[slot];
    return {
      ...(incarnation !== NONE && { incarnation }),
      ...(sequence !== NONE && { sequence }),
      seen: i32[w + SEEN],
      received: i32[w + RECEIVED],
      lost: i32[w + LOST],
      restarts: i32[w + RESTARTS],
      dropped: Array.from(REASONS, (_, i) => i32[w + DROPPED + i]),
    };
  }

  /** @throws TypeError, RangeError that name the part, what was expected and what came */
  load(slot: Slot, name: string, given: SequenceSnapshot): void {
    const count = (key: string, value: unknown, least = 0, most = 1e9) =>
      checkNumber(`${name}.${key}`, value, { least, most, integer: true });
    const most = Number.MAX_SAFE_INTEGER;
    const { incarnation = NONE, sequence = NONE, dropped } = given;
    count('incarnation', incarnation, NONE, most);
    count('sequence', sequence, NONE, most);
    const isList = Array.isArray(dropped);
    const fits = isList && dropped.length >= LEAST_REASONS && dropped.length <= REASONS.length;
    const expected = `an array of ${LEAST_REASONS} or ${REASONS.length} numbers`;
    checkType(`${name}.dropped`, expected, dropped, fits);
    const words = [
      count('seen', given.seen, -COUNTED - 1, COUNTED),
      count('received', given.received),
      count('lost', given.lost),
      count('restarts', given.restarts),
      0,
      ...dropped.map((n) => count('dropped', n)),
    ];
    this.#reserve(slot);
    this.#incarnations[slot] = incarnation;
    this.#sequences[slot] = sequence;
    this.#i32.set(words, slot * WORDS);
  }
}
