/** An instance as plain JSON, for a file or another process; and what may be read from one. */
import { checkBoolean, checkNumber, checkObject, checkOneOf, checkType } from '../core/validate.js';
import type { Member } from './member.js';
import { checkRegistration, type Registration } from './registration.js';
import { SIGNALS, type SignalName } from './signal.js';
import type { Learnt } from './signals.js';
import type { InstanceStatus } from './views.js';

/** A registered instance. Wall-clock times are ms since 1970, durations ms. */
export interface MemberRecord
  extends Required<Omit<Registration, 'goneAfter' | 'service' | 'address'>> {
  readonly service?: string | undefined;
  readonly address?: string | undefined;
  /** Records of before there was one have none: it is the default then. */
  readonly goneAfter?: number;
  readonly generation: number;
  readonly registeredAt: number;
  readonly changedAt: number;
  readonly status: InstanceStatus;
  /** Whether it asked for that itself. */
  readonly draining: boolean;
  /** Whether an operator has drained the id; see drains.ts. */
  readonly operatorDrains?: boolean;
  readonly ready: boolean;
  /** Whether its process answered polls in this incarnation. */
  readonly polled: boolean;
  /** The signals by which it beat in this incarnation. */
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
  readonly operatorDrains?: boolean;
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
/** Statuses by the names that they had once. */
const FORMER: Readonly<Record<string, InstanceStatus>> = { 'probe-blind': 'probe-failing' };
/** A wall clock may be far off, and before 1970. */
const TIME = {
  ...{ least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER },
  unit: 'ms since 1970',
};
const DEFAULTS = { heartbeatInterval: 1000, ttl: undefined, goneAfter: undefined };
const GENERATION = { least: 1, most: Number.MAX_SAFE_INTEGER, integer: true };

export function recordOf(member: Member, learnt?: Learnt): MemberRecord {
  const { about, generation, registeredAt, changedAt, status, ready, signals } = member;
  const { nodeDrains, operatorDrains } = member;
  const { service, address, ...rest } = about;
  return {
    ...rest,
    ...(service !== '' && { service, address }),
    generation,
    registeredAt,
    changedAt,
    status,
    draining: nodeDrains,
    ...(operatorDrains && { operatorDrains }),
    ready,
    polled: signals.process.polled,
    heard: SIGNALS.filter((name) => signals[name].beaten),
    missing: SIGNALS.filter((name) => signals[name].reading === 'missing'),
    ...(learnt && { learnt }),
  };
}

export const isGone = (record: InstanceRecord): record is GoneRecord =>
  (record as GoneRecord).gone === true;

function checkSignals(name: string, value: unknown): readonly SignalName[] {
  checkType(name, 'an array of signals', value, Array.isArray(value));
  for (const each of value as unknown[]) checkOneOf(name, each, SIGNALS);
  return value as SignalName[];
}

function checkLearnt(learnt: unknown): Learnt {
  checkObject('record.learnt', learnt);
  for (const name of SIGNALS) {
    const each = (learnt as Learnt)[name];
    if (each !== undefined) checkObject(`record.learnt.${name}`, each);
  }
  return learnt as Learnt;
}

/**
 * A record that may be one, as it is written today: parts that are not known are of a later version,
 * and are ignored; those that an earlier version did not write have their defaults. What was learnt
 * is checked by the detectors.
 *
 * @throws TypeError, RangeError that name the part, what was expected and what came
 */
export function checkRecord(given: InstanceRecord): InstanceRecord {
  checkObject('record', given);
  const record = given as Partial<MemberRecord & GoneRecord>;
  const generation = checkNumber('record.generation', record.generation, GENERATION);
  const learnt = record.learnt === undefined ? undefined : checkLearnt(record.learnt);
  const { operatorDrains = false } = record;
  const drains = checkBoolean('record.operatorDrains', operatorDrains) ? { operatorDrains } : {};
  if (record.gone !== undefined) {
    checkType('record.gone', 'true or nothing', record.gone, record.gone === true);
    checkType('record.id', 'a string', record.id, typeof record.id === 'string');
    const gone = { id: record.id as string, generation, gone: true } as const;
    return { ...gone, ...drains, ...(learnt && { learnt }) };
  }
  const about = Object.fromEntries(REGISTRATION.map((key) => [key, record[key]]));
  const registeredAt = checkNumber('record.registeredAt', record.registeredAt ?? 0, TIME);
  const { status = 'starting' } = record;
  return {
    ...checkRegistration(about as never, DEFAULTS),
    generation,
    registeredAt,
    changedAt: checkNumber('record.changedAt', record.changedAt ?? registeredAt, TIME),
    status: checkOneOf('record.status', FORMER[status] ?? status, STATUSES),
    draining: checkBoolean('record.draining', record.draining ?? false),
    ...drains,
    ready: checkBoolean('record.ready', record.ready ?? true),
    polled: checkBoolean('record.polled', record.polled ?? false),
    heard: checkSignals('record.heard', record.heard ?? []),
    missing: checkSignals('record.missing', record.missing ?? []),
    ...(learnt && { learnt }),
  };
}
