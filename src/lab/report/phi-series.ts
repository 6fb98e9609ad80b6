/** φ of a detector over a whole trace, short enough to be drawn. */

import type { DetectorOptions } from '../../core/options.js';
import { PhiAccrualDetector } from '../../core/single.js';
import type { Arrivals } from '../replay/arrivals.js';
import { fedAt, warmUpOf } from '../replay/score.js';

/** A stretch of a session, as wide as a pixel or two. */
export interface PhiBucket {
  /** When φ was highest in it, in ms from the session's first arrival. */
  readonly at: number;
  /** The highest φ in it. */
  readonly max: number;
  /** Mistakes that ended in it: at the arrival that proved them wrong. */
  readonly mistakes: number;
}

export interface PhiSession {
  readonly session: string;
  /** From its first to its last arrival, in ms. */
  readonly duration: number;
  /** The end of the warm-up, from its first arrival, in ms. */
  readonly scoredFrom: number;
  /** By rising time. */
  readonly buckets: readonly PhiBucket[];
}

export interface PhiSeries {
  readonly sessions: readonly PhiSession[];
  readonly mistakes: number;
  /** The φ at which the detector suspected, at the end: settings may have it follow the cadence. */
  readonly threshold: number;
  readonly highest: number;
}

/**
 * Replays the settings on each session. φ is highest just before an arrival, and on its way up
 * wherever a stretch ends within a silence; mistakes are counted as a score counts them.
 *
 * @param stretches into which all sessions together are cut
 */
export function phiSeries(
  sessions: readonly Arrivals[],
  options: DetectorOptions,
  stretches: number,
): PhiSeries {
  const all = sessions.reduce((sum, { at }) => sum + durationOf(at), 0);
  const seen = sessions.map((arrivals) => new Watched(arrivals, options, all / stretches));
  const last = seen[seen.length - 1].detector;
  const told = seen.map(({ told }) => told);
  const maxima = told.flatMap(({ buckets }) => buckets.map(({ max }) => max));
  return {
    sessions: told,
    mistakes: seen.reduce((sum, { mistakes }) => sum + mistakes, 0),
    threshold: options.threshold ?? last.phi(last.suspectAt()),
    highest: maxima.reduce((a, b) => Math.max(a, b), 0),
  };
}

const durationOf = (at: Float64Array): number => at[at.length - 1] - at[0];

class Watched {
  readonly detector: PhiAccrualDetector;
  readonly told: PhiSession;
  mistakes = 0;
  readonly #buckets: PhiBucket[] = [];
  #bucket = { at: 0, max: 0, mistakes: 0 };

  constructor({ session, at: times }: Arrivals, options: DetectorOptions, width: number) {
    this.detector = new PhiAccrualDetector(options);
    const warmUp = warmUpOf(times.length);
    const origin = times[0];
    // Stretches of equal length: one that is shorter would have a lower φ.
    const length = durationOf(times) / Math.max(Math.round(durationOf(times) / width), 1);
    const end = times[times.length - 1] - length / 2;
    let edge = origin + length;
    let fed = -Infinity;
    let mistaken = false;
    for (let k = 0; k < times.length; k++) {
      const at = times[k];
      const due = this.detector.suspectAt();
      fed = at > fed ? at : fedAt(fed);
      for (; k > 0 && edge < Math.min(at, end); edge += length) {
        this.#look(edge - origin, this.detector.phi(edge));
        this.#close();
      }
      if (k > 0) this.#look(at - origin, this.detector.phi(fed));
      if (k > warmUp) {
        if (due > times[k - 1]) mistaken = false;
        if (at > due && !mistaken) {
          mistaken = true;
          this.mistakes++;
          this.#bucket.mistakes++;
        }
      }
      this.detector.heartbeat(fed);
    }
    this.#close();
    const scoredFrom = times[warmUp] - origin;
    this.told = { session, duration: durationOf(times), scoredFrom, buckets: this.#buckets };
  }

  #look(at: number, phi: number): void {
    if (phi >= this.#bucket.max) Object.assign(this.#bucket, { at, max: phi });
  }

  #close(): void {
    this.#buckets.push(this.#bucket);
    this.#bucket = { at: this.#bucket.at, max: 0, mistakes: 0 };
  }
}
