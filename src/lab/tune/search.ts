/** The search for settings: sweeps on the first half of a trace, examinations on the second. */
import type { ModelName } from '../../core/model/distributions.js';
import type { DetectorOptions } from '../../core/options.js';
import type { Arrivals } from '../replay/arrivals.js';
import type { Score } from '../replay/score.js';
import type { Interval } from './confidence.js';
import { best, CAUTIONS, type Caution, shows, type TuneGoal } from './goal.js';
import { type Family, rounded } from './settings.js';
import { Examination, Trial } from './trial.js';

/** What settings did on the half of the trace by which they were not chosen. */
export interface Expectation {
  /** λ_M, with its limits. */
  readonly mistakesPerHour: Interval;
  /** The mean of T_D in ms, with its limits. */
  readonly detectionTime: Interval;
  /** Its 99th percentile. */
  readonly slowDetectionTime: Interval;
  readonly score: Score;
}

/** Settings that were tried on both halves. */
export interface Tuned {
  /** To be given to a detector. */
  readonly options: DetectorOptions;
  /** On the half by which they were chosen: better than is to be expected. */
  readonly first: Score;
  readonly second: Expectation;
  /** Whether the second half shows that the goal is kept. */
  readonly kept: boolean;
}

/** A setting as a point of detection time against mistake rate, on the second half. */
export interface CurvePoint {
  readonly options: DetectorOptions;
  /** T_D, in ms. */
  readonly detectionTime: number;
  /** λ_M. */
  readonly mistakesPerHour: number;
}

/** A setting on the first half. */
interface Candidate {
  readonly family: Family;
  readonly threshold: number;
  readonly trial: Trial;
}

const REFINEMENTS = 4;

export class Search {
  readonly #first: readonly Arrivals[];
  readonly #second: readonly Arrivals[];
  readonly #goal: TuneGoal;
  readonly #breathe: () => Promise<void>;
  readonly #candidates: Candidate[] = [];
  readonly #points: CurvePoint[] = [];
  /** Scored in each half. */
  hours: readonly [number, number] = [0, 0];
  /** Settings that were tried. */
  tried = 0;

  /** @param breathe is called after each trial */
  constructor(
    first: readonly Arrivals[],
    second: readonly Arrivals[],
    goal: TuneGoal,
    breathe: () => Promise<void>,
  ) {
    this.#first = first;
    this.#second = second;
    this.#goal = goal;
    this.#breathe = breathe;
  }

  /** Tries all settings of a family, on both halves; chosen they are by the first. */
  async sweep(family: Family): Promise<void> {
    for (const threshold of family.thresholds) {
      const candidate = await this.#try(family, threshold);
      this.#candidates.push(candidate);
      const { options } = candidate.trial;
      const { score } = new Trial(this.#second, options);
      await this.#breathe();
      const { detectionTime, mistakesPerHour } = score;
      this.#points.push({ options, detectionTime: detectionTime.mean, mistakesPerHour });
      this.hours = [candidate.trial.score.hours, score.hours];
    }
  }

  async #try(family: Family, threshold: number): Promise<Candidate> {
    const trial = new Trial(this.#first, { ...family.options, threshold });
    this.tried++;
    await this.#breathe();
    return { family, threshold, trial };
  }

  /**
   * The best settings of some families. Those to choose from, from the most cautious choice on, are
   * examined one after the other until one fails: that the last that passed does not keep the goal
   * is no more probable than for a single one (fixed sequence; Maurer, Hothorn, Lehmacher 1995).
   */
  async choose(among: (family: Family) => boolean): Promise<Tuned | undefined> {
    const candidates = this.#candidates.filter(({ family }) => among(family));
    let chosen: Tuned | undefined;
    let before: DetectorOptions | undefined;
    for (const caution of CAUTIONS) {
      const found = best(candidates, this.#goal, caution);
      if (found === undefined) continue;
      const { trial } = await this.#refine(found, caution);
      if (trial.options === before) continue;
      before = trial.options;
      const examined = new Examination(this.#second, trial.options);
      await this.#breathe();
      const kept = shows(examined, this.#goal);
      if (!kept && chosen !== undefined) break;
      const { rate, detectionTime, slowDetectionTime, score } = examined;
      const second = { mistakesPerHour: rate, detectionTime, slowDetectionTime, score };
      chosen = { options: trial.options, first: trial.score, second, kept };
      if (!kept) break;
    }
    return chosen;
  }

  /** The lowest threshold between the candidate's and the next lower one that is as good. */
  async #refine(candidate: Candidate, caution: Caution): Promise<Candidate> {
    const { thresholds } = candidate.family;
    let found = candidate;
    let low = thresholds[thresholds.indexOf(candidate.threshold) - 1] ?? candidate.threshold;
    for (let i = 0; i < REFINEMENTS; i++) {
      const threshold = rounded((low + found.threshold) / 2);
      if (!(threshold > low && threshold < found.threshold)) break;
      const between = await this.#try(candidate.family, threshold);
      if (best([found, between], this.#goal, caution) === between) found = between;
      else low = threshold;
    }
    return found;
  }

  /** What no other setting of the model beats in both, by rising detection time. */
  curve(model: ModelName): CurvePoint[] {
    let least = Infinity;
    return this.#points
      .filter(({ options }) => options.model === model)
      .sort((a, b) => a.detectionTime - b.detectionTime || a.mistakesPerHour - b.mistakesPerHour)
      .filter(({ mistakesPerHour }) => {
        const better = mistakesPerHour < least;
        if (better) least = mistakesPerHour;
        return better;
      });
  }
}
