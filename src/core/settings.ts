/** Every option of a detector of many peers, beside those of its peers; and its validation. */
import {
  checkGuard,
  FLAP_DAMPING,
  type FlapDampingOptions,
  MASS_SILENCE,
  type MassSilenceOptions,
  type ResolvedFlapDamping,
  type ResolvedMassSilence,
  type ResolvedStallGuard,
  STALL_GUARD,
  type StallGuardOptions,
} from './guards.js';
import { type Host, platform, type Timers } from './host.js';
import {
  DEFAULTS,
  type ResolvedOptions,
  resolveOptions,
  WATCH_KEYS,
  type WatchOptions,
} from './options.js';
import type { PlatformClocks } from './runtime/steady-clock.js';
import { checkBoolean, checkNumber, checkRange, checkType } from './validate.js';

/**
 * A source of the time in ms; `performance` and `Date` are such sources. One that has timers as
 * well, as a simulated world does, is used for those too. Its `wall`, in ms, goes on while the
 * machine sleeps: where it gains on `now()` the difference is no silence.
 */
export type Clock = (() => number) | ({ now(): number; wall?(): number } & Partial<Timers>);

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
  /**
   * How far the time of a heartbeat may lie ahead of the detector's own, in ms; a later one is
   * refused as `'in-the-future'`, as when the caller's clock is another than `clock`. Default 1000,
   * without timers `Infinity`. Higher takes worse clocks, and believes for as long that a peer lives
   * that was heard at such a time; 0 reads the clock at nearly each heartbeat.
   */
  maxAhead?: number;
  /** The most peers watched at once; more are refused and counted. Default `Infinity`. */
  maxPeers?: number;
  /** Closes the detector when it is aborted. */
  signal?: AbortSignal;
  /**
   * Whether time in which this process could not run is kept out of every silence; `false` for
   * no. On by default, with the defaults of {@link StallGuardOptions}, where the detector reads its
   * own clock: where neither `clock` is another's, nor `timers` off.
   */
  stallGuard?: boolean | StallGuardOptions;
  /**
   * Whether verdicts are held when many peers fall silent at once; `false` for no. On by default,
   * with the defaults of {@link MassSilenceOptions}.
   */
  massSilence?: boolean | MassSilenceOptions;
  /**
   * Whether a peer that is suspected again and again must beat in time more often before it is
   * available; `false` for no. On by default, with the defaults of {@link FlapDampingOptions}.
   */
  flapDamping?: boolean | FlapDampingOptions;
}

/** {@link FailureDetectorOptions} with every default filled in. */
export interface ResolvedSettings {
  /** For peers that are watched without options of their own. */
  readonly defaults: ResolvedOptions;
  readonly host: Host;
  /** To tell when the clock was set; undefined where it is a world of its own, or monotonic. */
  readonly platform: PlatformClocks | undefined;
  readonly timers: boolean;
  readonly autoWatch: boolean;
  readonly maxPeers: number;
  readonly maxAhead: number;
  readonly signal: AbortSignal | undefined;
  readonly stallGuard: ResolvedStallGuard | undefined;
  readonly massSilence: ResolvedMassSilence | undefined;
  readonly flapDamping: ResolvedFlapDamping | undefined;
}

const GUARDS = ['stallGuard', 'massSilence', 'flapDamping'] as const;
const ALL_KEYS = [
  ...WATCH_KEYS,
  'clock',
  'timers',
  'autoWatch',
  'maxPeers',
  'maxAhead',
  'signal',
  ...GUARDS,
];

const PLATFORM: PlatformClocks = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
};

/** The clock's own timers if it has any, else the platform's. */
function timersOf(clock: Clock): Required<Timers> {
  const own = clock as Partial<Timers>;
  if (typeof own.setTimeout !== 'function') return platform;
  checkType(
    'clock.clearTimeout',
    'a function',
    own.clearTimeout,
    typeof own.clearTimeout === 'function',
  );
  const world = clock as Timers;
  return {
    setTimeout: (call, ms) => world.setTimeout(call, ms),
    clearTimeout: (timer) => world.clearTimeout(timer),
    setImmediate: (call) =>
      world.setImmediate ? world.setImmediate(call) : world.setTimeout(call, 0),
  };
}

function wallOf(clock: Clock): (() => number) | undefined {
  const { wall } = clock as { wall?(): number };
  if (wall === undefined) return undefined;
  checkType('clock.wall', 'a function', wall, typeof wall === 'function');
  return () => wall.call(clock);
}

/** As {@link resolveOptions}, for a detector of many peers. */
export function resolveSettings(given: FailureDetectorOptions | undefined): ResolvedSettings {
  const defaults = resolveOptions(given, DEFAULTS, ALL_KEYS);
  const {
    signal,
    clock = performance,
    timers = true,
    autoWatch = true,
    maxPeers = Infinity,
    maxAhead = timers ? 1000 : Infinity,
    stallGuard,
    massSilence = true,
    flapDamping = true,
  } = given ?? {};
  const isSignal = signal === undefined || typeof signal?.addEventListener === 'function';
  checkType('signal', 'an AbortSignal', signal, isSignal);
  // Date is a function and has now(): the latter is meant.
  const source = clock as { now?: () => number } | null;
  const hasNow = typeof source?.now === 'function';
  const isClock = hasNow || typeof clock === 'function';
  checkType('clock', 'a function that returns ms, or an object with now()', clock, isClock);
  const now = hasNow ? () => (clock as { now(): number }).now() : (clock as () => number);
  checkBoolean('timers', timers);
  const platforms = given?.clock === undefined || clock === performance;
  const wall = platforms ? () => Date.now() : wallOf(clock);
  const ownClock = platforms || 'setTimeout' in clock;
  const platform = ownClock ? undefined : PLATFORM;
  const guarded = checkGuard('stallGuard', stallGuard ?? (timers && ownClock), STALL_GUARD);
  checkRange('stallGuard', 'false without timers', stallGuard, timers || guarded === undefined);
  return {
    defaults,
    host: {
      now,
      ...timersOf(clock),
      ...(wall && { wall }),
    },
    platform,
    timers,
    stallGuard: guarded,
    massSilence: checkGuard('massSilence', massSilence, MASS_SILENCE),
    flapDamping: checkGuard('flapDamping', flapDamping, FLAP_DAMPING),
    autoWatch: checkBoolean('autoWatch', autoWatch),
    maxPeers: checkNumber('maxPeers', maxPeers, { least: 1, most: Infinity, integer: true }),
    maxAhead: checkNumber('maxAhead', maxAhead, { least: 0, most: Infinity, unit: 'ms' }),
    signal,
  };
}
