/** Every option of the core: unit, default, consequence; and its validation. */
import { arrivalModels, type ModelName } from './arrival-model.js';
import { MAX_RING } from './ring-pool.js';
import {
  checkBoolean,
  checkKeys,
  checkNumber,
  checkOneOf,
  outOfRange,
  wrongType,
} from './validate.js';

/** The least σ that φ is computed with, in ms. */
export interface MinStdDev {
  /** In ms; 10 by default. */
  absolute?: number;
  /** As a share of the mean; 0.25 by default. */
  relative?: number;
}

/** Which accepted intervals are learnt. */
export type LearnRule = 'guarded' | 'always' | 'while-available';

/** What one peer's detection depends on. */
export interface DetectorOptions {
  /**
   * φ at which a peer is suspected. Default 8: one false alarm in 10⁸ heartbeats if intervals were
   * normal, which real networks' are not. Higher is slower and surer. Above 0, at most 1e300.
   */
  threshold?: number;
  /**
   * The interval in ms at which heartbeats are expected before any was seen: the window starts
   * with two samples, this minus and plus a quarter. Default 1000. Too long delays the detection
   * of a peer that dies at once, too short suspects it while it starts. Above 0, at most 1e15.
   */
  heartbeatInterval?: number;
  /**
   * Inter-arrival times kept per peer, 4 bytes each. Default 1000. More is steadier, fewer adapt
   * faster. An integer from 1 to 262,144.
   */
  windowSize?: number;
  /**
   * The least σ, in ms, whatever was measured; the larger of `absolute` and `relative` times the
   * mean. Default `{ absolute: 10, relative: 0.25 }`: at φ = 8 one heartbeat may be lost. A number
   * is an absolute floor alone. Lower detects sooner and suspects peers for a single hiccup.
   */
  minStdDev?: number | MinStdDev;
  /**
   * Added to the mean, in ms: a silence that is always tolerated, as for a garbage collection.
   * Default 0. Raising it delays every detection by as much.
   */
  acceptablePause?: number;
  /**
   * How φ comes from mean and σ: `'normal'` (exact, the default), `'logistic'` (Akka's
   * approximation of it, for its numbers), `'exponential'` (Cassandra's; suspects at 18.4 means
   * for a threshold of 8).
   */
  model?: ModelName;
  /**
   * Which intervals are learnt. `'guarded'`, the default: not those that span a suspicion, nor
   * bursts, until they turn out to be the peer's new cadence. `'while-available'`: those that end
   * before a suspicion is due (Akka's rule; a lasting slower cadence is never learnt).
   * `'always'`: all of them; one outage then delays detection for a whole window.
   */
  learn?: LearnRule;
  /** A silence in ms at which a peer is suspected whatever φ says. Default `Infinity`: off. */
  maxSilence?: number;
}

/** What may differ from peer to peer of a {@link FailureDetectorOptions | FailureDetector}. */
export interface WatchOptions extends DetectorOptions {
  /**
   * Named levels of φ beside `suspect`, e.g. `{ overloaded: 1, critical: 3 }`; each one crossed is
   * an event. Default none. At most 30.
   */
  levels?: Readonly<Record<string, number>>;
  /**
   * Heartbeats in time, the returning one included, before a suspected peer is available again.
   * Default 1. More keeps a flapping peer out for longer. An integer from 1 to 1,000,000.
   */
  recoverAfter?: number;
}

/** A source of the time in ms; `performance` and `Date` are such sources. */
export type Clock = (() => number) | { now(): number };

