/**
 * What is told of a peer beyond when it beats: its life and the numbers of its heartbeats, what of
 * them was lost or dropped, how often it restarted and flapped, and by which link it is heard. One
 * more cache line a peer, of those slabs in which anything was told at all.
 */
import type { Link } from './link.js';
import { checkNumber, checkObject, checkType } from './validate.js';

/** What a heartbeat says of itself. */
export interface HeartbeatInfo {
  /**
   * Number of the sender's life, an integer from 0: a later life has a higher one. Heartbeats of
   * an older life are dropped; a newer one is a restart, whose gap is not learnt.
   */
  readonly incarnation?: number;
  /** Number of the heartbeat in that life, an integer from 0: tells duplicates, order and loss. */
  readonly sequence?: number;
  /** The link that the heartbeat came by, as `detector.link()` gave it; another object is none. */
  readonly link?: Pick<Link, 'down' | 'up'> | undefined;
  /**
   * In ms, until the sender's next heartbeat, where that is not the usual interval: a nap, a
   * back-off, a night. The deadline moves with it, once, and the interval is not learnt. Above 0, at
   * most 1e15; anything else says nothing.
   */
  readonly next?: number | undefined;
  /**
   * False for a sign of life that is no regular heartbeat, such as other traffic: silence begins
   * anew with it, but the interval between regular heartbeats goes on.
   */
  readonly learn?: boolean | undefined;
}

/** The longest that a next heartbeat may be announced for, in ms. */
const LONGEST_NEXT = 1e15;

/** What `info.next` says; 0 for nothing. */
export const nextOf = ({ next }: HeartbeatInfo): number =>
  typeof next === 'number' && next > 0 && next <= LONGEST_NEXT ? next : 0;

/** Heartbeats of a peer that were numbered, about the last thousand of them. */
export interface Loss {
  readonly received: number;
  readonly lost: number;
  /** lost / (lost + received); 0 when none was numbered. */
  readonly rate: number;
}

/** What became of a heartbeat by what it says of itself. */
export type Admission = 'accepted' | 'restart' | 'duplicate' | 'out-of-order' | 'stale-incarnation';

// Doubles of the record, `f64[entry * DOUBLES + …]`.
const INCARNATION = 0;
const SEQUENCE = 1;
/** When the peer last became available again. */
const RETURNED_AT = 2;
/** How much later than usual the next heartbeat was announced for, in ms. */
const LATER = 3;
/** Since when the next interval runs, if not since the last heartbeat; NaN if it is none to learn. */
const REGULAR = 4;

// 32-bit words, `i32[entry * WORDS + …]`.
/** Of the 32 heartbeats up to the last: bit n says that sequence − n was seen. */
const SEEN = 10;
const RECEIVED = 11;
const LOST = 12;
const RESTARTS = 13;
const FLAPS = 14;
const LINK = 15;
/** Reasons for which heartbeats were refused since the peer was suspected, as bits. */
const REFUSED = 16;
/** Dropped heartbeats, by reason. */
const DROPPED = 17;
/** The levels that are crossed, as bits, where their order is the peer's own: see ladder.ts. */
const CROSSED = 23;
const WORDS = 24;
const DOUBLES = WORDS / 2;

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

/** The journals of a slab's peers; an entry is a record's number in the slab. */
export class Journal {
  #f64 = new Float64Array(0);
  #i32 = new Int32Array(0);

  constructor(records: number) {
    this.grow(records);
  }

  /** Makes room for so many entries. */
  grow(records: number): void {
    const kept = this.#i32;
    const buffer = new ArrayBuffer(records * WORDS * 4);
    this.#f64 = new Float64Array(buffer);
    this.#i32 = new Int32Array(buffer);
    this.#i32.set(kept);
    for (let entry = kept.length / WORDS; entry < records; entry++) this.clear(entry);
  }

  clear(entry: number): void {
    this.#i32.fill(0, entry * WORDS, (entry + 1) * WORDS);
    this.#f64.fill(NONE, entry * DOUBLES, entry * DOUBLES + 2);
    this.#f64[entry * DOUBLES + RETURNED_AT] = -Infinity;
  }

