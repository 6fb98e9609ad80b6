/**
 * A second implementation of the detector to test the first against: it keeps the list of beats
 * and works everything out anew from it, with arrays and two-pass sums, in no hurry.
 */
import { zOfPhi } from '../../src/index.js';
import { LadderOracle } from './ladder-oracle.js';

export interface OracleOptions {
  /** By default the model's. */
  threshold: number | undefined;
  heartbeatInterval: number;
  windowSize: number;
  minStdDev: { absolute: number; relative: number };
  acceptablePause: number;
  model: 'normal' | 'logistic' | 'exponential' | 'calibrated';
  learn: 'guarded' | 'always' | 'while-available';
  maxSilence: number | undefined;
  levels: Record<string, number | { phi?: number; silence?: number }>;
  recoverAfter: number;
}

export const ORACLE_DEFAULTS: OracleOptions = {
  threshold: undefined,
  heartbeatInterval: 1000,
  windowSize: 1000,
  minStdDev: { absolute: 10, relative: 0.25 },
  acceptablePause: 0,
  model: 'normal',
  learn: 'guarded',
  maxSilence: undefined,
  levels: {},
  recoverAfter: 1,
};

export interface OracleEvent {
  event: 'suspect' | 'available' | 'level' | 'late';
  peer: string;
  due: number;
  at: number;
  silence: number;
  level?: string;
  previous?: string;
  reason?: string;
}

interface Rung {
  name: string;
  phi: number;
  silence: number;
}

const mean = (xs: number[]) => xs.reduce((a, b) => a + b, 0) / xs.length;

/** A sum that is kept in 32 bits, as the detector's cold record keeps it. */
const sum32 = (xs: number[]) => xs.reduce((a, b) => Math.fround(a + b), 0);

/** All but the longest, each when it is known not to be that: sums in 32 bits depend on the order. */
const exceptLongest = (xs: number[]) => {
  let longest = 0;
  const rest = xs.map((x) => {
    const lesser = Math.min(x, longest);
    longest = Math.fround(Math.max(x, longest));
    return lesser;
  });
  return rest.slice(1);
};

/** The mean of intervals at a random time, in 32 bits as well. */
const mean32 = (xs: number[], sum: number) => (sum > 0 ? sum32(xs.map((x) => x * x)) / sum : 0);

