/** When a background check runs, and when its results become a state: options and validation. */
import { checkNumber, checkRange } from '../core/validate.js';

export interface ScheduleOptions {
  /** Before the first run, in ms. Default 0. */
  initialDelay?: number;
  /** From the end of a run to the next one, in ms; never less. Default 10,000. */
  interval?: number;
  /**
   * A random part of so many intervals comes on top of each interval, so that many observers do not
   * ask in step. Default 0.1; from 0 to 1.
   */
  jitter?: number;
  /**
   * How long a run may take, in ms; at most `interval`, so that runs never overlap by design.
   * Default 5000, or `interval` if that is less.
   */
  timeout?: number;
  /** So many passes in a row, after a failure that counted, and the state is up. Default 2. */
  rise?: number;
  /** So many failures in a row and the state is down. Default 3. */
  fall?: number;
  /** So many of the last runs are kept. Default 20; from 1 to 10,000. */
  history?: number;
}

export type ResolvedSchedule = Readonly<Required<ScheduleOptions>>;

export const SCHEDULE_KEYS = [
  'initialDelay',
  'interval',
  'jitter',
  'timeout',
  'rise',
  'fall',
  'history',
] as const satisfies readonly (keyof ScheduleOptions)[];

/** Platform timers overflow at 2^31 ms, and an interval may grow by its jitter. */
const LONGEST = 1e9;
const count = { least: 1, most: 10_000, integer: true };

/**
 * Options with every default filled in.
 *
 * @throws TypeError, RangeError with the option's name
 */
export function resolveSchedule(
  given: ScheduleOptions,
  defaults: Partial<ScheduleOptions> = {},
): ResolvedSchedule {
  const {
    initialDelay = 0,
    interval = 10_000,
    jitter = 0.1,
    timeout = Math.min(5000, interval),
    rise = 2,
    fall = 3,
    history = 20,
  } = { ...defaults, ...defined(given) };
  const ms = { most: LONGEST, unit: 'ms' };
  checkNumber('initialDelay', initialDelay, { ...ms, least: 0 });
  checkNumber('interval', interval, { ...ms, least: 1 });
  checkNumber('jitter', jitter, { least: 0, most: 1 });
  checkNumber('timeout', timeout, { ...ms, least: 1 });
  checkRange('timeout', `at most the interval, ${interval}`, timeout, timeout <= interval);
  checkNumber('rise', rise, count);
  checkNumber('fall', fall, count);
  checkNumber('history', history, count);
  return { initialDelay, interval, jitter, timeout, rise, fall, history };
}

/** A key that is there without a value means the default, as it does elsewhere. */
const defined = (options: ScheduleOptions): ScheduleOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
