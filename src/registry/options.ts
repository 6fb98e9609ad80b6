/** Every option of a registry: unit, default, consequence; and its validation. */
import type { Host } from '../core/host.js';
import { type Clock, type FailureDetectorOptions, resolveSettings } from '../core/settings.js';
import {
  checkKeys,
  checkNumber,
  checkObject,
  checkOneOf,
  checkType,
  type Numbers,
} from '../core/validate.js';
import type { Side } from '../health/outliers.js';
import { INTERVAL, type InstanceView } from './instance.js';

/** What is left to the user of the two detectors. */
export type SignalOptions = Omit<
  FailureDetectorOptions,
  'clock' | 'timers' | 'levels' | 'autoWatch' | 'maxPeers' | 'signal'
>;

/** A figure that instances report, by which one may stand out from its service. */
export interface OutlierOptions {
  /** Which side is bad; default `'high'`. */
  readonly side?: Side;
  /** How far out, in robust σ (1.4826 MAD); default 3.5. Lower takes more out. */
  readonly cutoff?: number;
  /** The least MAD, in the figure's unit: keeps figures that are nearly equal from standing out. Default 0. */
  readonly floor?: number;
}

/** Why an instance needs a restart. */
export type RestartCause = 'dead' | 'zombie';

/** Options of a {@link Registry}. */
export interface RegistryOptions {
  /** The time, in ms, and timers, as `FailureDetector` takes it. Default: `performance`. */
  readonly clock?: Clock;
  /** The wall clock, ms since 1970, for what people read. Default `Date.now`. */
  readonly wall?: () => number;
  /** At which instances beat that do not say otherwise, in ms. Default 1000. */
  readonly heartbeatInterval?: number;
  /** A lease without a heartbeat, in ms. Default: the larger of 30,000 and ten intervals. */
  readonly ttl?: number;
  /**
   * Silent for so long, in ms, an instance is removed whatever protects the others, unless the
   * registry itself could not hear. Default: the larger of 600,000 and twenty leases. Lower forgets
   * the dead earlier; lower than a lease is as long as that.
   */
  readonly goneAfter?: number;
  /** Options of the two detectors, as `FailureDetector` takes them; `windowSize` is 200 here. */
  readonly detector?: SignalOptions;
  /** The most instances at once; more are refused. Default 100,000. */
  readonly maxInstances?: number;
  /** Changes that are kept for watchers. Default 10,000. Fewer give slow ones more snapshots. */
  readonly history?: number;
  readonly panic?: {
    /** Share of a service, in percent, below which routing does not believe us; default 50, 0 is off. */
    readonly below?: number;
    /** What it then routes to: the whole population (`'all'`, the default) or to none. */
    readonly route?: 'all' | 'none';
  };
  readonly removal?: {
    /** Between two sweeps, in ms; default 10,000. Lower removes faster. */
    readonly every?: number;
    /** Frozen for so long, in ms, it is said again; default 900,000. */
    readonly notice?: number;
  };
  /** How long a weight rises from a tenth to the whole, in ms, after a return; default 30,000, 0 is off. */
  readonly slowStart?: number;
  /**
   * How long, in ms, a registry that starts without records says at most that it is `'learning'`;
   * default 0: not at all. It ends earlier when registrations have calmed down.
   */
  readonly warmUp?: number;
  readonly ejection?: {
    /** How long an instance is out when a client reports a failed request, in ms, times how often in a row; default 30,000. Lower lets it fail more requests. */
    readonly base?: number;
    /** The longest of these; and so long in service makes the next one the first. Default 300,000. */
    readonly max?: number;
  };
  readonly restart?: {
    /** Before the first restart of an instance, in ms; doubles with each one. Default 1000. */
    readonly delay?: number;
    /** The longest of these; and so long in service resets them. Default 300,000. */
    readonly maxDelay?: number;
  };
  /**
   * Called when an instance is dead or a zombie, and nothing speaks against a restart; `signal` is
   * aborted when it recovers by itself. What it throws or rejects with is event `error`.
   */
  readonly onRestartNeeded?: (
    instance: InstanceView,
    cause: RestartCause,
    signal: AbortSignal,
  ) => unknown;
  /** Figures by which instances of a service are compared; default none. */
  readonly outliers?: Readonly<Record<string, OutlierOptions>>;
  /** Makes the secrets of leases; at least 16 bytes, default random: keep it over a restart. */
  readonly secretKey?: Uint8Array;
  /** Chance for the order of removals, from 0 up to 1. Default `Math.random`. */
  readonly random?: () => number;
  /** Closes the registry when it is aborted. */
  readonly signal?: AbortSignal;
}

/** {@link RegistryOptions} with every default filled in. */
export interface ResolvedRegistryOptions {
  readonly host: Host;
  readonly wall: () => number;
  readonly heartbeatInterval: number;
  readonly ttl: number | undefined;
  readonly goneAfter: number | undefined;
  readonly detector: FailureDetectorOptions;
  readonly maxInstances: number;
  readonly history: number;
  readonly panic: { readonly below: number; readonly route: 'all' | 'none' };
  readonly removal: { readonly every: number; readonly notice: number };
  readonly slowStart: number;
  readonly warmUp: number;
  readonly ejection: { readonly base: number; readonly max: number };
  readonly restart: { readonly delay: number; readonly maxDelay: number };
  readonly onRestartNeeded: RegistryOptions['onRestartNeeded'];
  readonly outliers: ReadonlyMap<string, Required<OutlierOptions>>;
  readonly random: () => number;
  readonly signal: AbortSignal | undefined;
}

