/**
 * Quality of service by the measures of Chen, Toueg and Aguilera ("On the quality of service of
 * failure detectors", IEEE Transactions on Computers 51(5), 2002), from a detector's deadlines.
 *
 * After arrival k, at Aₖ, the detector has the deadline Dₖ. Its output is trust until
 * max(Aₖ, Dₖ) and suspicion from then on, until Aₖ₊₁. The sender of a trace lives, so every
 * suspicion is a mistake; one that is followed by another without trust between is the same.
 */
import { type Arrivals, nearestRank } from './arrivals.js';
import type { TraceDetector } from './trace-detector.js';

/** How long a sender that died would have gone unnoticed: in ms, from its last arrival on. */
export interface DetectionTime {
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How often φ is exceeded, against 10^−φ, which it claims. */
export interface Calibration {
  readonly phi: number;
  /** Gaps that were looked at. */
  readonly gaps: number;
  /** Gaps in which φ exceeded that level before the next arrival. */
  readonly late: number;
  /** late / gaps; under a model that is right it is about 10^−phi. */
  readonly share: number;
}

/** The quality of service of a detector on a trace. */
export interface Score {
  /** Times at which it suspected the sender, which lived. */
  readonly mistakes: number;
  /** λ_M. */
  readonly mistakesPerHour: number;
  /** T_M in ms; 0 without mistakes. */
  readonly meanMistakeDuration: number;
  /** In ms; 0 without mistakes. */
  readonly longestMistake: number;
  /** P_A: the share of the time in which it trusted the sender. */
  readonly queryAccuracy: number;
  /** The share of gaps whose end came after the deadline. */
  readonly lateShare: number;
  /** T_D: a crash is supposed after every arrival. */
  readonly detectionTime: DetectionTime;
  /** For φ = 1 … 8; empty if the detector has no φ. */
  readonly calibration: readonly Calibration[];
  /** What was scored, without warming up: hours, gaps between heartbeats, sessions. */
  readonly hours: number;
  readonly gaps: number;
  readonly sessions: number;
  /** Arrivals of the whole trace, warming up included. */
  readonly heartbeats: number;
  /** What the detector was told to expect, in ms. */
  readonly heartbeatInterval: number;
}

const LEVELS = 8;
const LONGEST_WARM_UP = 1000;
const MS_PER_HOUR = 3_600_000;

/** Arrivals that are fed and not scored: a detector is judged once it knows the sender. */
export const warmUpOf = (arrivals: number): number =>
  Math.min(LONGEST_WARM_UP, Math.floor(arrivals / 10));

/** Counts over all sessions of a trace. */
export class Scorer {
  mistakes = 0;
  late = 0;
  gaps = 0;
  sessions = 0;
  heartbeats = 0;
  /** In ms. */
  suspected = 0;
  longest = 0;
  scored = 0;
  detectionSum = 0;
  detectionMax = 0;
  detections = 0;
  /** T_D of each scored arrival. */
  readonly detection: Float64Array;
  /** Gaps by the number of levels that φ exceeded. */
  readonly exceeded = new Float64Array(LEVELS + 1);
  hasPhi = false;

  /** @param arrivals at most so many will come */
  constructor(arrivals: number) {
    this.detection = new Float64Array(arrivals);
  }

  /** @throws RangeError when no time passes between the arrivals that count */
  result(heartbeatInterval: number): Score {
    const { mistakes, late, gaps, sessions, heartbeats, suspected, longest, scored } = this;
    if (!(scored > 0)) {
      throw new RangeError('trace: expected a session with two arrivals at different times');
    }
    const hours = scored / MS_PER_HOUR;
    const detection = this.detection.subarray(0, this.detections);
    return {
      mistakes,
      mistakesPerHour: mistakes / hours,
      meanMistakeDuration: mistakes > 0 ? suspected / mistakes : 0,
      longestMistake: longest,
      queryAccuracy: 1 - suspected / scored,
      lateShare: late / gaps,
      detectionTime: {
        mean: this.detectionSum / this.detections,
        p50: nearestRank(detection, 0.5),
        p99: nearestRank(detection, 0.99),
        max: this.detectionMax,
      },
      calibration: this.#calibration(),
      hours,
      gaps,
      sessions,
      heartbeats,
      heartbeatInterval,
    };
  }

