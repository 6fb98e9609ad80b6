/** Quality of service as independent scorers computed it, and the detectors that they meant. */
import type { ReplayOptions, Score } from '../../src/lab/lab.js';
import {
  bertier,
  cassandra,
  chen,
  exponentialUnbounded,
  fixedTimeout,
  hayashibara,
  satzger,
  twoWindow,
} from '../../src/lab/lab.js';

export interface ReferenceCell {
  readonly detector: string;
  readonly params: Readonly<Record<string, number>>;
  readonly scored_hours: number;
  readonly scored_beats: number;
  readonly mistakes: number;
  readonly lambda_M_per_hour: number;
  /** Null without mistakes. */
  readonly T_M_mean_ms: number | null;
  readonly T_M_max_ms: number | null;
  readonly P_A: number;
  readonly frac_late: number;
  readonly T_D_arr_ms: Readonly<Record<'mean' | 'p50' | 'p99' | 'max', number>>;
}

export interface Reference {
  readonly traces: Readonly<
    Record<string, { readonly interval_ms: number; readonly results: readonly ReferenceCell[] }>
  >;
}

const akka = (threshold: number, minStdDev: number, acceptablePause = 0): ReplayOptions => ({
  model: 'logistic',
  learn: 'while-available',
  windowSize: 1000,
  threshold,
  minStdDev,
  acceptablePause,
});

const DETECTORS: Record<string, (params: ReferenceCell['params']) => ReplayOptions> = {
  akka_logistic_min100: ({ threshold }) => akka(threshold, 100),
  akka_logistic_min10: ({ threshold }) => akka(threshold, 10),
  akka_logistic_min100_phi8_pause: ({ threshold, pause_ms }) => akka(threshold, 100, pause_ms),
  phi_normal_exact_min1: ({ threshold }) => ({ detector: hayashibara({ threshold }) }),
  cassandra_exp: ({ threshold }) => ({ detector: cassandra({ threshold }) }),
  exp_unbounded: ({ threshold }) => ({ detector: exponentialUnbounded({ threshold }) }),
  chen_nfde_w1000: ({ alpha_ms }) => ({ detector: chen({ margin: alpha_ms }) }),
  chen_nfde_w32: ({ alpha_ms }) => ({ detector: chen({ margin: alpha_ms, windowSize: 32 }) }),
  two_window_1_1000: ({ alpha_ms }) => ({ detector: twoWindow({ margin: alpha_ms }) }),
  bertier: () => ({ detector: bertier() }),
  fixed_timeout: ({ timeout_ms }) => ({ detector: fixedTimeout(timeout_ms) }),
  'satzger_scale0.9': ({ threshold }) => ({ detector: satzger({ threshold }) }),
};

/** The options of a replay of a cell. */
export function optionsOf(cell: ReferenceCell, heartbeatInterval: number): ReplayOptions {
  return { ...DETECTORS[cell.detector](cell.params), heartbeatInterval };
}

/** What in a score is not as the cell says; the last digit that it gives may be rounded. */
export function differences(cell: ReferenceCell, score: Score): string[] {
  const { detectionTime } = score;
  const compared: [string, number, number, number][] = [
    ['hours', cell.scored_hours, score.hours, 1e-6],
    ['gaps', cell.scored_beats, score.gaps, 0],
    ['mistakes', cell.mistakes, score.mistakes, 0],
    ['λ_M', cell.lambda_M_per_hour, score.mistakesPerHour, 1e-4],
    ['T_M', cell.T_M_mean_ms ?? 0, score.meanMistakeDuration, 0.01],
    ['T_M max', cell.T_M_max_ms ?? 0, score.longestMistake, 0.01],
    ['P_A', cell.P_A, score.queryAccuracy, 1e-5],
    ['late', cell.frac_late, score.lateShare, 1e-8],
    ...(['mean', 'p50', 'p99', 'max'] as const).map((name): [string, number, number, number] => [
      `T_D ${name}`,
      cell.T_D_arr_ms[name],
      detectionTime[name],
      0.01,
    ]),
  ];
  return compared
    .filter(([, expected, got, tolerance]) => !(Math.abs(expected - got) <= tolerance))
    .map(([what, expected, got]) => `${what}: ${expected} expected, ${got} found`);
}