/** Options of a detector for many peers. */
export interface FailureDetectorOptions extends WatchOptions {
  /** The time, in ms. Default: `performance.now()`. Wall clocks jump; prefer monotonic ones. */
  clock?: Clock;
  /**
   * Whether suspicion events come by themselves, from one timer. Default true. With false they
   * come from {@link FailureDetector.advance}, for simulations and loops of one's own.
   */
  timers?: boolean;
  /** Whether a heartbeat of an unknown id starts a watch. Default true; false refuses it. */
  autoWatch?: boolean;
  /** The most peers watched at once; more are refused and counted. Default `Infinity`. */
  maxPeers?: number;
  /** Closes the detector when it is aborted. */
  signal?: AbortSignal;
  /** Reserved: this version has no stall guard, and accepts `false` only. */
  stallGuard?: false;
  /** Reserved: this version does not hold back mass silences, and accepts `false` only. */
  massSilence?: false;
  /** Reserved: this version does not damp flapping, and accepts `false` only. */
  flapDamping?: false;
}

/** {@link WatchOptions} with every default filled in. */
export interface ResolvedOptions {
  readonly threshold: number;
  readonly heartbeatInterval: number;
  readonly windowSize: number;
  readonly minStdDev: { readonly absolute: number; readonly relative: number };
  readonly acceptablePause: number;
  readonly model: ModelName;
  readonly learn: LearnRule;
  readonly maxSilence: number;
  readonly levels: Readonly<Record<string, number>>;
  readonly recoverAfter: number;
}

/** {@link FailureDetectorOptions} beyond those of each peer, with every default filled in. */
export interface ResolvedSettings {
  readonly now: () => number;
  readonly timers: boolean;
  readonly autoWatch: boolean;
  readonly maxPeers: number;
  readonly signal: AbortSignal | undefined;
}

export const DEFAULTS: ResolvedOptions = {
  threshold: 8,
  heartbeatInterval: 1000,
  windowSize: 1000,
  minStdDev: { absolute: 10, relative: 0.25 },
  acceptablePause: 0,
  model: 'normal',
  learn: 'guarded',
  maxSilence: Infinity,
  levels: {},
  recoverAfter: 1,
};

const MAX_LEVELS = 30;
const LONGEST = 1e15;
const MODELS = Object.keys(arrivalModels) as ModelName[];
const LEARN_RULES: readonly LearnRule[] = ['guarded', 'always', 'while-available'];
const GUARDS = ['stallGuard', 'massSilence', 'flapDamping'] as const;

const WATCH_KEYS = Object.keys(DEFAULTS);
const DETECTOR_KEYS = WATCH_KEYS.filter((key) => key !== 'levels' && key !== 'recoverAfter');
const SETTING_KEYS = ['clock', 'timers', 'autoWatch', 'maxPeers', 'signal'];
const FAILURE_DETECTOR_KEYS = [...WATCH_KEYS, ...SETTING_KEYS, ...GUARDS];

const isPhi = (n: number) => n > 0 && n <= 1e300;
const isDuration = (n: number) => n >= 0 && n <= LONGEST;
const PHI_RANGE = 'a φ above 0, at most 1e300';

function checkFloor(value: unknown): ResolvedOptions['minStdDev'] {
  const floor = (name: string, n: unknown, unit: string, most: number) =>
    checkNumber(name, n, `${unit} from 0 to ${most}`, (x) => x >= 0 && x <= most);
  if (typeof value === 'number') {
    return { absolute: floor('minStdDev', value, 'ms', LONGEST), relative: 0 };
  }
  if (typeof value !== 'object' || value === null) {
    throw wrongType('minStdDev', 'ms, or { absolute, relative }', value);
  }
  const given = checkKeys<MinStdDev>('minStdDev', value, ['absolute', 'relative']);
  const { absolute = DEFAULTS.minStdDev.absolute, relative = DEFAULTS.minStdDev.relative } = given;
  return {
    absolute: floor('minStdDev.absolute', absolute, 'ms', LONGEST),
    relative: floor('minStdDev.relative', relative, 'a share of the mean', 1e6),
  };
}

