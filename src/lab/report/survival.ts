/** What each model says of a whole trace: the share of silences that last longer than so many ms. */

import { arrivalModels, type ModelName } from '../../core/model/distributions.js';
import { PhiAccrualDetector } from '../../core/single.js';
import type { Arrivals } from '../replay/arrivals.js';
import { fedAt } from '../replay/score.js';

export interface Survival {
  readonly model: ModelName;
  /** 10^−φ, the share that lasts longer than `silence` ms; 1 for a silence of 0 or less. */
  beyond(silence: number): number;
}

/**
 * `normal`, `logistic` and `exponential` from the mean and the standard deviation of all gaps, as
 * their detectors take them from a window, without a floor; `calibrated` from what it has learnt at
 * the end of the longest session.
 */
export function survivals(
  sessions: readonly Arrivals[],
  gaps: Float64Array,
  heartbeatInterval: number,
): Survival[] {
  const { mean, stdDev } = moments(gaps);
  const names = ['normal', 'logistic', 'exponential'] as const;
  const fitted = names.map((model) => ({
    model,
    beyond: (silence: number) =>
      silence > 0 ? 10 ** -arrivalModels[model].phi(silence, mean, stdDev) : 1,
  }));
  return [...fitted, learnt(sessions, heartbeatInterval)];
}

function learnt(sessions: readonly Arrivals[], heartbeatInterval: number): Survival {
  const detector = new PhiAccrualDetector({ model: 'calibrated', heartbeatInterval });
  const [longest] = [...sessions].sort((a, b) => b.at.length - a.at.length);
  let fed = -Infinity;
  for (const at of longest.at) {
    fed = at > fed ? at : fedAt(fed);
    detector.heartbeat(fed);
  }
  return {
    model: 'calibrated',
    beyond: (silence) => (silence > 0 ? 10 ** -detector.phi(fed + silence) : 1),
  };
}

/** One pass, as a plain array of a million gaps for a library would take seconds to make. */
export function moments(gaps: Float64Array): { mean: number; stdDev: number } {
  let mean = 0;
  let squares = 0;
  for (let n = 0; n < gaps.length; n++) {
    const difference = gaps[n] - mean;
    mean += difference / (n + 1);
    squares += difference * (gaps[n] - mean);
  }
  // A constant cadence: its models are steps, which need a width to be computed.
  return { mean, stdDev: Math.max(Math.sqrt(squares / gaps.length), mean * 1e-6) };
}

/** How many of `gaps` each bin has under a model. */
export function expectedCounts(
  { beyond }: Survival,
  edges: readonly number[],
  gaps: number,
): number[] {
  const shares = edges.map(beyond);
  return shares.slice(1).map((share, i) => gaps * (shares[i] - share));
}
