/** An instance as plain JSON, for a file or another process; and what may be read from one. */
import {
  checkBoolean,
  checkKeys,
  checkNumber,
  checkObject,
  checkOneOf,
  checkType,
} from '../core/validate.js';
import type { Member } from './member.js';
import { checkRegistration, type Registration } from './registration.js';
import { type Learnt, SIGNALS, type SignalName } from './signals.js';
import type { InstanceStatus } from './views.js';

/** A registered instance. Wall-clock times are ms since 1970, durations ms. */
export interface MemberRecord extends Required<Omit<Registration, 'goneAfter'>> {
  /** Records of before there was one have none: it is the default then. */
  readonly goneAfter?: number;
  readonly generation: number;
  readonly registeredAt: number;
  readonly changedAt: number;
  readonly status: InstanceStatus;
  readonly draining: boolean;
  readonly ready: boolean;
  /** Whether its process answered polls in this life. */
  readonly polled: boolean;
  /** The signals by which it beat in this life. */
  readonly heard: readonly SignalName[];
  /** The signals that were missing. */
  readonly missing: readonly SignalName[];
  /** What was learnt, by signal; not in a line of a journal. */
  readonly learnt?: Learnt;
}

/** An instance that is gone: its generation is not given again. */
export interface GoneRecord {
  readonly id: string;
  readonly generation: number;
  readonly gone: true;
  readonly learnt?: Learnt;
}

export type InstanceRecord = MemberRecord | GoneRecord;

const STATUSES: readonly InstanceStatus[] = [
  ...(['starting', 'available', 'overloaded', 'critical'] as const),
  ...(['probe-failing', 'zombie', 'dead', 'not-ready'] as const),
];
const REGISTRATION = [
  ...(['id', 'service', 'address', 'meta', 'ttl', 'goneAfter', 'heartbeatInterval'] as const),
];
const KEYS = [
  ...REGISTRATION,
  ...['generation', 'registeredAt', 'changedAt', 'status', 'draining', 'ready', 'polled'],
  ...['heard', 'missing', 'learnt', 'gone'],
];
const TIME = { least: 0, most: Number.MAX_SAFE_INTEGER, unit: 'ms since 1970' };
const GENERATION = { least: 1, most: Number.MAX_SAFE_INTEGER, integer: true };

export function recordOf(member: Member, learnt?: Learnt): MemberRecord {
  const { about, generation, registeredAt, changedAt, status, draining, ready, signals } = member;
  return {
    ...about,
    generation,
    registeredAt,
    changedAt,
    status,
    draining,
    ready,
    polled: signals.process.polled,
    heard: SIGNALS.filter((name) => signals[name].beaten),
    missing: SIGNALS.filter((name) => signals[name].reading === 'missing'),
    ...(learnt && { learnt }),
  };
}

export const isGone = (record: InstanceRecord): record is GoneRecord =>
  (record as GoneRecord).gone === true;

function checkSignals(name: string, value: unknown): void {
  checkType(name, 'an array of signals', value, Array.isArray(value));
  for (const each of value as unknown[]) checkOneOf(name, each, SIGNALS);
}

/**
 * A record that may be one; what was learnt is checked by the detectors.
 *
 * @throws TypeError, RangeError that name the part, what was expected and what came
 */
export function checkRecord(given: InstanceRecord): InstanceRecord {
  checkObject('record', given);
  const record = checkKeys<Partial<MemberRecord & GoneRecord>>('record', given as object, KEYS);
  checkNumber('record.generation', record.generation, GENERATION);
  if (record.learnt !== undefined) {
    checkKeys('record.learnt', record.learnt, SIGNALS);
    for (const name of SIGNALS) {
      const learnt = record.learnt[name];
      if (learnt !== undefined) checkObject(`record.learnt.${name}`, learnt);
    }
  }
  if (record.gone !== undefined) {
    checkType('record.gone', 'true or nothing', record.gone, record.gone === true);
    checkType('record.id', 'a string', record.id, typeof record.id === 'string');
    return given;
  }
  const about = Object.fromEntries(REGISTRATION.map((key) => [key, record[key]]));
  checkRegistration(about as never, { heartbeatInterval: 1, ttl: 1, goneAfter: 1 });
  checkNumber('record.registeredAt', record.registeredAt, TIME);
  checkNumber('record.changedAt', record.changedAt, TIME);
  checkOneOf('record.status', record.status, STATUSES);
  checkBoolean('record.draining', record.draining);
  checkBoolean('record.ready', record.ready);
  checkBoolean('record.polled', record.polled);
  checkSignals('record.heard', record.heard);
  checkSignals('record.missing', record.missing);
  return given;
}
