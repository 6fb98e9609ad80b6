/** What can go wrong in a simulated world, as a list that a person can write; and its validation. */
import {
  checkBoolean,
  checkKeys,
  checkNumber,
  checkOneOf,
  checkRange,
  checkType,
} from '../../core/validate.js';

/** Nodes or observers by their numbers from 0. */
export type Which = number | readonly number[] | 'all';

/** What a link does to heartbeats. Shares are from 0 to 1. */
export interface NetworkQuality {
  /** In ms, on every link. Default 1. */
  delay?: number;
  /** Up to so many ms more, evenly spread. Default 1. */
  jitter?: number;
  /** Share of the heartbeats that is lost. Default 0. */
  loss?: number;
  /** Share that comes twice. Default 0. */
  duplicate?: number;
  /** Share that comes one to two intervals late, after those that were sent later. Default 0. */
  reorder?: number;
}

interface At {
  /** In ms from the start. */
  readonly at: number;
}

/** The processes end, without a word. */
export interface Crash extends At {
  readonly fault: 'crash';
  readonly nodes: Which;
}

/** The processes start anew, whether they ran or not: a new incarnation that beats at once. */
export interface Restart extends At {
  readonly fault: 'restart';
  readonly nodes: Which;
}

/** SIGSTOP, and SIGCONT after `duration`. */
export interface Freeze extends At {
  readonly fault: 'freeze';
  readonly nodes: Which;
  readonly duration: number;
  /** Heartbeats sent at once when it goes on. Default 1, as a late timer does. */
  readonly burst?: number;
}

/** A heartbeat that announces the next one for so much later, and silence until then. */
export interface Nap extends At {
  readonly fault: 'nap';
  readonly nodes: Which;
  readonly duration: number;
  /** The next heartbeat comes after so many ms instead. Default: when it was announced. */
  readonly wakesAfter?: number;
}

/** The processes end on purpose, and say so with their last datagram. */
export interface Leave extends At {
  readonly fault: 'leave';
  readonly nodes: Which;
}

/** Heartbeats beside the regular ones. */
export interface Flood extends At {
  readonly fault: 'flood';
  readonly nodes: Which;
  readonly count: number;
  /** Between them, in ms. */
  readonly gap: number;
}

/** The nodes beat at another interval from now on. */
export interface Cadence extends At {
  readonly fault: 'cadence';
  readonly nodes: Which;
  readonly interval: number;
}

/** The nodes' wall clocks jump by so many ms. Nobody's business but theirs: changes nothing. */
export interface ClockStep extends At {
  readonly fault: 'clock-step';
  readonly nodes: Which;
  readonly by: number;
}

/** The clocks that observers' detectors go by are set by so many ms, back if that is negative. */
export interface ObserverClock extends At {
  readonly fault: 'observer-clock';
  readonly observers?: Which;
  readonly by: number;
}

/** The times that come with the nodes' heartbeats lie so many ms ahead, for `duration`. */
export interface StampsAhead extends At {
  readonly fault: 'stamps-ahead';
  readonly nodes: Which;
  readonly ahead: number;
  readonly duration: number;
}

/** Links get better or worse, for `duration` (default: for good). */
export interface Network extends At, NetworkQuality {
  readonly fault: 'network';
  readonly nodes?: Which;
  readonly observers?: Which;
  readonly duration?: number;
}

/** Some nodes are not heard by some observers (default: by all). */
export interface Partition extends At {
  readonly fault: 'partition';
  readonly nodes: Which;
  readonly observers?: Which;
  readonly duration: number;
  /** True: the heartbeats wait, as in a TCP connection, and come at once at the end. */
  readonly queued?: boolean;
}

/**
 * Some nodes are not heard by some observers (default: by all) for `duration`, as when a switch is
 * dead; each then returns at an instant of its own, as clients do that connect anew.
 */
export interface Staggered extends At {
  readonly fault: 'staggered';
  readonly nodes: Which;
  readonly observers?: Which;
  readonly duration: number;
  /** They return evenly spread over so many ms. Default 0: all at once. */
  readonly spread?: number;
  /**
   * Instead of that: each tries again after 0.5 s, 1 s, 2 s and so on up to so many ms, half as
   * much more or less by chance, and returns with its first try after `duration`.
   */
  readonly backOff?: number;
}

/** Observers (default: all) hear nobody. */
export interface Outage extends At {
  readonly fault: 'outage';
  readonly observers?: Which;
  readonly duration: number;
  readonly queued?: boolean;
  /** True: the observer is told, as by a socket error, and tells its detector. */
  readonly known?: boolean;
}

/** One of the links by which observers (default: all) hear every node is down; they are told. */
export interface LinkDown extends At {
  readonly fault: 'link-down';
  readonly observers?: Which;
  /** Its number, from 0. */
  readonly link: number;
  /** Default: for good. */
  readonly duration?: number;
}

/** The event loops of observers (default: all) do not run. */
export interface Stall extends At {
  readonly fault: 'stall';
  readonly observers?: Which;
  readonly duration: number;
}

