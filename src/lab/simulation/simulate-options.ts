/** Every option of a simulation: unit, default, consequence; and its validation. */
import { checkKeys, checkNumber, checkObject, checkRange, checkType } from '../../core/validate.js';
import type { MakeDetector, SimulatedOptions } from './detector-port.js';
import { checkFaults, checkQuality, type Fault, type NetworkQuality } from './faults.js';
import { QUALITY, type ResolvedQuality } from './network.js';

export interface SimulateOptions {
  /** The same seed gives the same run. Default 0. An integer. */
  seed?: number;
  /** How many nodes beat. Default 10. From 1 to 100,000. */
  nodes?: number;
  /** How many observers watch all of them, each with a detector of its own. Default 1. */
  observers?: number;
  /** How long the world lasts, in ms of its own time. Default 60,000. */
  duration?: number;
  /** Between the heartbeats of a node, in ms; a list gives each node its own. Default 1000. */
  interval?: number | readonly number[];
  /** The group of each node, as its host or zone. Default none. */
  groups?: readonly string[];
  /** Share of the interval by which it varies either way. Default 0.02. From 0 to below 1. */
  jitter?: number;
  /**
   * By how many links an observer hears every node, which sends each heartbeat by all of them.
   * Default 1. From 1 to 4.
   */
  links?: number;
  /** What links do to heartbeats. Default 1 to 2 ms of delay, and nothing else. */
  network?: NetworkQuality;
  /** Datagrams that wait for an observer at most; more are dropped. Default 256. */
  socketBuffer?: number;
  /** What befalls the world. Default nothing. */
  faults?: readonly Fault[];
  /** Options of the observers' detectors. */
  detector?: SimulatedOptions;
  /** Makes the detectors, if not `new FailureDetector(options)`: for ones of your own. */
  make?: MakeDetector;
}

/** {@link SimulateOptions} with every default filled in. */
export interface ResolvedWorld {
  readonly seed: number;
  readonly intervals: readonly number[];
  readonly groups: readonly string[] | undefined;
  readonly observers: number;
  readonly duration: number;
  readonly jitter: number;
  readonly links: number;
  readonly network: ResolvedQuality;
  readonly socketBuffer: number;
  readonly faults: readonly Fault[];
  readonly detector: SimulatedOptions;
  readonly make: MakeDetector | undefined;
}

const KEYS = [
  'seed',
  'nodes',
  'observers',
  'duration',
  'interval',
  'groups',
  'jitter',
  'links',
  'network',
  'socketBuffer',
  'faults',
  'detector',
  'make',
] as const;

/** Set by the world itself. */
const OURS = ['clock', 'timers', 'signal'];

export function resolveWorld(given: SimulateOptions | undefined): ResolvedWorld {
  const {
    seed = 0,
    nodes = 10,
    observers = 1,
    duration = 60_000,
    interval = 1000,
    groups,
    jitter = 0.02,
    links = 1,
    network = {},
    socketBuffer = 256,
    faults = [],
    detector = {},
    make,
  } = checkKeys('options', given, KEYS);
  checkNumber('seed', seed, { least: -(2 ** 53), most: 2 ** 53, integer: true });
  checkNumber('nodes', nodes, { least: 1, most: 100_000, integer: true });
  checkNumber('observers', observers, { least: 1, most: 1000, integer: true });
  checkNumber('duration', duration, { least: 0, most: 1e12, unit: 'ms' });
  checkNumber('jitter', jitter, { least: 0, most: 0.999 });
  checkNumber('socketBuffer', socketBuffer, { least: 1, most: 1e7, integer: true });
  checkQuality('network', network);
  checkNumber('links', links, { least: 1, most: 4, integer: true });
  checkFaults(faults, nodes, observers, links);
  checkObject('detector', detector);
  const taken = OURS.find((key) => key in detector);
  checkType('detector', 'no clock, timers or signal: the world has its own', taken, !taken);
  checkType('make', 'a function', make, make === undefined || typeof make === 'function');
  const intervals = typeof interval === 'number' ? new Array(nodes).fill(interval) : interval;
  checkType('interval', 'ms, or a list of them', intervals, Array.isArray(intervals));
  const each = { least: 0.01, most: 1e12, unit: 'ms' };
  for (const one of intervals) checkNumber('interval', one, each);
  checkRange('interval', `${nodes} of them`, intervals.length, intervals.length === nodes);
  if (groups !== undefined) {
    checkType('groups', 'a list of names', groups, Array.isArray(groups));
    checkRange('groups', `${nodes} of them`, groups.length, groups.length === nodes);
  }
  return {
    seed,
    intervals,
    groups,
    observers,
    duration,
    jitter,
    links,
    network: { ...QUALITY, ...network },
    socketBuffer,
    faults,
    detector,
    make,
  };
}
