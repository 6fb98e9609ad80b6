/** Every option of a prober, and its validation. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { Clock } from '../../core/settings.js';
import { checkKeys, checkNumber, checkOneOf, checkRange, checkType } from '../../core/validate.js';
import type { CheckAnswer } from '../../health/check.js';
import { checkStatusRange, type StatusRange, SUCCESS } from '../../health/checks/network.js';
import { checkRequest, type TlsOptions } from '../../health/net/exchange.js';
import { type Lookup, systemLookup } from '../../health/net/resolve.js';
import {
  type ResolvedSchedule,
  resolveSchedule,
  SCHEDULE_KEYS,
  type ScheduleOptions,
} from '../../health/schedule.js';
import type { InstanceView } from '../instance.js';
import { type Allowed, allowedBy } from './allowed.js';

/** Polls an instance; answers as checks do. `signal` is aborted when its time is up. */
export type ProbeFunction = (
  instance: InstanceView,
  signal: AbortSignal,
) => CheckAnswer | Promise<CheckAnswer>;

export interface ProberOptions extends ScheduleOptions {
  /** How to poll. Default `'http'`. */
  kind?: 'http' | 'tcp' | ProbeFunction;
  /** What is asked for over HTTP. Default `'/livez'`. */
  path?: string;
  /** Default the port of the registered address. */
  port?: number;
  /** Default `'GET'`. */
  method?: 'GET' | 'HEAD';
  headers?: OutgoingHttpHeaders;
  /** Statuses that are answers, from and to. Default 200 to 299; redirects are not followed. */
  status?: StatusRange;
  /** Given, addresses without a scheme are asked over https; as in node:tls. */
  tls?: TlsOptions;
  /** In ms. Default 1000, or `interval` if that is less; at most `interval`. */
  timeout?: number;
  /** So many answers in a row bring a target back whose failures were reported. Default 1. */
  rise?: number;
  /**
   * So many failures in a row are reported, all of them then; fewer are not. Default 2: a single
   * miss between answers changes nothing. 1 reports each.
   */
  fall?: number;
  /** The most polls at once. Default 64; more wait their turn. */
  concurrency?: number;
  /**
   * The most polls of one host a second, of all its ports together. Default 100; more wait their
   * turn. Instances at the same host and port share their polls beside that.
   */
  perHost?: number;
  /**
   * Addresses and networks that may be connected to, such as `'10.0.0.0/8'`. Default the host that
   * the instance registered, if it is none of the addresses that are nobody's server. An empty list
   * allows none.
   */
  allow?: readonly string[];
  /** The address that an instance registered from, if known: then no other is connected to. */
  source?: (instance: Pick<InstanceView, 'id' | 'service' | 'address'>) => string | undefined;
  /** The services that are polled. Default all. */
  services?: readonly string[];
  /** How names are looked up. Default the system's way. */
  lookup?: Lookup;
  /** The registry's clock. Default the platform's. */
  clock?: Clock;
  /** In [0, 1), for the jitter. Default `Math.random`. */
  random?: () => number;
  /** Closes the prober when it is aborted. */
  signal?: AbortSignal;
}

export interface ResolvedProberOptions {
  readonly schedule: ResolvedSchedule;
  readonly kind: 'http' | 'tcp' | ProbeFunction;
  readonly path: string;
  readonly port: number | undefined;
  readonly method: 'GET' | 'HEAD';
  readonly headers: OutgoingHttpHeaders | undefined;
  readonly status: StatusRange;
  readonly tls: TlsOptions | undefined;
  readonly concurrency: number;
  readonly perHost: number;
  readonly allowed: Allowed;
  readonly source: ProberOptions['source'];
  readonly services: ReadonlySet<string> | undefined;
  readonly lookup: Lookup;
}

const KEYS = [
  ...SCHEDULE_KEYS,
  'kind',
  'path',
  'port',
  'method',
  'headers',
  'status',
  'tls',
  'concurrency',
  'perHost',
  'allow',
  'source',
  'services',
  'lookup',
  'clock',
  'random',
  'signal',
];

function checkOptional(name: string, value: unknown, expected: string, fits: boolean): void {
  checkType(name, expected, value, value === undefined || fits);
}

/** @throws TypeError, RangeError with the option's name */
export function resolveProber(given: ProberOptions | undefined): ResolvedProberOptions {
  const options: ProberOptions = checkKeys('options', given, KEYS);
  const { interval = 10_000, timeout = Math.min(1000, interval) } = options;
  const picked = Object.fromEntries(SCHEDULE_KEYS.map((key) => [key, options[key]]));
  const { kind = 'http', path = '/livez', port, method = 'GET', headers, tls } = options;
  const { status = SUCCESS, concurrency = 64, perHost = 100, allow, source, services } = options;
  const { lookup = systemLookup } = options;

  if (typeof kind !== 'function') checkOneOf('kind', kind, ['http', 'tcp']);
  checkType('path', 'a path', path, typeof path === 'string');
  // '//host' and '\' would be another host's, and what is after a '#' is not sent.
  checkRange('path', "a path that begins with one '/'", path, /^\/(?![/\\])[^#\s]*$/.test(path));
  if (port !== undefined) checkNumber('port', port, { least: 1, most: 65_535, integer: true });
  checkOneOf('method', method, ['GET', 'HEAD']);
  checkRequest(headers, tls);
  checkOptional('source', source, 'a function', typeof source === 'function');
  checkOptional('services', services, 'a list of names', Array.isArray(services));
  checkType('lookup', 'a function', lookup, typeof lookup === 'function');
  return {
    schedule: resolveSchedule({ ...picked, timeout }, { rise: 1, fall: 2 }),
    kind,
    path,
    port,
    method,
    headers,
    status: checkStatusRange('status', status),
    tls,
    perHost: checkNumber('perHost', perHost, { least: 1, most: 1e6, integer: true }),
    concurrency: checkNumber('concurrency', concurrency, {
      least: 1,
      most: 100_000,
      integer: true,
    }),
    allowed: allowedBy('allow', allow),
    source,
    services: services && new Set(services),
    lookup,
  };
}
