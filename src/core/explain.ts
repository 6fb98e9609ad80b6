/** Everything that led to today's answer about a peer, as data. */

import type { Status } from './heartbeat.js';
import type { ModelName } from './model/distributions.js';
import type { Monitor } from './monitor/monitor.js';
import { HEARD, type Slot, STARTED } from './peers/records.js';
import type { Loss, PeerDrops } from './peers/sequence.js';

/** What defers a suspicion, or makes it less sure. */
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
   * What defers its suspicion: our own stall, everybody's silence, its link; `'nap'`: it announced
   * that its next heartbeat comes later; or `'bootstrap'`:
   * it was never heard, and what is expected of it is a guess. Undefined for nothing.
   */
  readonly held: Held | undefined;
}

/** @param isDraining whether suspicions wait for heartbeats that wait to be read */
export function explain<Id>(
  monitor: Monitor<Id>,
  slot: Slot,
  at: number,
  isDraining: boolean,
): Explanation<Id> {
  const { peers, timing, levels } = monitor;
  const { records, sequences } = peers;
  const { options, model } = peers.profile(slot);
  const status = levels.status(slot);
  const silence = records.has(slot, STARTED) ? timing.silence(slot, at) : Infinity;
  const last = timing.lastHeartbeat(slot);
  const { offset } = peers.bounds;
  let held: Held | undefined;
  if (timing.isLinkDown(slot, at)) held = 'link-down';
  else if (status === 'suspect') held = undefined;
  else if (isDraining) held = 'stall';
  else if (monitor.isHeld(slot)) held = 'mass-silence';
  else if (silence < timing.announced(slot)) held = 'nap';
  else if (!records.has(slot, HEARD)) held = 'bootstrap';
  return {
    peer: peers.id(slot),
    status,
    level: levels.level(slot),
    phi: timing.phi(slot, at),
    silence: Number.isFinite(silence) ? silence : undefined,
    mean: model.mean(slot),
    ...model.explain(slot),
    sampleCount: model.sampleCount(slot),
    model: options.model,
    threshold: options.threshold,
    suspectAt: timing.suspectAt(slot) - offset,
    lastHeartbeat: last === undefined ? undefined : last - offset,
    dropped: sequences.dropped(slot),
    restarts: sequences.restarts(slot),
    flaps: monitor.flaps.flaps(slot, at),
    loss: sequences.loss(slot),
    held,
  };
}