/** Akka's formula solved for y by bisection. */
function logisticZ(phi: number): number {
  const f = (y: number) => {
    const w = y * (1.5976 + 0.070566 * y * y);
    return (w > 700 ? w : Math.log1p(Math.exp(w))) / Math.LN10;
  };
  let low = -50;
  let high = 50;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (f(middle) < phi) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** What a peer has learnt from its beats: replayed from the first one. */
function learn(beats: number[], o: OracleOptions): number[] {
  const prior = (m: number) => (o.windowSize === 1 ? [m] : [0.75 * m, 1.25 * m]).map(Math.fround);
  let samples = prior(o.heartbeatInterval);
  let own = 0;
  let run: number[] = [];
  let batch: number[] = [];
  const push = (x: number) => {
    samples.push(Math.fround(x));
  };
  samples = samples.slice(-o.windowSize);
  for (let i = 1; i < beats.length; i++) {
    const x = beats[i] - beats[i - 1];
    // Only `acceptablePause` tolerates it: no interval of the peer's.
    const usual = silenceAt(samples, { ...o, acceptablePause: 0 }, o.threshold ?? 8, true);
    const unusual = o.learn === 'guarded' && x >= usual;
    const due = beats[i - 1] + silenceAt(samples, o, o.threshold ?? 8, true);
    const spans = beats[i] >= due || unusual;
    const m = mean(samples);
    if (o.learn === 'always' || (o.learn === 'while-available' && !spans)) push(x);
    if (o.learn === 'guarded') {
      if (!spans && !(x < m / 4 && own >= 3)) {
        push(x);
        own++;
        run = [];
        batch = [];
      } else {
        run.push(x);
        const all = [...batch, x];
        batch = Math.max(...all) <= 3 * Math.min(...all) ? all : [x];
        const rest = exceptLongest(run);
        const others = sum32(rest);
        const agreed = batch.length >= 3 && sum32(batch) >= 5 * m;
        const enough = run.length >= 10 && others >= 5 * m;
        if (agreed || enough) {
          // Where they do not agree, each counts for as long as it lasts.
          const cadence = agreed ? sum32(batch) / batch.length : mean32(rest, others);
          samples = prior(cadence);
          own = 3;
          run = [];
          batch = [];
        }
      }
    }
    samples = samples.slice(-o.windowSize);
  }
  return samples;
}

/** The silence at which φ reaches a level. */
function silenceAt(samples: number[], o: OracleOptions, phi: number, capped: boolean): number {
  const m = mean(samples);
  const measured = Math.sqrt(mean(samples.map((x) => (x - m) ** 2)));
  const sigma = Math.max(measured, o.minStdDev.absolute, o.minStdDev.relative * m, 1e-6);
  const expected = m + o.acceptablePause;
  const { maxSilence = Infinity } = o;
  let silence: number;
  if (o.model === 'exponential') silence = phi * Math.LN10 * expected;
  else silence = expected + (o.model === 'normal' ? zOfPhi(phi) : logisticZ(phi)) * sigma;
  return capped ? Math.min(silence, maxSilence) : silence;
}

class OraclePeer {
  beats: number[] = [];
  /** Levels that were said to be crossed, by their places among the rungs, the last one last. */
  crossed: number[] = [];
  recovered = 0;
  readonly rungs: Rung[];
  /** The place of `suspect`. */
  readonly suspect: number;
  readonly threshold: number;

  constructor(
    readonly id: string,
    readonly order: number,
    readonly startedAt: number | undefined,
    readonly options: OracleOptions,
  ) {
    this.threshold = options.threshold ?? (options.model === 'calibrated' ? 4 : 8);
    const levels = Object.entries(options.levels).map(([name, level]): Rung => {
      const { phi = Infinity, silence = Infinity } =
        typeof level === 'number' ? { phi: level } : level;
      return { name, phi, silence };
    });
    const below = levels.filter(({ phi }) => phi <= this.threshold);
    const above = levels.filter(({ phi }) => phi > this.threshold && phi < Infinity);
    const silences = levels.filter(({ phi }) => phi === Infinity);
    const byPhi = (a: Rung, b: Rung) => a.phi - b.phi;
    const suspect = { name: 'suspect', phi: this.threshold, silence: Infinity };
    silences.sort((a, b) => a.silence - b.silence);
    this.rungs = [...below.sort(byPhi), suspect, ...above.sort(byPhi), ...silences];
    this.suspect = below.length;
  }

  get last(): number | undefined {
    return this.beats.at(-1) ?? this.startedAt;
  }

  get mean(): number {
    const calibrated = this.options.model === 'calibrated';
    return calibrated ? this.#ladder().m : mean(learn(this.beats, this.options));
  }

  #ladder(): LadderOracle {
    const ladder = new LadderOracle(this.options.heartbeatInterval, this.threshold);
    for (let i = 1; i < this.beats.length; i++) ladder.learn(this.beats[i] - this.beats[i - 1]);
    return ladder;
  }

  #silence(phi: number, capped: boolean): number {
    const { options } = this;
    if (options.model !== 'calibrated') {
      return silenceAt(learn(this.beats, options), options, phi, capped);
    }
    const ladder = this.#ladder();
    const silence = options.acceptablePause + ladder.silence(phi);
    return capped ? Math.min(silence, this.longest) : silence;
  }

  /** The silence that is suspicion whatever φ says. */
  get longest(): number {
    const { maxSilence, model } = this.options;
    return maxSilence ?? (model === 'calibrated' ? Math.max(30_000, 10 * this.mean) : Infinity);
  }

  instant(index: number): number {
    if (this.last === undefined) return Number.POSITIVE_INFINITY;
    const { phi, silence } = this.rungs[index];
    const byPhi = phi < Infinity ? this.#silence(phi, index <= this.suspect) : Infinity;
    return this.last + Math.min(byPhi, silence);
  }

  /** The level that is crossed next, and when. */
  get next(): { index: number; due: number } {
    let next = { index: -1, due: Number.POSITIVE_INFINITY };
    for (const index of this.rungs.keys()) {
      if (this.crossed.includes(index)) continue;
      const due = this.instant(index);
      if (due < next.due) next = { index, due };
    }
    return next;
  }

  get isSuspect(): boolean {
    return this.crossed.includes(this.suspect);
  }

  name(index: number | undefined): string | undefined {
    return index === undefined ? undefined : this.rungs[index].name;
  }
}

