/**
 * What there is to know of an instance, field by field: what it may say of itself when it registers,
 * what is shown of it, and what is kept over a restart. The checks of a registration and of a record,
 * their JSON schemas, views, records, and what a client sends are all made from the table below: a
 * new field is a row of it, and a property of `Member` if it is not the instance that says it.
 */
import { isPlainText, PLAIN_TEXT } from '../core/text.js';
import {
  checkBoolean,
  checkKeys,
  checkNumber,
  checkObject,
  checkOneOf,
  checkRange,
  checkType,
} from '../core/validate.js';
import { MAX_ID_BYTES } from '../sources/udp-wire.js';

/** `'service'`: of the service's main loop; `'process'`: of its process or host. */
export type SignalName = 'service' | 'process';
export const SIGNALS: readonly SignalName[] = ['service', 'process'];

/** A signal: `unused` was neither heard nor polled in this incarnation, `unknown` cannot be heard at present. */
export type SignalState = 'unused' | 'unknown' | 'ok' | 'late' | 'missing' | 'not-ready';
export const SIGNAL_STATES: readonly SignalState[] = [
  ...(['unused', 'unknown', 'ok', 'late', 'missing', 'not-ready'] as const),
];

/** What is made of the two signals of an instance, by the table in docs/registry.md. */
export type InstanceStatus =
  | 'starting'
  | 'available'
  | 'overloaded'
  | 'critical'
  | 'probe-failing'
  | 'zombie'
  | 'dead'
  | 'not-ready';

const STATUSES: readonly InstanceStatus[] = [
  ...(['starting', 'available', 'overloaded', 'critical'] as const),
  ...(['probe-failing', 'zombie', 'dead', 'not-ready'] as const),
];
/** Statuses by the names that they had once. */
const FORMER: Readonly<Record<string, InstanceStatus>> = { 'probe-blind': 'probe-failing' };

/** What `Registry.register` takes. */
export interface Registration {
  /**
   * 1 to 255 bytes of UTF-8 without control characters, unique in the registry; not `.` or `..`,
   * which no path can name.
   */
  readonly id: string;
  /** As `id`: what is routed to. Without it and `address` there is a lease alone, such as a lock. */
  readonly service?: string | undefined;
  /** Where its traffic goes, 1 to 1000 characters; the registry does not look into it. */
  readonly address?: string | undefined;
  /** At most 32 entries, keys to 100 and values to 1000 characters. Default none. */
  readonly meta?: Readonly<Record<string, string>> | undefined;
  /**
   * As `id`: what it may fall silent with, as a host, a rack or a zone. When nobody of a group of three
   * or more is heard any more, their suspicions are deferred, as those of a mass silence. Default none.
   */
  readonly group?: string | undefined;
  /** Between its heartbeats, in ms. Default: the registry's. */
  readonly heartbeatInterval?: number | undefined;
  /** How long it stays without a heartbeat, in ms. Default: the larger of 30,000 and ten intervals. */
  readonly ttl?: number | undefined;
  /**
   * Silent for so long, in ms, it is removed whatever protects the others, unless the registry itself
   * could not hear; not before its lease has run out. Default: the registry's, and there the larger
   * of ten minutes and twenty leases. Lower forgets the dead earlier.
   */
  readonly goneAfter?: number | undefined;
  /** False: no traffic until a heartbeat says `ready: true`. Default true. */
  readonly ready?: boolean | undefined;
}

/** A {@link Registration} with what it left out; names that it does not have are `''`. */
export type Registered = { readonly [K in keyof Registration]-?: NonNullable<Registration[K]> };

/** An instance, as everybody may see it: no secret, durations in ms. */
export interface InstanceView {
  readonly id: string;
  /** Both undefined of a lease without traffic. */
  readonly service?: string | undefined;
  readonly address?: string | undefined;
  readonly meta: Readonly<Record<string, string>>;
  /** The host, rack or zone that it may fall silent with. */
  readonly group?: string | undefined;
  /** The number of its registration: integers from 1. */
  readonly generation: number;
  readonly heartbeatInterval: number;
  readonly ttl: number;
  readonly status: InstanceStatus;
  readonly signals: { readonly process: SignalState; readonly service: SignalState };
  /** Asked to go: no traffic any more. */
  readonly draining: boolean;
  /** Whether `route` has it among its targets for its own sake, without a panic. */
  readonly routable: boolean;
  /** The revision of the registry at which this view last changed. */
  readonly revision: number;
  /** Wall clock, ms since 1970, at which it registered, and at which `status` last changed. */
  readonly registeredAt: number;
  readonly changedAt: number;
}