const MS = { ...INTERVAL, least: 0 } as const;
const KEYS = [
  ...['clock', 'wall', 'heartbeatInterval', 'ttl', 'goneAfter', 'detector', 'maxInstances'],
  ...[
    'history',
    'panic',
    'removal',
    'slowStart',
    'restart',
    'onRestartNeeded',
    'outliers',
    'secretKey',
    'random',
  ],
  ...['signal', 'ejection', 'warmUp'],
];
const RESERVED = ['clock', 'timers', 'levels', 'autoWatch', 'maxPeers', 'signal'];
/** φ of a late signal, and of a critical one; beside suspicion. */
const LEVELS = { late: 1, critical: 3 };
const WINDOW = 200;
function numbers<T extends Readonly<Record<string, number>>>(
  name: string,
  given: Partial<T> | undefined,
  defaults: T,
  limits: Readonly<Record<keyof T, Numbers>>,
): T {
  const known = checkKeys<Partial<T>>(name, given, Object.keys(defaults)) as Partial<T>;
  const entries = Object.keys(defaults).map((key) => {
    return [key, checkNumber(`${name}.${key}`, known[key] ?? defaults[key], limits[key])];
  });
  return Object.fromEntries(entries) as T;
}

const optional = (name: string, value: number | undefined): number | undefined =>
  value === undefined ? undefined : checkNumber(name, value, INTERVAL);

function checkCall<T>(name: string, value: T): T {
  checkType(name, 'a function', value, typeof value === 'function');
  return value;
}

function checkOutliers(given: RegistryOptions['outliers'] = {}) {
  checkObject('outliers', given);
  const checked = new Map<string, Required<OutlierOptions>>();
  for (const [figure, options] of Object.entries(given)) {
    const name = `outliers.${figure}`;
    const known = checkKeys(name, options, ['side', 'cutoff', 'floor']);
    const { side = 'high', cutoff = 3.5, floor = 0 } = known;
    checked.set(figure, {
      side: checkOneOf(`${name}.side`, side, ['high', 'low', 'both']),
      cutoff: checkNumber(`${name}.cutoff`, cutoff, { least: Number.MIN_VALUE, most: 1e6 }),
      floor: checkNumber(`${name}.floor`, floor, { least: 0, most: 1e300 }),
    });
  }
  return checked;
}

function checkDetector(given: SignalOptions = {}): FailureDetectorOptions {
  checkObject('detector', given);
  const allowed = Object.keys(given).filter((key) => !RESERVED.includes(key));
  const known = checkKeys('detector', given, allowed);
  return { windowSize: WINDOW, ...known, levels: LEVELS, autoWatch: false };
}

/** @throws TypeError, RangeError that name the option, what was expected and what came */
export function resolveRegistryOptions(given: RegistryOptions = {}): ResolvedRegistryOptions {
  const known = checkKeys('options', given, KEYS);
  const { clock, wall = () => Date.now(), random = Math.random, panic, signal } = known;
  const interval = checkNumber('heartbeatInterval', known.heartbeatInterval ?? 1000, INTERVAL);
  const detector = {
    heartbeatInterval: interval,
    ...checkDetector(known.detector),
    ...(clock !== undefined && { clock }),
  };
  const { host } = resolveSettings(detector); // checks them all, and the clock
  const { below = 50, route = 'all' } = checkKeys('panic', panic, ['below', 'route']);
  const counts = { least: 1, most: 1e7, integer: true };
  if (known.onRestartNeeded !== undefined) checkCall('onRestartNeeded', known.onRestartNeeded);
  const isSignal = signal === undefined || typeof signal?.addEventListener === 'function';
  checkType('signal', 'an AbortSignal', signal, isSignal);
  return {
    host,
    wall: checkCall('wall', wall),
    heartbeatInterval: interval,
    ttl: optional('ttl', known.ttl),
    goneAfter: optional('goneAfter', known.goneAfter),
    detector,
    maxInstances: checkNumber('maxInstances', known.maxInstances ?? 100_000, counts),
    history: checkNumber('history', known.history ?? 10_000, counts),
    panic: {
      below: checkNumber('panic.below', below, { least: 0, most: 100 }),
      route: checkOneOf('panic.route', route, ['all', 'none']),
    },
    removal: numbers(
      'removal',
      known.removal,
      { every: 10_000, notice: 900_000 },
      { every: INTERVAL, notice: MS },
    ),
    slowStart: checkNumber('slowStart', known.slowStart ?? 30_000, MS),
    warmUp: checkNumber('warmUp', known.warmUp ?? 0, MS),
    ejection: numbers(
      'ejection',
      known.ejection,
      { base: 30_000, max: 300_000 },
      { base: MS, max: MS },
    ),
    restart: numbers(
      'restart',
      known.restart,
      { delay: 1000, maxDelay: 300_000 },
      { delay: MS, maxDelay: MS },
    ),
    onRestartNeeded: known.onRestartNeeded,
    outliers: checkOutliers(known.outliers),
    random: checkCall('random', random),
    signal,
  };
}
