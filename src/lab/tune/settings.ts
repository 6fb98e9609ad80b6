/** What tuning tries: models, each with its windows, floors, pauses and thresholds. */
import type { ModelName } from '../../core/model/distributions.js';
import type { DetectorOptions } from '../../core/options.js';

/** Settings that differ in nothing but the threshold; a higher one is slower and surer. */
export interface Family {
  readonly model: ModelName;
  readonly options: DetectorOptions;
  /** Rising. */
  readonly thresholds: readonly number[];
}

const WINDOWS = [100, 1000];
/** In intervals: none, one lost heartbeat more, three. */
const PAUSES = [0, 1, 3];
const DEVIATIONS = [0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 26, 32, 40];
const MEANS = [0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8, 11, 16];
const QUANTILES = [
  1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75, 4, 4.25, 4.5, 5, 5.5, 6,
];

/**
 * The floors of σ: the default, which forgives one lost heartbeat at φ = 8; a low one, which takes
 * the network at its word.
 */
const FLOORS = [
  { absolute: 10, relative: 0.25 },
  { absolute: 1, relative: 0.05 },
];
/** Akka's floor. */
const AKKA = { absolute: 100, relative: 0 };

/** The families of some models, for heartbeats each `interval` ms. */
export function families(interval: number, models: readonly ModelName[]): Family[] {
  const heartbeatInterval = rounded(interval);
  const pauses = PAUSES.map((n) => (n > 0 ? { acceptablePause: rounded(n * interval) } : {}));
  const of = (
    model: ModelName,
    thresholds: readonly number[],
    variants: DetectorOptions[],
  ): Family[] =>
    variants.map((variant) => ({
      model,
      thresholds,
      options: { model, heartbeatInterval, ...variant },
    }));
  const all = [
    ...of('calibrated', QUANTILES, [{}]),
    ...of(
      'normal',
      DEVIATIONS,
      WINDOWS.flatMap((windowSize) =>
        FLOORS.flatMap((minStdDev) => pauses.map((pause) => ({ windowSize, minStdDev, ...pause }))),
      ),
    ),
    ...of(
      'logistic',
      DEVIATIONS,
      pauses.map((pause) => ({ minStdDev: AKKA, ...pause })),
    ),
    ...of(
      'exponential',
      MEANS,
      WINDOWS.map((windowSize) => ({ windowSize })),
    ),
  ];
  return all.filter(({ model }) => models.includes(model));
}

/** To three digits: what is pasted should be read, too. */
export const rounded = (value: number): number => Number(value.toPrecision(3));