  /**
   * Takes in what a heartbeat says of itself: why it is to be dropped, `'restart'` if it is the
   * first of a new life, `'accepted'` else. Whatever is no integer from 0 says nothing.
   */
  admit(entry: number, info: HeartbeatInfo): Admission {
    const { incarnation, sequence } = info;
    const d = entry * DOUBLES;
    const w = entry * WORDS;
    const i32 = this.#i32;
    let restart = false;
    if (isCount(incarnation)) {
      const known = this.#f64[d + INCARNATION];
      if (incarnation < known) return 'stale-incarnation';
      if (incarnation > known) {
        restart = known !== NONE;
        this.#f64[d + INCARNATION] = incarnation;
        if (restart) {
          i32[w + RESTARTS]++;
          this.#f64[d + SEQUENCE] = NONE; // numbers begin anew
        }
      }
    }
    const outcome = isCount(sequence) ? this.#number(entry, sequence) : 'accepted';
    return restart && outcome === 'accepted' ? 'restart' : outcome;
  }

  /** Takes the number of a heartbeat in. */
  #number(entry: number, sequence: number): 'accepted' | 'duplicate' | 'out-of-order' {
    const d = entry * DOUBLES;
    const w = entry * WORDS;
    const i32 = this.#i32;
    const ahead = sequence - this.#f64[d + SEQUENCE];
    const farBehind = ahead <= -32;
    // Whoever does not number its lives may have begun a new one.
    const unknown = this.#f64[d + INCARNATION] === NONE;
    const anew = unknown && (farBehind || (sequence === 0 && ahead < 0));
    if (this.#f64[d + SEQUENCE] === NONE || anew || ahead >= 32) i32[w + SEEN] = 1;
    else if (ahead > 0) i32[w + SEEN] = (i32[w + SEEN] << ahead) | 1;
    else {
      const bit = farBehind ? 0 : 1 << -ahead;
      if ((i32[w + SEEN] & bit) !== 0) return 'duplicate';
      i32[w + SEEN] |= bit;
      // It was counted as lost, or, farther behind, perhaps as received.
      if (!farBehind) this.#count(w, 1, i32[w + LOST] > 0 ? -1 : 0);
      return 'out-of-order';
    }
    const first = this.#f64[d + SEQUENCE] === NONE || anew;
    this.#count(w, 1, first ? 0 : Math.min(ahead - 1, MEMORY));
    this.#f64[d + SEQUENCE] = sequence;
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

  link(entry: number): number {
    return this.#i32[entry * WORDS + LINK];
  }

  setLink(entry: number, link: number): void {
    this.#i32[entry * WORDS + LINK] = link;
  }

  crossed(entry: number): number {
    return this.#i32[entry * WORDS + CROSSED];
  }

  setCrossed(entry: number, levels: number): void {
    this.#i32[entry * WORDS + CROSSED] = levels;
  }

  /** What is told of the last heartbeat of a peer that is {@link APART}. */
  setApart(entry: number, later: number, regular: number): void {
    this.#f64[entry * DOUBLES + LATER] = later;
    this.#f64[entry * DOUBLES + REGULAR] = regular;
  }

  later(entry: number): number {
    return this.#f64[entry * DOUBLES + LATER];
  }

  regular(entry: number): number {
    return this.#f64[entry * DOUBLES + REGULAR];
  }

  drop(entry: number, reason: keyof PeerDrops): void {
    this.#i32[entry * WORDS + DROPPED + REASONS.indexOf(reason)]++;
  }

  /** Whether this is the first heartbeat that is refused for the reason since {@link forgive}. */
  refuses(entry: number, reason: keyof PeerDrops): boolean {
    const w = entry * WORDS + REFUSED;
    const bit = 1 << REASONS.indexOf(reason);
    const first = (this.#i32[w] & bit) === 0;
    this.#i32[w] |= bit;
    return first;
  }

  forgive(entry: number): void {
    this.#i32[entry * WORDS + REFUSED] = 0;
  }

  /** Of the sender; undefined where it numbers none. */
  incarnation(entry: number): number | undefined {
    const known = this.#f64[entry * DOUBLES + INCARNATION];
    return known === NONE ? undefined : known;
  }

  /** Only heartbeats of later incarnations count from now on. */
  expectAfter(entry: number, incarnation: number): void {
    this.#f64[entry * DOUBLES + INCARNATION] = incarnation + 1;
  }

  dropped(entry: number): PeerDrops {
    const of = (reason: keyof PeerDrops) =>
      this.#i32[entry * WORDS + DROPPED + REASONS.indexOf(reason)];
    return Object.fromEntries(REASONS.map((reason) => [reason, of(reason)])) as PeerDrops;
  }

  snapshot(entry: number, at: number, apart: boolean): JournalSnapshot {
    const d = entry * DOUBLES;
    const w = entry * WORDS;
    const i32 = this.#i32;
    const [incarnation, sequence, returnedAt] = this.#f64.subarray(d, d + 3);
    return {
      ...(incarnation !== NONE && { incarnation }),
      ...(sequence !== NONE && { sequence }),
      seen: i32[w + SEEN],
      received: i32[w + RECEIVED],
      lost: i32[w + LOST],
      restarts: i32[w + RESTARTS],
      flaps: i32[w + FLAPS],
      ...(returnedAt !== -Infinity && { sinceReturn: at - returnedAt }),
      dropped: Array.from(REASONS, (_, i) => i32[w + DROPPED + i]),
      ...(apart && { later: this.later(entry) }),
      ...(apart && this.regular(entry) <= at && { sinceRegular: at - this.regular(entry) }),
    };
  }

  /** @throws TypeError, RangeError that name the part, what was expected and what came */
  restore(entry: number, given: JournalSnapshot, at: number): void {
    const name = 'snapshot.journal';
    checkObject(name, given);
    const count = (key: string, value: unknown, least = 0, most = 1e9) =>
      checkNumber(`${name}.${key}`, value, { least, most, integer: true });
    const most = Number.MAX_SAFE_INTEGER;
    const { incarnation = NONE, sequence = NONE, sinceReturn = Infinity, dropped } = given;
    checkNumber(`${name}.incarnation`, incarnation, { least: NONE, most, integer: true });
    checkNumber(`${name}.sequence`, sequence, { least: NONE, most, integer: true });
    checkNumber(`${name}.sinceReturn`, sinceReturn, { least: -Number.MAX_VALUE, most: Infinity });
    const isList = Array.isArray(dropped);
    const fits = isList && dropped.length >= LEAST_REASONS && dropped.length <= REASONS.length;
    const expected = `an array of ${LEAST_REASONS} or ${REASONS.length} numbers`;
    checkType(`${name}.dropped`, expected, dropped, fits);
    const words = [
      count('seen', given.seen, -COUNTED - 1, COUNTED),
      count('received', given.received),
      count('lost', given.lost),
      count('restarts', given.restarts),
      count('flaps', given.flaps),
    ];
    this.#i32.set(words, entry * WORDS + SEEN);
    const drops = dropped.map((n) => count('dropped', n));
    this.#i32.set(drops, entry * WORDS + DROPPED);
    this.#f64.set([incarnation, sequence, at - sinceReturn], entry * DOUBLES);
    const { later = 0, sinceRegular = Number.NaN } = given;
    const long = { least: -LONGEST_NEXT, most: LONGEST_NEXT };
    checkNumber(`${name}.later`, later, long);
    if (given.sinceRegular !== undefined) checkNumber(`${name}.sinceRegular`, sinceRegular, long);
    this.setApart(entry, later, at - sinceRegular);
  }

  restarts(entry: number): number {
    return this.#i32[entry * WORDS + RESTARTS];
  }

  loss(entry: number): Loss {
    const received = this.#i32[entry * WORDS + RECEIVED];
    const lost = this.#i32[entry * WORDS + LOST];
    return { received, lost, rate: lost === 0 ? 0 : lost / (lost + received) };
  }

  /** How often the peer returned from suspicion, until it stayed for `calm` ms. */
  flaps(entry: number, at: number, calm: number): number {
    const kept = at - this.#f64[entry * DOUBLES + RETURNED_AT] < calm;
    return kept ? this.#i32[entry * WORDS + FLAPS] : 0;
  }

  returned(entry: number, at: number, calm: number): void {
    this.#i32[entry * WORDS + FLAPS] = this.flaps(entry, at, calm) + 1;
    this.#f64[entry * DOUBLES + RETURNED_AT] = at;
  }
}

/** A journal as plain JSON. */
export interface JournalSnapshot {
  readonly incarnation?: number;
  readonly sequence?: number;
  /** The last 32 numbers that were seen, as bits. */
  readonly seen: number;
  readonly received: number;
  readonly lost: number;
  readonly restarts: number;
  readonly flaps: number;
  /** In ms, at the time of the snapshot. */
  readonly sinceReturn?: number;
  readonly dropped: readonly number[];
  /**
   * How much later than usual the next heartbeat was announced for, in ms; not there if the last
   * one was an ordinary one.
   */
  readonly later?: number;
  /** Since the last regular heartbeat, if signs of life came after it, in ms. */
  readonly sinceRegular?: number;
}

/** Whether it is a number that counts: an integer from 0. */
export const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