function checkLevels(value: unknown): Readonly<Record<string, number>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrongType('levels', 'an object of names and φ', value);
  }
  const entries = Object.entries(value);
  if (entries.length > MAX_LEVELS) {
    throw outOfRange('levels', `at most ${MAX_LEVELS} levels`, entries.length);
  }
  for (const [name, phi] of entries) {
    if (name === '' || name === 'suspect') {
      throw outOfRange('levels', "names other than '' and 'suspect' (option threshold)", name);
    }
    checkNumber(`levels.${name}`, phi, PHI_RANGE, isPhi);
  }
  return Object.fromEntries(entries);
}

/** Checks what is given and fills the rest in from `base`. */
function resolve(given: WatchOptions, base: ResolvedOptions): ResolvedOptions {
  const value = (key: keyof ResolvedOptions) => (given[key] === undefined ? base : given)[key];
  const number = (key: keyof ResolvedOptions, expected: string, ok: (n: number) => boolean) =>
    checkNumber(key, value(key), expected, ok);
  return {
    threshold: number('threshold', PHI_RANGE, isPhi),
    heartbeatInterval: number(
      'heartbeatInterval',
      `ms above 0, at most ${LONGEST}`,
      (n) => n > 0 && n <= LONGEST,
    ),
    windowSize: number(
      'windowSize',
      `an integer from 1 to ${MAX_RING}`,
      (n) => Number.isInteger(n) && n >= 1 && n <= MAX_RING,
    ),
    minStdDev: given.minStdDev === undefined ? base.minStdDev : checkFloor(given.minStdDev),
    acceptablePause: number('acceptablePause', `ms from 0 to ${LONGEST}`, isDuration),
    model: checkOneOf('model', value('model'), MODELS),
    learn: checkOneOf('learn', value('learn'), LEARN_RULES),
    maxSilence: number('maxSilence', 'ms above 0, or Infinity', (n) => n > 0),
    levels: given.levels === undefined ? base.levels : checkLevels(given.levels),
    recoverAfter: number(
      'recoverAfter',
      'an integer from 1 to 1000000',
      (n) => Number.isInteger(n) && n >= 1 && n <= 1e6,
    ),
  };
}

/** @throws TypeError, RangeError that name the option, what was expected and what came */
export function resolveDetectorOptions(options: DetectorOptions | undefined): ResolvedOptions {
  return resolve(checkKeys('options', options, DETECTOR_KEYS), DEFAULTS);
}

/** @throws TypeError, RangeError that name the option, what was expected and what came */
export function resolveWatchOptions(
  options: WatchOptions | undefined,
  base: ResolvedOptions,
): ResolvedOptions {
  return resolve(checkKeys('options', options, WATCH_KEYS), base);
}

function checkClock(value: unknown): () => number {
  if (typeof value === 'function') return value as () => number;
  const source = value as { now(): number } | null;
  if (typeof source !== 'object' || source === null || typeof source.now !== 'function') {
    throw wrongType('clock', 'a function that returns ms, or an object with now()', value);
  }
  return () => source.now();
}

/** @throws TypeError, RangeError that name the option, what was expected and what came */
export function resolveFailureDetectorOptions(options: FailureDetectorOptions | undefined): {
  readonly defaults: ResolvedOptions;
  readonly settings: ResolvedSettings;
} {
  const given = checkKeys('options', options, FAILURE_DETECTOR_KEYS);
  for (const guard of GUARDS) {
    const value = given[guard];
    if (value !== undefined && value !== false) {
      throw wrongType(guard, 'false (this version has no such guard)', value);
    }
  }
  const {
    signal,
    clock = performance,
    timers = true,
    autoWatch = true,
    maxPeers = Infinity,
  } = given;
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw wrongType('signal', 'an AbortSignal', signal);
  }
  return {
    defaults: resolve(given, DEFAULTS),
    settings: {
      now: checkClock(clock),
      timers: checkBoolean('timers', timers),
      autoWatch: checkBoolean('autoWatch', autoWatch),
      maxPeers: checkNumber(
        'maxPeers',
        maxPeers,
        'an integer from 1, or Infinity',
        (n) => n >= 1 && (Number.isInteger(n) || n === Infinity),
      ),
      signal,
    },
  };
}