export type Fault =
  | Crash
  | Restart
  | Freeze
  | Nap
  | Leave
  | Flood
  | Cadence
  | ClockStep
  | ObserverClock
  | StampsAhead
  | Network
  | Partition
  | Staggered
  | Outage
  | LinkDown
  | Stall;

const LONGEST = 1e12;
const TIME = { least: 0, most: LONGEST, unit: 'ms' } as const;
const LENGTH = { least: Number.MIN_VALUE, most: LONGEST, unit: 'ms' } as const;
const SHARE = { least: 0, most: 1 } as const;
const COUNT = { least: 0, most: 1e7, integer: true } as const;

const QUALITY = {
  delay: TIME,
  jitter: TIME,
  loss: SHARE,
  duplicate: SHARE,
  reorder: SHARE,
} as const;

/** The fields of each fault beside `at` and `fault`; a question mark marks what may be left out. */
const FIELDS: Readonly<Record<Fault['fault'], readonly string[]>> = {
  crash: ['nodes'],
  restart: ['nodes'],
  freeze: ['nodes', 'duration', 'burst?'],
  nap: ['nodes', 'duration', 'wakesAfter?'],
  leave: ['nodes'],
  flood: ['nodes', 'count', 'gap'],
  cadence: ['nodes', 'interval'],
  'clock-step': ['nodes', 'by'],
  'observer-clock': ['observers?', 'by'],
  'stamps-ahead': ['nodes', 'ahead', 'duration'],
  network: ['nodes?', 'observers?', 'duration?', ...Object.keys(QUALITY).map((key) => `${key}?`)],
  partition: ['nodes', 'observers?', 'duration', 'queued?'],
  staggered: ['nodes', 'observers?', 'duration', 'spread?', 'backOff?'],
  outage: ['observers?', 'duration', 'queued?', 'known?'],
  'link-down': ['observers?', 'link', 'duration?'],
  stall: ['observers?', 'duration'],
};

const NUMBERS: Readonly<Record<string, Parameters<typeof checkNumber>[2]>> = {
  ...QUALITY,
  at: TIME,
  duration: LENGTH,
  interval: LENGTH,
  wakesAfter: LENGTH,
  spread: TIME,
  backOff: LENGTH,
  gap: TIME,
  ahead: LENGTH,
  burst: COUNT,
  count: COUNT,
  link: COUNT,
  by: { least: -LONGEST, most: LONGEST, unit: 'ms' },
};

export function checkQuality(name: string, given: NetworkQuality): void {
  checkKeys(name, given, Object.keys(QUALITY));
  for (const [key, range] of Object.entries(QUALITY)) {
    const value = given[key as keyof NetworkQuality];
    if (value !== undefined) checkNumber(`${name}.${key}`, value, range);
  }
}

/** The numbers that are meant, out of `count`. */
export function resolveWhich(which: Which | undefined, count: number): readonly number[] {
  if (which === undefined || which === 'all') return Array.from({ length: count }, (_, i) => i);
  return typeof which === 'number' ? [which] : which;
}

function checkWhich(name: string, which: unknown, count: number): void {
  if (which === 'all') return;
  for (const each of Array.isArray(which) ? which : [which]) {
    const range = { least: 0, most: count - 1, integer: true };
    checkNumber(name, each, range);
  }
}

/** @throws TypeError, RangeError that name the fault's field, what was expected and what came */
export function checkFault(
  name: string,
  given: Fault,
  nodes: number,
  observers: number,
  links: number,
): void {
  const kinds = Object.keys(FIELDS) as Fault['fault'][];
  const fields = FIELDS[checkOneOf(`${name}.fault`, given?.fault, kinds)];
  const known = fields.map((field) => field.replace('?', ''));
  checkKeys<object>(name, given, ['at', 'fault', ...known]);
  const values = given as unknown as Readonly<Record<string, unknown>>;
  for (const field of ['at', ...fields]) {
    const key = field.replace('?', '');
    const value = values[key];
    if (value === undefined && field !== key) continue;
    if (key === 'nodes') checkWhich(`${name}.nodes`, value, nodes);
    else if (key === 'observers') checkWhich(`${name}.observers`, value, observers);
    else if (key === 'queued' || key === 'known') checkBoolean(`${name}.${key}`, value);
    else if (key === 'link') checkWhich(`${name}.link`, value, links);
    else checkNumber(`${name}.${key}`, value, NUMBERS[key]);
  }
}

export function checkFaults(
  given: unknown,
  nodes: number,
  observers: number,
  links: number,
): readonly Fault[] {
  checkType('faults', 'a list of faults', given, Array.isArray(given));
  const faults = given as readonly Fault[];
  checkRange('faults', 'at most 1000000', faults.length, faults.length <= 1e6);
  for (const [i, fault] of faults.entries()) {
    checkFault(`faults[${i}]`, fault, nodes, observers, links);
  }
  return faults;
}
