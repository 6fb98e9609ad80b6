/** Every option of a peer: unit, default, consequence; and its validation. */
import { type ModelName, modelNames } from './model/distributions.js';
import { MAX_RING } from './model/ring-pool.js';
import {
  checkKeys,
  checkNumber,
  checkObject,
  checkOneOf,
  checkRange,
  checkType,
  type Numbers,
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
   * normal, which real networks' are not; 4 for `'calibrated'`, where it is one in 10⁴. Higher is
   * slower and surer. Above 0, at most 1e300.
   */
  threshold?: number;
  /**
   * The rate of mistakes that is tolerated, instead of a threshold: how many times an hour a healthy
   * peer may be suspected. Sets the threshold to log₁₀(3.6e6/(heartbeatInterval × this)), at least
   * 1, and has that level follow the time instead of the heartbeats: the rate is kept even if
   * peers beat faster than that; where they beat more slowly, detection takes longer than it need. Only the model `'calibrated'` can promise it: that is the default with
   * this option. Fewer is slower. From 1e-12 to 3.6e6.
   */
  maxMistakesPerHour?: number;
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
   * Default 0. Raising it delays every detection by as much; with `'exponential'`, whose silences
   * are multiples of the mean, by 2.3 times the threshold as much.
   */
  acceptablePause?: number;
  /**
   * How φ comes from mean and σ: `'normal'` (exact, the default), `'logistic'` (Akka's
   * approximation of it, for its numbers), `'exponential'` (Cassandra's; suspects at 18.4 means
   * for a threshold of 8), or `'calibrated'`: from the silences themselves, so that φ = k is exceeded
   * by one heartbeat in 10^k on any network, for k up to 5. That one has no σ and no window:
   * `windowSize`, `minStdDev` and the guard of `learn` do not apply to it.
   */
  model?: ModelName;
  /**
   * Which intervals are learnt. `'guarded'`, the default: not those that span a suspicion, nor
   * bursts, until they turn out to be the peer's new cadence. `'while-available'`: those that end
   * before a suspicion is due (Akka's rule; a lasting slower cadence is never learnt).
   * `'always'`: all of them; one outage then delays detection for a whole window.
   */
  learn?: LearnRule;
  /**
   * A silence in ms at which a peer is suspected whatever φ says. Default `Infinity`: off; for
   * `'calibrated'` the larger of 30,000 and ten cadences, as its φ is a guess above 5, unless
   * `maxMistakesPerHour` is given.
   */
  maxSilence?: number;
}

/** Where a level beside `suspect` is crossed: at `phi` or at `silence`, whichever comes first. */
export interface LevelOptions {
  /** Above 0, at most 1e300. Default: φ does not matter. */
  phi?: number | undefined;
  /**
   * In ms since the last heartbeat, or since the watch began, whatever is learnt of the peer; an
   * announced nap and pauses of the observer or of a link move it. Above 0, at most 1e15. Default:
   * the silence does not matter.
   */
  silence?: number | undefined;
}

/** What may differ from peer to peer of a {@link FailureDetectorOptions | FailureDetector}. */
export interface WatchOptions extends DetectorOptions {
  /**
   * Named levels beside `suspect`, each a φ or a {@link LevelOptions}, e.g. `{ overloaded: 1,
   * critical: 3, page: { silence: 90_000 } }`; each one crossed is an event. Default none. At most
   * 30.
   */
  levels?: Readonly<Record<string, number | LevelOptions>>;
  /**
   * How long a watched peer may take, in ms, to be heard for the first time: it is suspected so long
   * after `watch`, whatever φ says until then. Default: when φ, of `heartbeatInterval` alone, reaches
   * the threshold. Raise it for what starts slowly; too long finds what never starts late. Above 0;
   * `Infinity` suspects nobody who was never heard.
   */
  startupGrace?: number;
  /**
   * Heartbeats in time, the returning one included, before a suspected peer is available again.
   * Default 1. More keeps a flapping peer out for longer. An integer from 1 to 1,000,000.
   */
  recoverAfter?: number;
  /**
   * The cohort of a peer: those of the same cohort and the same options learn from each other what
   * lateness is, and a new one starts with that instead of a guess; for the model `'calibrated'`
   * alone. Default `''`: none. Peers whose networks differ spoil it for each other: name a cohort
   * only for what is alike. At most 200 characters.
   */
  cohort?: string;
  /**
   * What the peer shares with others that can take all of them away at once: a host, a rack, a zone,
   * a switch. When nobody of a group of three or more is heard any more, that is a mass silence of
   * the group, and their suspicions are held by `massSilence`. Default `''`: none. A larger group
   * is held as a whole more rarely. At most 200 characters.
   */
  group?: string;
}