export class Oracle {
  readonly said: OracleEvent[] = [];
  readonly peers = new Map<string, OraclePeer>();
  #watches = 0;

  watch(id: string, at: number, options: OracleOptions): void {
    if (!this.peers.has(id)) {
      this.peers.set(id, new OraclePeer(id, this.#watches++, at, options));
    }
  }

  forget(id: string): boolean {
    return this.peers.delete(id);
  }

  status(id: string): string | undefined {
    const peer = this.peers.get(id);
    if (peer === undefined) return undefined;
    if (peer.isSuspect) return 'suspect';
    return peer.beats.length > 0 ? 'available' : 'starting';
  }

  heartbeat(id: string, at: number): string {
    if (!Number.isFinite(at)) return 'invalid-time';
    let peer = this.peers.get(id);
    if (peer === undefined) {
      peer = new OraclePeer(id, this.#watches++, undefined, ORACLE_DEFAULTS);
      this.peers.set(id, peer);
    }
    const previousBeat = peer.beats.at(-1);
    if (previousBeat !== undefined && at <= previousBeat) {
      return at === previousBeat ? 'duplicate' : 'out-of-order';
    }
    const last = peer.last;
    const deadline = peer.instant(peer.suspect);
    const expected = (last ?? 0) + peer.mean + peer.options.acceptablePause;
    const { crossed } = peer;
    const wasSuspect = peer.isSuspect;
    peer.beats.push(at);

    let stay: number[] = [];
    while (crossed.includes(stay.length) && peer.instant(stay.length) <= at) stay.push(stay.length);
    if (wasSuspect) {
      peer.recovered = at < deadline ? peer.recovered + 1 : 1;
      const returns = peer.recovered >= peer.options.recoverAfter;
      if (!returns && stay.length <= peer.suspect) {
        stay = Array.from({ length: peer.suspect + 1 }, (_, i) => i);
      }
    }
    peer.crossed = stay;
    const top = peer.name(stay.at(-1));
    const base = { peer: id, due: at, at, silence: at - (last ?? 0), reason: 'heartbeat' };
    for (let i = crossed.length - 1; i >= 0; i--) {
      if (crossed[i] === peer.suspect || stay.includes(crossed[i])) continue;
      const [level, previous] = [peer.name(crossed[i - 1]), peer.name(crossed[i])];
      this.said.push({ ...base, event: 'level', level, previous });
    }
    if (wasSuspect && !peer.isSuspect) {
      this.said.push({ ...base, event: 'available', level: top, previous: 'suspect' });
    }
    if (previousBeat === undefined && !wasSuspect) {
      this.said.push({
        ...base,
        event: 'available',
        silence: last === undefined ? 0 : at - last,
        level: top,
        previous: top,
        reason: 'first-heartbeat',
      });
    }
    if (previousBeat !== undefined && at > expected && at > (expected + deadline) / 2) {
      this.said.push({ event: 'late', peer: id, due: deadline, at, silence: at - previousBeat });
    }
    return 'accepted';
  }

  /** Every crossing due by `at`, in the order in which they were due. */
  advance(at: number): void {
    for (;;) {
      let next: OraclePeer | undefined;
      let due = Number.POSITIVE_INFINITY;
      for (const peer of this.peers.values()) {
        const instant = peer.next.due;
        if (instant < due || (instant === due && next !== undefined && peer.order < next.order)) {
          next = peer;
          due = instant;
        }
      }
      if (next === undefined || !(due <= at)) return;
      const { index } = next.next;
      const previous = next.name(next.crossed.at(-1));
      const suspect = index === next.suspect;
      next.crossed.push(index);
      if (suspect) next.recovered = 0;
      const last = next.last ?? 0;
      this.said.push({
        event: suspect ? 'suspect' : 'level',
        peer: next.id,
        due,
        at,
        silence: at - last,
        level: next.rungs[index].name,
        previous,
        reason: due === last + next.longest ? 'max-silence' : 'silence',
      });
    }
  }

  /** When the next crossing is due if silence goes on. */
  next(): number {
    return Math.min(...[...this.peers.values()].map((peer) => peer.next.due));
  }
}