/** What a field may be: by that it is checked, and described in JSON schemas. */
export type Kind =
  | { readonly type: 'name' }
  | { readonly type: 'text'; readonly most: number }
  | { readonly type: 'texts' }
  | { readonly type: 'ms' }
  | { readonly type: 'time' }
  | { readonly type: 'count'; readonly least: number }
  | { readonly type: 'boolean' }
  | { readonly type: 'choice'; readonly of: readonly string[] }
  | { readonly type: 'signals' };

/** What was said at the registry for registrations that do not say it. */
interface Defaults {
  readonly heartbeatInterval: number;
  readonly ttl: number | undefined;
  readonly goneAfter: number | undefined;
}

interface Kept {
  readonly as: string;
  readonly missing: unknown;
  /** Not written where it is what it would be if it were missing. */
  readonly sparse?: true;
}

interface Field {
  readonly kind: Kind;
  /** For documents: unit and default. */
  readonly description?: string;
  /**
   * May be said at registration. What it is if it is not said, by what is known by then; undefined
   * where it has to be.
   */
  readonly said?: (known: Partial<Registered>, defaults: Defaults) => unknown;
  /** Is part of the view; as that property of a `Member`, where it has another name there. */
  readonly shown?: true | string;
  /** Is part of a record, with a name in `Member`, and what it is in records that do not have it. */
  readonly kept?: Kept;
}

/** What intervals and leases may be, in ms. */
export const INTERVAL = { least: 1, most: 1e15, unit: 'ms' } as const;
const LEAST_TTL = 30_000;
const INTERVALS_OF_TTL = 10;
const LEAST_GONE = 600_000;
const LEASES_OF_GONE = 20;

/** None where neither service nor address is given: a lease alone. */
const ofTraffic = ({ service = '', address = '' }: Partial<Registered>): '' | undefined =>
  service === '' && address === '' ? '' : undefined;

const NO_META = Object.freeze({});

export const FIELDS = {
  id: { kind: { type: 'name' }, said: () => undefined, shown: true },
  service: { kind: { type: 'name' }, said: ofTraffic, shown: true },
  address: { kind: { type: 'text', most: 1000 }, said: ofTraffic, shown: true },
  meta: { kind: { type: 'texts' }, said: () => NO_META, shown: true },
  group: {
    kind: { type: 'name' },
    description: 'host, rack or zone: what it may fall silent with',
    said: () => '',
    shown: true,
  },
  generation: { kind: { type: 'count', least: 1 }, shown: true },
  heartbeatInterval: {
    kind: { type: 'ms' },
    description: 'ms; default 1000',
    said: (_, defaults) => defaults.heartbeatInterval,
    shown: true,
  },
  ttl: {
    kind: { type: 'ms' },
    description: 'ms; default the larger of 30 s and 10 intervals',
    said: ({ heartbeatInterval = 0 }, { ttl }) =>
      ttl ?? Math.max(LEAST_TTL, INTERVALS_OF_TTL * heartbeatInterval),
    shown: true,
  },
  goneAfter: {
    kind: { type: 'ms' },
    description:
      'ms of silence after which it is removed whatever protects the others; default the larger of 10 min and 20 leases',
    said: ({ ttl = 0 }, { goneAfter }) => goneAfter ?? Math.max(LEAST_GONE, LEASES_OF_GONE * ttl),
  },
  ready: {
    kind: { type: 'boolean' },
    description: 'false: no traffic until a heartbeat says that it is',
    said: () => true,
    kept: { as: 'ready', missing: true },
  },
  status: {
    kind: { type: 'choice', of: STATUSES },
    shown: true,
    kept: { as: 'status', missing: 'starting' },
  },
  signals: { kind: { type: 'signals' }, shown: 'states' },
  // Kept is what the node itself asked for; an operator's drain belongs to the id.
  draining: {
    kind: { type: 'boolean' },
    shown: true,
    kept: { as: 'nodeDrains', missing: false },
  },
  operatorDrains: {
    kind: { type: 'boolean' },
    kept: { as: 'operatorDrains', missing: false, sparse: true },
  },
  routable: { kind: { type: 'boolean' }, shown: true },
  revision: { kind: { type: 'count', least: 0 }, shown: true },
  registeredAt: { kind: { type: 'time' }, shown: true, kept: { as: 'registeredAt', missing: 0 } },
  changedAt: { kind: { type: 'time' }, shown: true, kept: { as: 'changedAt', missing: undefined } },
} as const satisfies Record<keyof (Registration & InstanceView) | 'operatorDrains', Field>;

