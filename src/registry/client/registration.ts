/** Registering: what is asked for, what is granted, and asking until it is. */
import type { Host } from '../../core/host.js';
import {
  checkBoolean,
  checkKeys,
  checkNumber,
  checkOneOf,
  checkRange,
  checkType,
} from '../../core/validate.js';
import { parseTarget } from '../../sources/target.js';
import { keyOf } from '../../sources/udp-signed.js';
import { FIELDS, type Registration, SAID } from '../instance.js';
import type { Backoff } from './backoff.js';
import { IN_USE, RegistryError, type RegistryHttp } from './http.js';

/**
 * What {@link RegistryClient.register} asks for. Intervals and leases that it leaves out are the
 * registry's; whether it is ready may change: see {@link HeldLease.ready}.
 */
export interface RegistrationRequest extends Registration {
  /**
   * How the lease beats: `'http'` (default); `'udp'`, signed datagrams, which cost both sides less
   * and keep their times; `'none'`, only when {@link HeldLease.renew} is called.
   */
  beat?: 'http' | 'udp' | 'none';
  /** Where datagrams go, `'host:port'`. Default: the URL's host, and the port the registry named. */
  udp?: string;
  /** Whether the beats to come keep the process alive. Default false. */
  keepAlive?: boolean;
  /**
   * Whether registering waits while a living instance holds the id, until that is suspected. Default
   * true; false throws the registry's 409 `id-in-use` at once.
   */
  wait?: boolean;
  /** Gives up registering, or closes the lease, when it is aborted. */
  signal?: AbortSignal;
}

/** A lease as the registry granted it. */
export interface Granted {
  readonly generation: number;
  readonly secret: string;
  readonly heartbeatInterval: number;
  readonly ttl: number;
  readonly epoch: string;
  readonly udpPort: number | undefined;
  /** When it was asked for, by the node's own clock. */
  readonly askedAt: number;
}

const OWN_KEYS = ['beat', 'udp', 'keepAlive', 'wait', 'signal'];
const BEATS = ['http', 'udp', 'none'] as const;
const MS = { least: 1, most: 2 ** 31 - 1, unit: 'ms' };

/** Refuses what no registry would take, before anything is sent. */
export function checkRequest(request: RegistrationRequest): void {
  checkType('request', 'an object', request, request !== undefined);
  const given = checkKeys('request', request, [...SAID, ...OWN_KEYS]);
  const leaseOnly = given.service === undefined && given.address === undefined;
  for (const key of SAID) {
    const { type } = FIELDS[key].kind;
    const value = given[key];
    const isNeeded = key === 'id' || (!leaseOnly && (key === 'service' || key === 'address'));
    if (value === undefined && !isNeeded) continue;
    if (type === 'name' || type === 'text') {
      checkType(key, 'a string', value, typeof value === 'string');
      checkRange(key, 'at least one character', value, value !== '');
    } else if (type === 'ms') checkNumber(key, value, MS);
    else if (type === 'boolean') checkBoolean(key, value);
  }
  if (given.beat !== undefined) checkOneOf('beat', given.beat, BEATS);
  if (given.wait !== undefined) checkBoolean('wait', given.wait);
  if (given.udp !== undefined) parseTarget('udp', given.udp);
}

const isPort = (value: unknown): value is number => Number.isInteger(value) && Number(value) > 0;

function isSecret(value: unknown): value is string {
  try {
    return keyOf(value as string).length > 0;
  } catch {
    return false;
  }
}

/** What the registry answered, or a RegistryError if that is no lease. */
function granted(answer: Record<string, unknown>, askedAt: number): Granted {
  const { generation, secret, heartbeatInterval, ttl, epoch, udpPort } = answer;
  const fits =
    Number.isSafeInteger(generation) &&
    (generation as number) >= 1 &&
    isSecret(secret) &&
    typeof epoch === 'string' &&
    /^[0-9a-f]{16}$/.test(epoch) &&
    [heartbeatInterval, ttl].every((ms) => typeof ms === 'number' && ms > 0 && ms < Infinity);
  if (!fits) throw new RegistryError(201, 'bad-answer', 'POST /register: the answer is no lease');
  return {
    generation: generation as number,
    secret: secret as string,
    heartbeatInterval: heartbeatInterval as number,
    ttl: ttl as number,
    epoch: epoch as string,
    udpPort: isPort(udpPort) ? udpPort : undefined,
    askedAt,
  };
}

export interface Registering {
  readonly http: RegistryHttp;
  readonly host: Host;
  readonly backoff: Backoff;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  /** Told of each try that failed and is followed by another. */
  readonly onError: (error: RegistryError) => void;
  /** Whether a refusal is final; else it is tried again, as the registry may be set right. */
  readonly strict: boolean;
  /** Of the lease of this id that the client holds: by it the registry lets the id be taken over. */
  readonly secret: string | undefined;
}

/** Whoever waits for an id asks at least so often, in ms: the holder is suspected within seconds. */
const IN_USE_DELAY = 2000;

/**
 * Asks until it is granted.
 *
 * @throws RegistryError for a final refusal; what `signal` was aborted with
 */
export async function registered(request: RegistrationRequest, how: Registering): Promise<Granted> {
  const { secret } = how;
  const said = Object.fromEntries(SAID.map((key) => [key, request[key]])); // JSON leaves undefined out
  const body = { ...said, ...(secret !== undefined && { secret }) };
  for (;;) {
    how.signal?.throwIfAborted();
    const askedAt = how.host.now();
    try {
      const { timeout, signal } = how;
      return granted(await how.http.json('POST', '/register', { body, timeout, signal }), askedAt);
    } catch (error) {
      if (!(error instanceof RegistryError) || (how.strict && !error.isTransient)) throw error;
      const inUse = error.code === IN_USE;
      if (inUse && how.strict && request.wait === false) throw error;
      how.onError(error);
      await how.backoff.wait(how.signal, inUse ? IN_USE_DELAY : undefined);
    }
  }
}
