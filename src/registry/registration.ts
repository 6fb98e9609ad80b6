/** What an instance may say of itself when it registers. */

import { isPlainText, PLAIN_TEXT } from '../core/text.js';
import {
  checkBoolean,
  checkKeys,
  checkNumber,
  checkObject,
  checkRange,
  checkType,
} from '../core/validate.js';
import { MAX_ID_BYTES } from '../sources/udp-wire.js';
import type { Registered } from './member.js';
import { defaultGoneAfter, defaultTtl, INTERVAL } from './options.js';

/** What `Registry.register` takes. */
export interface Registration {
  /**
   * 1 to 255 bytes of UTF-8 without control characters, unique in the registry; not `.` or `..`,
   * which no path can name.
   */
  readonly id: string;
  /** As `id`: what is routed to. */
  readonly service?: string | undefined;
  /** Where its traffic goes, 1 to 1000 characters; the registry does not look into it. */
  readonly address?: string | undefined;
  /** At most 32 entries, keys to 100 and values to 1000 characters. Default none. */
  readonly meta?: Readonly<Record<string, string>>;
  /** How long it stays without a heartbeat, in ms. Default: the larger of 30,000 and ten intervals. */
  readonly ttl?: number;
  /**
   * Silent for so long, in ms, it is removed whatever protects the others, unless the registry itself
   * could not hear; not before its lease has run out. Default: the registry's, and there the larger
   * of ten minutes and twenty leases. Lower forgets the dead earlier.
   */
  readonly goneAfter?: number;
  /** False: no traffic until a heartbeat says `ready: true`. Default true. */
  readonly ready?: boolean;
  /** At which it is going to beat, in ms. Default: the registry's. */
  readonly heartbeatInterval?: number;
}

const KEYS = [
  ...['id', 'service', 'address', 'meta', 'ttl', 'goneAfter', 'ready', 'heartbeatInterval'],
];
const LONGEST = { address: 1000, key: 100, value: 1000 };
const MOST_META = 32;

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

function checkMeta(given: Readonly<Record<string, string>> = {}): Registered['meta'] {
  checkObject('meta', given);
  const entries = Object.entries(given);
  const expected = `at most ${MOST_META} entries`;
  checkRange('meta', expected, entries.length, entries.length <= MOST_META);
  for (const [key, value] of entries) {
    checkText('meta', key, LONGEST.key);
    checkText(`meta.${key}`, value, LONGEST.value, 0);
  }
  return Object.freeze(Object.fromEntries(entries));
}

/** @throws TypeError, RangeError that name the field, what was expected and what came */
export function checkRegistration(
  given: Registration,
  defaults: {
    readonly heartbeatInterval: number;
    readonly ttl: number | undefined;
    readonly goneAfter: number | undefined;
  },
): Registered {
  checkObject('registration', given);
  const { id, service, address, meta, ttl, goneAfter, ready, heartbeatInterval } = checkKeys(
    'registration',
    given,
    KEYS,
  );
  const interval = checkNumber(
    'heartbeatInterval',
    heartbeatInterval ?? defaults.heartbeatInterval,
    INTERVAL,
  );
  const leaseOnly = service === undefined && address === undefined;
  const lease = checkNumber('ttl', ttl ?? defaults.ttl ?? defaultTtl(interval), INTERVAL);
  const gone = goneAfter ?? defaults.goneAfter ?? defaultGoneAfter(lease);
  return {
    id: checkName('id', id),
    service: leaseOnly ? '' : checkName('service', service),
    address: leaseOnly ? '' : checkText('address', address, LONGEST.address),
    meta: checkMeta(meta),
    ready: ready === undefined || checkBoolean('ready', ready),
    heartbeatInterval: interval,
    ttl: lease,
    goneAfter: checkNumber('goneAfter', gone, INTERVAL),
  };
}