type Fields = Readonly<Record<string, Field>>;
const ENTRIES = Object.entries(FIELDS as Fields);

/** The fields of a registration, in the order in which one may follow from another. */
export const SAID = ENTRIES.filter(([, { said }]) => said !== undefined).map(
  ([key]) => key,
) as readonly (keyof Registration)[];

/** The fields of a view, and what they are called in a `Member`. */
export const SHOWN: readonly (readonly [key: string, as: string])[] = ENTRIES.flatMap(
  ([key, { shown }]) => (shown === undefined ? [] : [[key, shown === true ? key : shown] as const]),
);

/** The fields of a record that do not come from its registration alone. */
export const KEPT: readonly (readonly [key: string, kind: Kind, kept: Kept])[] = ENTRIES.flatMap(
  ([key, { kind, kept }]) => (kept === undefined ? [] : [[key, kind, kept] as const]),
);

const MOST_META = 32;
const LONGEST = { key: 100, value: 1000 };
/** A wall clock may be far off, and before 1970. */
const TIME = {
  ...{ least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER },
  unit: 'ms since 1970',
};

const COUNT = { most: Number.MAX_SAFE_INTEGER, integer: true };

function checkText(name: string, value: unknown, most: number, least = 1): string {
  const expected = `a string of ${least} to ${most} characters`;
  checkType(name, expected, value, typeof value === 'string');
  const text = value as string;
  checkRange(name, expected, text, text.length >= least && text.length <= most);
  // It goes into logs and onto terminals, and travels as UTF-8.
  checkRange(name, PLAIN_TEXT, text, isPlainText(text));
  return text;
}

/** A name that also stands in datagrams and, percent-encoded, in URLs, which take dots for a way. */
function checkName(name: string, value: unknown): string {
  const text = checkText(name, value, MAX_ID_BYTES);
  const expected = `1 to ${MAX_ID_BYTES} bytes of UTF-8`;
  checkRange(name, expected, text, Buffer.byteLength(text) <= MAX_ID_BYTES);
  checkRange(name, "neither '.' nor '..'", text, text !== '.' && text !== '..');
  return text;
}

function checkTexts(name: string, value: unknown): Registered['meta'] {
  checkObject(name, value);
  const entries = Object.entries(value as Record<string, unknown>);
  const expected = `at most ${MOST_META} entries`;
  checkRange(name, expected, entries.length, entries.length <= MOST_META);
  for (const [key, each] of entries) {
    checkText(name, key, LONGEST.key);
    checkText(`${name}.${key}`, each, LONGEST.value, 0);
  }
  return Object.freeze(Object.fromEntries(entries)) as Registered['meta'];
}

/** @throws TypeError, RangeError with `name`, what was expected and what came */
export function checkField(name: string, kind: Kind, value: unknown): unknown {
  switch (kind.type) {
    case 'name':
      return checkName(name, value);
    case 'text':
      return checkText(name, value, kind.most);
    case 'texts':
      return checkTexts(name, value);
    case 'ms':
      return checkNumber(name, value, INTERVAL);
    case 'time':
      return checkNumber(name, value, TIME);
    case 'count':
      return checkNumber(name, value, { ...COUNT, least: kind.least });
    case 'boolean':
      return checkBoolean(name, value);
    case 'choice':
      return checkOneOf(name, FORMER[value as string] ?? value, kind.of);
    case 'signals':
      throw new TypeError(`${name}: is never read`);
  }
}

/** @throws TypeError, RangeError that name the field, what was expected and what came */
export function checkRegistration(registration: Registration, defaults: Defaults): Registered {
  checkObject('registration', registration);
  const known = checkKeys('registration', registration, SAID);
  const checked: Record<string, unknown> = {};
  for (const key of SAID) {
    const { kind, said } = (FIELDS as Fields)[key];
    const given = known[key];
    const value = given === undefined ? said?.({ ...known, ...checked }, defaults) : given;
    // A default is right as it is, but for a lease, which may follow from too long an interval.
    const isRight = given === undefined && value !== undefined && kind.type !== 'ms';
    checked[key] = isRight ? value : checkField(key, kind, value);
  }
  return checked as unknown as Registered;
}
