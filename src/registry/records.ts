/** An instance as plain JSON, for a file or another process; and what may be read from one. */
import { checkBoolean, checkNumber, checkObject, checkOneOf, checkType } from '../core/validate.js';
import {
  checkField,
  checkRegistration,
  type InstanceStatus,
  KEPT,
  type Registered,
  type Registration,
  SAID,
  SIGNALS,
  type SignalName,
} from './instance.js';
import type { Member } from './member.js';
import type { Learnt } from './signals.js';

/** What a registered instance is beside what it said of itself. Wall-clock times are ms since 1970. */
interface MemberState {
  readonly generation: number;
  readonly registeredAt: number;
  readonly changedAt: number;
  readonly status: InstanceStatus;
  /** Whether it asked for that itself. */
  readonly draining: boolean;
  /** Whether an operator has drained the id. */
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

/** A registered instance. Durations are ms; what earlier versions did not write is the default. */
export type MemberRecord = Omit<Registration, 'ready'> &
  Required<Pick<Registration, 'meta' | 'ttl' | 'heartbeatInterval'>> &
  MemberState;

/** An instance that is gone: its generation is not given again. */
export interface GoneRecord {
  readonly id: string;
  readonly generation: number;
  readonly gone: true;
  readonly operatorDrains?: boolean;
  readonly learnt?: Learnt;
}

export type InstanceRecord = MemberRecord | GoneRecord;

/** A record of a registered instance that was checked, with everything that it left out. */
export interface Checked extends MemberState {
  readonly about: Registered;
}

const DEFAULTS = { heartbeatInterval: 1000, ttl: undefined, goneAfter: undefined };
const GENERATION = { least: 1, most: Number.MAX_SAFE_INTEGER, integer: true };

export function recordOf(member: Member): MemberRecord {
  const { about, generation, signals } = member;
  const record: Record<string, unknown> = { generation };
  for (const key of SAID) if (about[key] !== '') record[key] = about[key];
  for (const [key, , { as, missing, sparse }] of KEPT) {
    const value = member[as as keyof Member];
    if (!sparse || value !== missing) record[key] = value;
  }
  record.polled = signals.process.polled;
  record.heard = SIGNALS.filter((name) => signals[name].beaten);
  record.missing = SIGNALS.filter((name) => signals[name].reading === 'missing');
  return record as unknown as MemberRecord;
}

export const isGone = (record: InstanceRecord | Checked): record is GoneRecord =>
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
export function checkRecord(
  given: InstanceRecord,
): GoneRecord | (Checked & { readonly id: string }) {
  checkObject('record', given);
  const record = given as Partial<MemberRecord & GoneRecord>;
  const generation = checkNumber('record.generation', record.generation, GENERATION);
  const learnt = record.learnt === undefined ? undefined : checkLearnt(record.learnt);
  if (record.gone !== undefined) {
    const { id, gone, operatorDrains = false } = record;
    checkType('record.gone', 'true or nothing', gone, gone === true);
    checkType('record.id', 'a string', id, typeof id === 'string');
    const drained = checkBoolean('record.operatorDrains', operatorDrains);
    return {
      ...{ id: id as string, generation, gone: true },
      ...(drained && { operatorDrains: true }),
      ...(learnt && { learnt }),
    };
  }
  const about = checkRegistration(
    Object.fromEntries(SAID.map((key) => [key, record[key]])) as unknown as Registration,
    DEFAULTS,
  );
  const kept: Record<string, unknown> = {};
  for (const [key, kind, { missing }] of KEPT) {
    const value = record[key as keyof typeof record] ?? missing ?? kept.registeredAt;
    kept[key] = checkField(`record.${key}`, kind, value);
  }
  return {
    ...(kept as unknown as MemberState),
    ...{ id: about.id, about, generation },
    polled: checkBoolean('record.polled', record.polled ?? false),
    heard: checkSignals('record.heard', record.heard ?? []),
    missing: checkSignals('record.missing', record.missing ?? []),
    ...(learnt && { learnt }),
  };
}