/** {@link WatchOptions} with every default filled in. */
export interface ResolvedOptions {
  readonly threshold: number;
  readonly maxMistakesPerHour: number | undefined;
  readonly heartbeatInterval: number;
  readonly windowSize: number;
  readonly minStdDev: { readonly absolute: number; readonly relative: number };
  readonly acceptablePause: number;
  readonly model: ModelName;
  readonly learn: LearnRule;
  /** Undefined for the model's own. */
  readonly maxSilence: number | undefined;
  /** A level that has a φ alone is a number. */
  readonly levels: Readonly<Record<string, number | Readonly<LevelOptions>>>;
  readonly recoverAfter: number;
  /** Undefined where φ decides. */
  readonly startupGrace: number | undefined;
  /** Empty for none. */
  readonly cohort: string;
  /** Empty for none. */
  readonly group: string;
}

export const DEFAULTS: ResolvedOptions = {
  threshold: 8,
  maxMistakesPerHour: undefined,
  heartbeatInterval: 1000,
  windowSize: 1000,
  minStdDev: { absolute: 10, relative: 0.25 },
  acceptablePause: 0,
  model: 'normal',
  learn: 'guarded',
  maxSilence: undefined,
  levels: {},
  startupGrace: undefined,
  recoverAfter: 1,
  cohort: '',
  group: '',
};

const MAX_LEVELS = 30;
const MAX_NAME = 200;
const ABOVE_0 = Number.MIN_VALUE;
const HOUR = 3.6e6;
const LONGEST = 1e15;

/** What the numbers among the options of a peer may be. */
const NUMBERS = {
  threshold: { least: ABOVE_0, most: 1e300 },
  maxMistakesPerHour: { least: 1e-12, most: HOUR },
  heartbeatInterval: { least: ABOVE_0, most: LONGEST, unit: 'ms' },
  windowSize: { least: 1, most: MAX_RING, integer: true },
  acceptablePause: { least: 0, most: LONGEST, unit: 'ms' },
  maxSilence: { least: ABOVE_0, most: Infinity, unit: 'ms' },
  startupGrace: { least: Number.MIN_VALUE, most: Infinity, unit: 'ms' },
  recoverAfter: { least: 1, most: 1e6, integer: true },
} as const;
const SILENCE = { least: ABOVE_0, most: LONGEST, unit: 'ms' } as const;

/** The threshold that is default. */
const THRESHOLDS = { normal: 8, logistic: 8, exponential: 8, calibrated: 4 } as const;
const LEARN_RULES: readonly LearnRule[] = ['guarded', 'always', 'while-available'];

export const WATCH_KEYS = Object.keys(DEFAULTS);
const OF_MANY: readonly string[] = ['levels', 'recoverAfter', 'startupGrace', 'cohort', 'group'];
const DETECTOR_KEYS = WATCH_KEYS.filter((key) => !OF_MANY.includes(key));

function checkFloor(value: number | MinStdDev): ResolvedOptions['minStdDev'] {
  const alone = typeof value === 'number';
  const given = alone
    ? { absolute: value, relative: 0 }
    : checkKeys<MinStdDev>('minStdDev', value, ['absolute', 'relative']);
  const { absolute = DEFAULTS.minStdDev.absolute, relative = DEFAULTS.minStdDev.relative } = given;
  const numbers = { least: 0, most: LONGEST };
  return {
    absolute: checkNumber(alone ? 'minStdDev' : 'minStdDev.absolute', absolute, numbers),
    relative: checkNumber('minStdDev.relative', relative, numbers),
  };
}

function checkLevel(name: string, given: number | LevelOptions): number | Readonly<LevelOptions> {
  if (typeof given !== 'object' || given === null) {
    const fits = typeof given === 'number';
    checkType(name, 'a number (φ), or { phi, silence }', given, fits);
    return checkNumber(name, given, NUMBERS.threshold);
  }
  const { phi, silence } = checkKeys<LevelOptions>(name, given, ['phi', 'silence']);
  if (phi !== undefined) checkNumber(`${name}.phi`, phi, NUMBERS.threshold);
  if (silence !== undefined) {
    checkNumber(`${name}.silence`, silence, SILENCE);
    return phi === undefined ? { silence } : { phi, silence };
  }
  checkRange(name, 'a phi, a silence or both', given, phi !== undefined);
  return phi as number;
}

