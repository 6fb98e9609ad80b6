/**
 * What is learnt about each peer, and what follows from it: the one place where a heartbeat turns
 * into a window, and a window into φ and instants. One peer or a million: the same code on the
 * same layout.
 */
import { clear, countOf, meanOf, push, samplesOf, varianceOf } from './interval-window.js';
import { learnGuarded, seed } from './learning.js';
import type { ResolvedOptions } from './options.js';
import {
  ANCHOR,
  FLAGS,
  HEAD,
  HEARD,
  LAST,
  PeerSlab,
  PROFILE_SHIFT,
  SLAB_BITS,
  SLAB_MASK,
  SLAB_SIZE,
  SQUARES,
  STARTED,
  SUM,
  SUSPECT_AT,
  WATCH,
} from './peer-slab.js';
import { LEAST, type Profile, Profiles } from './profile.js';
import { RingPool } from './ring-pool.js';

/** What became of a heartbeat of a watched peer; only `'accepted'` ones count. */
export type BeatOutcome = 'accepted' | 'duplicate' | 'out-of-order' | 'not-finite';

export class PeerRecords {
  readonly slabs: PeerSlab[] = [];
  readonly rings = new RingPool();
  readonly profiles = new Profiles();
  readonly #vacant: number[] = [];
  #slots = 0;
  #watches = 0;

  /** @param slabSize records per slab; less than a full slab only for a store of that many peers */
  constructor(readonly slabSize = SLAB_SIZE) {}

  /** A slot for a new peer, its window seeded with what `options` expect. */
  add(options: ResolvedOptions): number {
    const number = this.profiles.acquire(options);
    const slot = this.#vacant.pop() ?? this.#slots++;
    if (slot >> SLAB_BITS === this.slabs.length) this.slabs.push(new PeerSlab(this.slabSize));
    const slab = this.slabs[slot >> SLAB_BITS];
    const record = slot & SLAB_MASK;
    slab.f64[record * 8 + LAST] = -Infinity;
    slab.f64[record * 8 + SUSPECT_AT] = Infinity;
    slab.i32[record * 16 + HEAD] = 0;
    slab.i32[record * 16 + FLAGS] = number << PROFILE_SHIFT;
    slab.i32[record * 16 + WATCH] = this.#watches++; // wraps after 2³² watches
    seed(slab, record, this.rings, options.windowSize, options.heartbeatInterval);
    return slot;
  }

  /** Gives a peer's storage back. Its queue entry stays: it belongs to the slot, not the peer. */
  remove(slot: number): void {
    const slab = this.slabs[slot >> SLAB_BITS];
    const record = slot & SLAB_MASK;
    const w = record * 16;
    clear(slab, record, this.rings, this.profileOf(slot).windowSize);
    this.profiles.release(slab.i32[w + FLAGS] >>> PROFILE_SHIFT);
    slab.i32[w + FLAGS] = 0;
    slab.i32[w + WATCH] = this.#watches++;
    slab.f64[record * 8 + SUSPECT_AT] = Infinity;
    this.#vacant.push(slot);
  }

  profileOf(slot: number): Profile {
    const flags = this.slabs[slot >> SLAB_BITS].i32[(slot & SLAB_MASK) * 16 + FLAGS];
    return this.profiles.list[flags >>> PROFILE_SHIFT];
  }

  watchOf(slot: number): number {
    return this.slabs[slot >> SLAB_BITS].i32[(slot & SLAB_MASK) * 16 + WATCH];
  }

  flagsOf(slot: number): number {
    return this.slabs[slot >> SLAB_BITS].i32[(slot & SLAB_MASK) * 16 + FLAGS];
  }

  lastOf(slot: number): number {
    return this.slabs[slot >> SLAB_BITS].f64[(slot & SLAB_MASK) * 8 + LAST];
  }

  suspectAtOf(slot: number): number {
    return this.slabs[slot >> SLAB_BITS].f64[(slot & SLAB_MASK) * 8 + SUSPECT_AT];
  }

  /** Replaces a peer's options; what was learnt stays. The caller knows that its rung may differ. */
  reconfigure(slot: number, options: ResolvedOptions): void {
    const slab = this.slabs[slot >> SLAB_BITS];
    const record = slot & SLAB_MASK;
    const w = record * 16;
    const old = this.profileOf(slot);
    const number = this.profiles.acquire(options);
    const size = options.windowSize;
    if (size !== old.windowSize) {
      const samples = samplesOf(slab, record, this.rings, old.windowSize);
      clear(slab, record, this.rings, old.windowSize);
      for (const x of samples.subarray(-size)) push(slab, record, this.rings, size, x);
    }
    this.profiles.release(slab.i32[w + FLAGS] >>> PROFILE_SHIFT);
    slab.i32[w + FLAGS] =
      (slab.i32[w + FLAGS] & ((1 << PROFILE_SHIFT) - 1)) | (number << PROFILE_SHIFT);
    if ((slab.i32[w + FLAGS] & STARTED) !== 0) {
      this.#expect(slab, record, this.profileOf(slot), slab.f64[record * 8 + LAST]);
    }
  }

