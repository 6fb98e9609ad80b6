/**
 * φ of one instance as a curve, from frames that come once a second.
 *
 * A frame says how long the silence was, and so when the last heartbeat came. Between two frames
 * those are known exactly: the last heartbeat before each. More of them in between are drawn evenly
 * spaced. From a heartbeat to the next one φ is the model's, as the registry computes it. Where that
 * arithmetic does not give the φ that the frame says (the calibrated model, an acceptable pause, a
 * stall) the frames' own values are joined by straight lines instead.
 */
import { arrivalModels } from '../core/model/distributions.js';
import type { Figures } from './messages.js';

/** Figures, and the instant for which they hold, in ms. */
export interface Sample extends Figures {
  readonly at: number;
}

export interface Curve {
  readonly at: number[];
  readonly phi: number[];
}

type Model = (typeof arrivalModels)[keyof typeof arrivalModels];

const POINTS_PER_SPAN = 12;
/** In s: frames of a minute are kept, a second each. */
const MOST_PAST = 45;
/** Of more heartbeats between two frames than this a curve shows nothing but their peaks. */
const MOST_BEATS = 16;

export const modelOf = (name: string | undefined): Model | undefined =>
  name !== undefined && Object.hasOwn(arrivalModels, name)
    ? arrivalModels[name as keyof typeof arrivalModels]
    : undefined;

/** φ of a silence by the figures of a sample; undefined where they do not say. */
function phiAt(model: Model, { mean, stdDev }: Figures, silence: number): number | undefined {
  if (mean === undefined || stdDev === undefined || !(mean > 0 && stdDev > 0)) return undefined;
  return model.phi(silence, mean, stdDev);
}

/** Whether the page's arithmetic gives what the registry says. */
function agrees(model: Model, sample: Sample): boolean {
  if (sample.silence === undefined || sample.phi === undefined) return false;
  const own = phiAt(model, sample, sample.silence);
  return own !== undefined && Math.abs(own - sample.phi) <= 0.02 + 0.02 * sample.phi;
}

/** When the last heartbeat before a sample came. */
const lastBeat = ({ at, silence }: Sample): number => at - (silence ?? 0);

/** φ from `from` to `to` when the last heartbeat came at `beat`. */
function rise(curve: Curve, model: Model, sample: Sample, beat: number, from: number, to: number) {
  const steps = Math.max(1, Math.ceil((POINTS_PER_SPAN * (to - from)) / 1000));
  for (let i = 0; i <= steps; i++) {
    const at = from + ((to - from) * i) / steps;
    curve.at.push(at);
    curve.phi.push(phiAt(model, sample, at - beat) ?? 0);
  }
}

function join(curve: Curve, model: Model | undefined, before: Sample, after: Sample): void {
  const first = lastBeat(before);
  const last = lastBeat(after);
  const beats = Math.max(1, Math.round((last - first) / (after.mean ?? 1000)));
  const known = model !== undefined && agrees(model, before) && agrees(model, after);
  if (!known || beats > MOST_BEATS) {
    curve.at.push(after.at);
    curve.phi.push(Math.max(after.phi ?? 0, beats > MOST_BEATS ? (after.peak ?? 0) : 0));
    return;
  }
  // Less than a step of the clock apart: the same heartbeat.
  const between = last - first < 1 ? 0 : beats;
  for (let i = 0; i < between; i++) {
    const beat = first + ((last - first) * i) / beats;
    const next = first + ((last - first) * (i + 1)) / beats;
    const from = Math.max(beat, before.at);
    if (next > from) rise(curve, model, before, beat, from, next);
  }
  rise(curve, model, after, last, Math.max(last, before.at), after.at);
}

/** φ up to the last sample. Times that are equal are moved apart: a chart needs them rising. */
export function curveOf(samples: readonly Sample[], model: Model | undefined): Curve {
  const curve: Curve = { at: [], phi: [] };
  for (const [i, sample] of samples.entries()) {
    if (i > 0) {
      join(curve, model, samples[i - 1], sample);
    } else {
      curve.at.push(sample.at);
      curve.phi.push(sample.phi ?? 0);
    }
  }
  return rising(curve);
}

/** φ from a sample on, for so many ms, if nothing is heard any more; empty where unknown. */
export function ifSilent(sample: Sample | undefined, model: Model | undefined, ms: number): Curve {
  const curve: Curve = { at: [], phi: [] };
  if (sample === undefined || model === undefined || !agrees(model, sample)) return curve;
  rise(curve, model, sample, lastBeat(sample), sample.at, sample.at + ms);
  return curve;
}

/**
 * Ms until the suspicion, so many ms after a frame. One who was heard in time is expected to be heard
 * again when its next heartbeat is due, and only the next frame tells whether it was: until then the
 * count stands there, and does not run to 0 for a healthy instance with a frame for many heartbeats.
 */
export function suspicionIn(figures: Figures, since: number): number | undefined {
  const { suspectIn, mean = Infinity, silence = 0 } = figures;
  if (suspectIn === undefined) return undefined;
  const elapsed = Math.max(since, 0);
  if (suspectIn < 0) return suspectIn - elapsed;
  const isLate = silence >= mean;
  return Math.max(suspectIn - (isLate ? elapsed : Math.min(elapsed, mean - silence)), 0);
}

/** Of the chart of an instance, in s: so much of the past that some 50 heartbeats are told apart. */
export function spanOf(mean: number | undefined): {
  readonly past: number;
  readonly ahead: number;
} {
  const period = (mean ?? 1000) / 1000;
  const past = Math.min(Math.max(Math.ceil(50 * period), 10), MOST_PAST);
  // The suspicion of one that beats slowly is far ahead, and is to be seen as well.
  return { past, ahead: Math.min(Math.max(past / 6, 3 * period), MOST_PAST) };
}

function rising(curve: Curve): Curve {
  for (let i = 1; i < curve.at.length; i++) {
    if (curve.at[i] <= curve.at[i - 1]) curve.at[i] = curve.at[i - 1] + 1e-3;
  }
  return curve;
}
