/** Everything that led to today's answer about a peer, as data. */

import type { ModelName } from './arrival-model.js';
import type { Loss, PeerDrops } from './journal.js';
import { isSuspect, levelOf } from './ladder.js';
import type { Status } from './outcomes.js';
import { FLAGS, HEARD, type PeerSlab, STARTED } from './peer-slab.js';
import { OFFSET } from './process-clock.js';
import { FLOOR, LEAST } from './profile.js';
import { supportedPhi } from './quantile-ladder.js';
import {
  announced,
  deadline,
  flooredStdDev,
  isLinkDown,
  lastHeartbeat,
  mean,
  phiAt,
  sampleCount,
  silenceAt,
  stdDev,
} from './suspicion.js';

/** What holds a verdict back, or makes it less sure. */
export type Held = 'stall' | 'mass-silence' | 'link-down' | 'nap' | 'bootstrap';

/** Times in ms of the detector's clock; durations in ms. */
export interface Explanation<Id = string> {
  readonly peer: Id;
  readonly status: Status;
  /** The level that was said last to be crossed and still is, `'suspect'` among them. */
  readonly level: string | undefined;
  /** The suspicion level of the silence so far. */
  readonly phi: number;
  /**
   * Since the last heartbeat, or since the watch began, without what was paused; undefined before
   * either, and for what is no time.
   */
  readonly silence: number | undefined;
  /** Of the inter-arrival times in the window; of the calibrated model, the cadence. */
  readonly mean: number;
  /** As measured; undefined for the calibrated model. */
  readonly stdDev: number | undefined;
  /** As φ is computed with: not below the floors. */
  readonly stdDevUsed: number | undefined;
  /** The floor of option `minStdDev` that was used; undefined when σ is above both. */
  readonly floor: 'absolute' | 'relative' | undefined;
  /** Samples in the window, the two prior ones included, or heartbeats learnt from. */
  readonly sampleCount: number;
  readonly model: ModelName;
  readonly threshold: number;
  /**
   * Up to which φ the calibrated model knows what it says, log₁₀(heartbeats/3): beyond it is what
   * it was started with. At most 5; undefined for other models, which always extrapolate.
   */
  readonly supportedPhi: number | undefined;
  /** When the peer is suspected if silence goes on, or was; Infinity while that does not count. */
  readonly suspectAt: number;
  /** Undefined before the first. */
  readonly lastHeartbeat: number | undefined;
  /** Heartbeats that were dropped, by reason. */
  readonly dropped: PeerDrops;
  /** Newer incarnations seen. */
  readonly restarts: number;
  /** Returns from suspicion of late, which make the next one harder. */
  readonly flaps: number;
  /** Of the numbered heartbeats. */
  readonly loss: Loss;
  /**
   * What holds its verdict back: our own stall, everybody's silence, its link; `'nap'`: it announced
   * that its next heartbeat comes later; or `'bootstrap'`:
   * it was never heard, and what is expected of it is a guess. Undefined for nothing.
   */
  readonly held: Held | undefined;
}

const NO_DROPS: PeerDrops = {
  duplicate: 0,
  'out-of-order': 0,
  'invalid-time': 0,
  'stale-incarnation': 0,
  'in-the-future': 0,
};

/** What is known besides the peer's record. */
export interface Circumstances<Id> {
  readonly peer: Id;
  readonly at: number;
  readonly draining: boolean;
  readonly massSilence: boolean;
  /** How long a return from suspicion counts. */
  readonly calm: number;
}

export function explain<Id>(
  slab: PeerSlab,
  row: number,
  { peer, at, draining, massSilence, calm }: Circumstances<Id>,
): Explanation<Id> {
  const { hot, options, quantiles } = slab.profile(row);
  const { journal } = slab;
  const entry = row >> 3;
  const flags = slab.i32[2 * row + FLAGS];
  const heard = (flags & HEARD) !== 0;
  const suspect = isSuspect(slab, row);
  const samples = sampleCount(slab, row);
  const expected = mean(slab, row);
  const measured = stdDev(slab, row);
  const least = flooredStdDev(hot, expected, 0);
  const floored = measured !== undefined && least > measured;
  const absolute = least === hot[FLOOR] && hot[FLOOR] > LEAST;
  const started = (flags & STARTED) !== 0;
  const silence = started ? silenceAt(slab, row, at) : Infinity;
  const last = lastHeartbeat(slab, row);
  const offset = slab.quiet[OFFSET];
  let held: Held | undefined;
  if (isLinkDown(slab, row, at)) held = 'link-down';
  else if (suspect) held = undefined;
  else if (draining) held = 'stall';
  else if (massSilence) held = 'mass-silence';
  else if (silence < announced(slab, row)) held = 'nap';
  else if (!heard) held = 'bootstrap';
  return {
    peer,
    status: suspect ? 'suspect' : heard ? 'available' : 'starting',
    level: levelOf(slab, row),
    phi: phiAt(slab, row, at),
    silence: Number.isFinite(silence) ? silence : undefined,
    mean: expected,
    stdDev: measured,
    stdDevUsed: floored ? least : measured,
    floor: !floored ? undefined : absolute ? 'absolute' : 'relative',
    sampleCount: samples,
    model: options.model,
    threshold: options.threshold,
    supportedPhi: quantiles && supportedPhi(samples),
    suspectAt: deadline(slab, row) - offset,
    lastHeartbeat: last === undefined ? undefined : last - offset,
    dropped: journal?.dropped(entry) ?? NO_DROPS,
    restarts: journal?.restarts(entry) ?? 0,
    flaps: journal?.flaps(entry, at, calm) ?? 0,
    loss: journal?.loss(entry) ?? { received: 0, lost: 0, rate: 0 },
    held,
  };
}