  /** The peer is expected from `at` on; without effect once it is, or when `at` is not finite. */
  start(slot: number, at: number): void {
    const slab = this.slabs[slot >> SLAB_BITS];
    const record = slot & SLAB_MASK;
    if ((slab.i32[record * 16 + FLAGS] & STARTED) !== 0 || !Number.isFinite(at)) return;
    slab.i32[record * 16 + FLAGS] |= STARTED;
    this.#expect(slab, record, this.profileOf(slot), at);
  }

  /** Takes a heartbeat in: learns its interval as the profile says and moves the deadline. */
  heartbeat(slot: number, at: number): BeatOutcome {
    const slab = this.slabs[slot >> SLAB_BITS];
    const record = slot & SLAB_MASK;
    if (!Number.isFinite(at)) return 'not-finite';
    const flags = slab.i32[record * 16 + FLAGS];
    const profile = this.profiles.list[flags >>> PROFILE_SHIFT];
    if ((flags & HEARD) === 0) {
      slab.i32[record * 16 + FLAGS] = flags | STARTED | HEARD;
    } else {
      const last = slab.f64[record * 8 + LAST];
      if (!(at > last)) return at === last ? 'duplicate' : 'out-of-order';
      const spans = !(at < slab.f64[record * 8 + SUSPECT_AT]);
      if (profile.guarded) {
        learnGuarded(slab, record, this.rings, profile.windowSize, at - last, spans);
      } else if (profile.learnsAll || !spans) {
        push(slab, record, this.rings, profile.windowSize, at - last);
      }
    }
    this.#expect(slab, record, profile, at);
    return 'accepted';
  }

  /** Silence counts from `at`: the next deadline is last + perMean·(mean + pause) + perStdDev·σ. */
  #expect(slab: PeerSlab, record: number, profile: Profile, at: number): void {
    const f = record * 8;
    const head = slab.i32[record * 16 + HEAD];
    const count = head < 0 ? profile.windowSize : head;
    const shift = slab.f64[f + SUM] / count;
    const mean = slab.f32[record * 16 + ANCHOR] + shift;
    const variance = slab.f64[f + SQUARES] / count - shift * shift;
    const stdDev = variance > 0 ? Math.sqrt(variance) : 0;
    const silence =
      profile.suspectPerMean * (mean + profile.pause) +
      profile.suspectPerStdDev * floored(profile, mean, stdDev);
    slab.f64[f + LAST] = at;
    slab.f64[f + SUSPECT_AT] = at + (silence < profile.maxSilence ? silence : profile.maxSilence);
  }

  /** φ at `at`: 0 before the peer is expected; finite, ≥ 0, never NaN. */
  phi(slot: number, at: number): number {
    if ((this.flagsOf(slot) & STARTED) === 0 || typeof at !== 'number' || Number.isNaN(at))
      return 0;
    const silence = at - this.lastOf(slot);
    const profile = this.profileOf(slot);
    const mean = this.mean(slot);
    const stdDev = floored(profile, mean, this.stdDev(slot));
    const expected = Math.max(mean + profile.pause, LEAST);
    const phi = profile.model.phi(silence, expected, stdDev);
    return phi < Number.MAX_VALUE ? phi : Number.MAX_VALUE;
  }

  /** When φ reaches the level that `perMean` and `perStdDev` stand for, if silence goes on. */
  instant(slot: number, perMean: number, perStdDev: number): number {
    if ((this.flagsOf(slot) & STARTED) === 0) return Infinity;
    const profile = this.profileOf(slot);
    const mean = this.mean(slot);
    const stdDev = floored(profile, mean, this.stdDev(slot));
    return this.lastOf(slot) + (perMean * (mean + profile.pause) + perStdDev * stdDev);
  }

  mean(slot: number): number {
    return meanOf(this.slabs[slot >> SLAB_BITS], slot & SLAB_MASK, this.profileOf(slot).windowSize);
  }

  /** As measured over the window, before any floor. */
  stdDev(slot: number): number {
    return Math.sqrt(
      varianceOf(this.slabs[slot >> SLAB_BITS], slot & SLAB_MASK, this.profileOf(slot).windowSize),
    );
  }

  sampleCount(slot: number): number {
    return countOf(
      this.slabs[slot >> SLAB_BITS],
      slot & SLAB_MASK,
      this.profileOf(slot).windowSize,
    );
  }
}

function floored(profile: Profile, mean: number, stdDev: number): number {
  const relative = profile.relativeFloor * mean;
  const floor = relative > profile.floor ? relative : profile.floor;
  return stdDev > floor ? stdDev : floor;
}