function checkLevels(levels: NonNullable<WatchOptions['levels']>): ResolvedOptions['levels'] {
  checkObject('levels', levels);
  const names = Object.keys(levels);
  checkRange('levels', `at most ${MAX_LEVELS}`, names.length, names.length <= MAX_LEVELS);
  for (const name of names) {
    const free = name !== '' && name !== 'suspect';
    checkRange('levels', "a name other than '' and 'suspect'", name, free);
  }
  return Object.fromEntries(
    Object.entries(levels).map(([name, level]) => [name, checkLevel(`levels.${name}`, level)]),
  );
}

/**
 * The model, and the threshold or the wish that stands for it: the later of the two counts, and a
 * threshold that is its model's default changes with the model.
 */
function resolveThreshold(
  given: WatchOptions,
  base: ResolvedOptions,
  interval: number,
): Pick<ResolvedOptions, 'model' | 'threshold' | 'maxMistakesPerHour'> {
  const { threshold, maxMistakesPerHour: wish } = given;
  if (wish !== undefined) {
    const model = given.model ?? 'calibrated';
    checkRange('maxMistakesPerHour', 'no threshold beside it', wish, threshold === undefined);
    checkRange('maxMistakesPerHour', "model 'calibrated'", model, model === 'calibrated');
  }
  const model = given.model ?? (wish === undefined ? base.model : 'calibrated');
  const kept =
    threshold === undefined && model === 'calibrated' ? base.maxMistakesPerHour : undefined;
  const maxMistakesPerHour = wish ?? kept;
  if (maxMistakesPerHour !== undefined) {
    const wished = Math.log10(HOUR / (interval * maxMistakesPerHour));
    return { model, maxMistakesPerHour, threshold: Math.max(wished, 1) };
  }
  const inherits =
    base.maxMistakesPerHour === undefined && base.threshold !== THRESHOLDS[base.model];
  return {
    model,
    maxMistakesPerHour,
    threshold: threshold ?? (inherits ? base.threshold : THRESHOLDS[model]),
  };
}

function checkName(option: string, given: string): string {
  checkType(option, 'a string', given, typeof given === 'string');
  const fits = given.length <= MAX_NAME;
  checkRange(option, `at most ${MAX_NAME} characters`, given.length, fits);
  return given;
}

/** A cohort that is inherited ends with the model that it is for. */
function resolveCohort(given: string | undefined, base: string, model: ModelName): string {
  if (given === undefined) return model === 'calibrated' ? base : '';
  checkName('cohort', given);
  const able = given === '' || model === 'calibrated';
  checkRange('cohort', "model 'calibrated'", model, able);
  return given;
}

/**
 * The options of a peer: `given`, checked, over `base`.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came
 */
export function resolveOptions(
  given: WatchOptions | undefined,
  base: ResolvedOptions = DEFAULTS,
  keys: readonly string[] = WATCH_KEYS,
): ResolvedOptions {
  const {
    minStdDev,
    levels,
    model = base.model,
    learn = base.learn,
    cohort: ofCohort,
    group = base.group,
    ...rest
  } = checkKeys('options', given, keys);
  checkOneOf('model', model, modelNames);
  const numbers: Partial<Record<keyof typeof NUMBERS, number>> = {};
  for (const [name, range] of Object.entries(NUMBERS) as [keyof typeof NUMBERS, Numbers][]) {
    const value = rest[name];
    numbers[name] = value === undefined ? base[name] : checkNumber(name, value, range);
  }
  const judged = resolveThreshold(given ?? {}, base, numbers.heartbeatInterval as number);
  return {
    ...(numbers as Record<keyof typeof NUMBERS, number>),
    ...judged,
    cohort: resolveCohort(ofCohort, base.cohort, judged.model),
    group: checkName('group', group),
    learn: checkOneOf('learn', learn, LEARN_RULES),
    minStdDev: minStdDev === undefined ? base.minStdDev : checkFloor(minStdDev),
    levels: levels === undefined ? base.levels : checkLevels(levels),
  };
}

/** As {@link resolveOptions}, for one peer without levels and events. */
export function resolveDetectorOptions(given: DetectorOptions | undefined): ResolvedOptions {
  return resolveOptions(given, DEFAULTS, DETECTOR_KEYS);
}
