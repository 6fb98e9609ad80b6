/** Every option of a health object: unit, default, consequence; and its validation. */
import type { Host } from '../core/host.js';
import { type Clock, resolveSettings } from '../core/settings.js';
import {
  checkBoolean,
  checkKeys,
  checkNumber,
  checkOneOf,
  checkRange,
  checkType,
} from '../core/validate.js';
import type { CheckRecord } from './reports.js';
import { PROFILES, type Profile } from './wire.js';

export interface HealthOptions {
  /**
   * Whose behaviour on the wire: etcd's (503, lines that end in a line of their own, GET only) or
   * kube-apiserver's (500, reasons withheld where all checks are listed, any method). Default
   * `'etcd'`.
   */
  profile?: Profile;
  /** What this service is called in `/status`. Default `'service'`. */
  name?: string;
  /**
   * Whether reasons of failures are shown: everywhere, or nowhere. Default as the profile's model:
   * etcd shows them, kube-apiserver only where one check alone is asked for.
   */
  exposeReasons?: boolean;
  /**
   * How long a result is good for, in ms from its end. Default 0: each probe runs the checks, but
   * those that come while one runs share its result. Longer spares what is checked, and is as much
   * later to see a change. What is known here, as holds and loops, is never cached.
   */
  cacheMs?: number;
  /**
   * How long a check may take, in ms, unless it says so itself. Default 800: an answer before the
   * second is over that a kubelet waits by default. Longer ones fail.
   */
  timeout?: number;
  /** So many checks of one group run at once. Default 16. Fewer are gentler, and take longer. */
  concurrency?: number;
  /**
   * For so long from now on, in ms, inclusive, the checks of livez pass without being run. Default
   * 0. Longer gives a slow start its time, and leaves a dead one unseen.
   */
  startupGrace?: number;
  /** So many last runs of each check are in `/status`. Default 10. */
  history?: number;
  /**
   * Whether profile `'etcd'` answers HEAD as GET, without a body. Default false: etcd says 405, which
   * load balancers that check by HEAD take for down. Profile `'kube'` answers any method.
   */
  head?: boolean;
  /** Whether `/status` and `/status.svg` are served. Default true. */
  status?: boolean;
  /** What all paths begin with, as `'/internal'`. Default none. */
  basePath?: string;
  /** Told of every run of every check, to store it. What it throws is event `error`. */
  sink?: (record: CheckRecord) => unknown;
  /** The time, in ms. Default: `performance.now()`. */
  clock?: Clock;
  /** The wall clock, in ms since 1970, for the times in `/status`. Default `Date.now`. */
  wall?: () => number;
  /** Closes the health object when it is aborted. */
  signal?: AbortSignal;
}

/** {@link HealthOptions} with every default filled in. */
export interface ResolvedHealthOptions
  extends Required<Omit<HealthOptions, 'exposeReasons' | 'sink' | 'clock' | 'signal'>> {
  readonly exposeReasons: boolean | undefined;
  readonly sink: ((record: CheckRecord) => unknown) | undefined;
  readonly clock: Clock | undefined;
  readonly host: Host;
  readonly signal: AbortSignal | undefined;
}

const KEYS: readonly (keyof HealthOptions)[] = [
  'profile',
  'name',
  'exposeReasons',
  'cacheMs',
  'timeout',
  'concurrency',
  'startupGrace',
  'history',
  'head',
  'status',
  'basePath',
  'sink',
  'clock',
  'wall',
  'signal',
];

/** The longest delay that timers take, in ms. */
const LONGEST = 2 ** 31 - 1;

export const checkTimeout = (value: unknown): number =>
  checkNumber('timeout', value, { least: 1, most: LONGEST, unit: 'ms' });

function checkFunction<T>(name: string, value: T): T {
  checkType(name, 'a function', value, typeof value === 'function');
  return value;
}

function checkBasePath(value: unknown): string {
  const expected = "'' or a path that begins with / and does not end with it";
  checkType('basePath', expected, value, typeof value === 'string');
  checkRange('basePath', expected, value, /^(\/[^/\s?#%]+)*$/.test(value as string));
  return value as string;
}

/** @throws TypeError, RangeError that name the option, what was expected and what came */
export function resolveHealthOptions(given: HealthOptions | undefined): ResolvedHealthOptions {
  const options = checkKeys('options', given, KEYS);
  const { exposeReasons, sink, clock, signal, name = 'service', wall = () => Date.now() } = options;
  checkType('name', 'a string that is not empty', name, typeof name === 'string' && name !== '');
  return {
    profile: checkOneOf('profile', options.profile ?? 'etcd', PROFILES),
    name,
    exposeReasons:
      exposeReasons === undefined ? undefined : checkBoolean('exposeReasons', exposeReasons),
    cacheMs: checkNumber('cacheMs', options.cacheMs ?? 0, { least: 0, most: 1e15, unit: 'ms' }),
    timeout: checkTimeout(options.timeout ?? 800),
    concurrency: checkNumber('concurrency', options.concurrency ?? 16, {
      least: 1,
      most: 1e6,
      integer: true,
    }),
    startupGrace: checkNumber('startupGrace', options.startupGrace ?? 0, {
      least: 0,
      most: 1e15,
      unit: 'ms',
    }),
    history: checkNumber('history', options.history ?? 10, { least: 0, most: 1e6, integer: true }),
    head: checkBoolean('head', options.head ?? false),
    status: checkBoolean('status', options.status ?? true),
    basePath: checkBasePath(options.basePath ?? ''),
    sink: sink === undefined ? undefined : checkFunction('sink', sink),
    clock,
    // Clock and signal are what they are for a detector; so is what is said of wrong ones.
    host: resolveSettings({ clock, signal }).host,
    wall: checkFunction('wall', wall),
    signal,
  };
}