  #calibration(): Calibration[] {
    if (!this.hasPhi) return [];
    let late = 0;
    const rows: Calibration[] = [];
    for (let phi = LEVELS; phi > 0; phi--) {
      late += this.exceeded[phi];
      rows.unshift({ phi, gaps: this.gaps, late, share: late / this.gaps });
    }
    return rows;
  }
}

/** One session with its detector; in slices, so that whoever waits can be let in between. */
export class SessionScore {
  readonly #scorer: Scorer;
  readonly #arrivals: Arrivals;
  readonly #detector: TraceDetector;
  readonly #warmUp: number;
  readonly #info = { sequence: 0, sentAt: 0.5 };
  #next = 0;
  /** What the detector was told last: {@link fedAt}. */
  #fed = -Infinity;
  #due = Infinity;
  /** The present mistake has so many ms; −1: there is none. */
  #mistake = -1;

  constructor(scorer: Scorer, arrivals: Arrivals, detector: TraceDetector) {
    this.#scorer = scorer;
    this.#arrivals = arrivals;
    this.#detector = detector;
    const n = arrivals.at.length;
    this.#warmUp = warmUpOf(n);
    scorer.heartbeats += n;
    if (n < 2) return;
    scorer.sessions++;
    scorer.gaps += n - 1 - this.#warmUp;
    scorer.scored += arrivals.at[n - 1] - arrivals.at[this.#warmUp];
    scorer.hasPhi = detector.phi !== undefined;
  }

  /** Goes on by at most `count` arrivals; true once there is none left. */
  advance(count: number): boolean {
    // Everything in locals: an access to a field or a module's array costs more than the sums do.
    const scorer = this.#scorer;
    const detector = this.#detector;
    const info = this.#info;
    const warmUp = this.#warmUp;
    const { at: times, seq, sentAt } = this.#arrivals;
    const { detection, exceeded } = scorer;
    const hasPhi = detector.phi !== undefined;
    const end = Math.min(this.#next + count, times.length);
    let { detections, detectionSum, detectionMax, suspected, longest, late, mistakes } = scorer;
    let fed = this.#fed;
    let due = this.#due;
    let mistake = this.#mistake;
    for (let k = this.#next; k < end; k++) {
      const at = times[k];
      fed = at > fed ? at : fedAt(fed);
      if (k > warmUp) {
        const last = times[k - 1];
        if (hasPhi) {
          // How many of the levels 1 … 8 it exceeds, strictly.
          const levels = Math.ceil(detector.phi?.(fed) as number) - 1;
          exceeded[levels > 0 ? (levels < LEVELS ? levels : LEVELS) : 0]++;
        }
        // Trust again, be it for an instant: the end of the mistake before, if there was one.
        if (due > last) mistake = -1;
        if (at > due) {
          const duration = at - (due > last ? due : last);
          late++;
          suspected += duration;
          if (mistake < 0) {
            mistakes++;
            mistake = 0;
          }
          mistake += duration;
          if (mistake > longest) longest = mistake;
        }
      }
      info.sequence = seq[k];
      info.sentAt = sentAt[k];
      detector.heartbeat(fed, info);
      due = detector.suspectAt();
      if (k >= warmUp) {
        const silence = due > at ? due - at : due <= at ? 0 : noDeadline(due);
        detection[detections++] = silence;
        detectionSum += silence;
        if (silence > detectionMax) detectionMax = silence;
      }
    }
    this.#next = end;
    this.#fed = fed;
    this.#due = due;
    this.#mistake = mistake;
    const sums = { detections, detectionSum, detectionMax, suspected, longest, late, mistakes };
    Object.assign(scorer, sums);
    return end === times.length;
  }
}

/**
 * When a detector is told of an arrival at the same instant as the last one: as little later as can
 * be. A recording knows instants by its clock's resolution only, and every arrival counts; a
 * detector would take two at one instant for one and its duplicate.
 */
export function fedAt(last: number): number {
  return last + Math.max(Math.abs(last), 1) * Number.EPSILON;
}

function noDeadline(due: unknown): never {
  throw new TypeError(`detector.suspectAt(): expected ms, got ${String(due)}`);
}
