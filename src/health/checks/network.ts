/** Checks that ask others: over HTTP, TCP, or a client of a database. */
import type { OutgoingHttpHeaders } from 'node:http';
import { checkKeys, checkNumber, checkOneOf, checkType } from '../../core/validate.js';
import { aboutOthers, type Check, type CheckResult } from '../check.js';
import { checkRequest, exchange, type TlsOptions, touch } from '../net/exchange.js';
import { bareHost, resolve } from '../net/resolve.js';

export interface HttpCheckOptions {
  /** Default `'GET'`. */
  method?: 'GET' | 'HEAD';
  /** Statuses that pass, from and to. Default 200 to 299; a redirect is not followed. */
  status?: StatusRange;
  /** What the body must contain, or match; default anything. Only `maxBody` bytes are read. */
  body?: string | RegExp;
  headers?: OutgoingHttpHeaders;
  /** For https: certificates and names, as in node:tls. */
  tls?: TlsOptions;
  /** An answer that took longer, in ms, is degraded; default never. */
  slow?: number;
  /** The most bytes of the body that are read. Default 4096; from 1 to 1,048,576. */
  maxBody?: number;
}

const KEYS = ['method', 'status', 'body', 'headers', 'tls', 'slow', 'maxBody'];

/** The URL that `url` is, for http or https. */
export function checkUrl(name: string, url: string | URL): URL {
  checkType(name, 'a URL', url, typeof url === 'string' || url instanceof URL);
  const expected = 'a URL of http or https';
  checkType(name, expected, String(url), URL.canParse(url));
  const parsed = new URL(url);
  checkType(name, expected, parsed.href, /^https?:$/.test(parsed.protocol));
  return parsed;
}

/**
 * Asks for `url` over a connection of its own, and passes by status and body. Figures: `status`,
 * `latency` in ms.
 *
 * @throws TypeError, RangeError with the option's name
 */
export function httpCheck(url: string | URL, options: HttpCheckOptions = {}): Check {
  const target = checkUrl('url', url);
  const {
    method = 'GET',
    status = SUCCESS,
    body,
    headers,
    tls,
    slow = Infinity,
    maxBody = 4096,
  } = checkKeys('options', options, KEYS);
  checkOneOf('method', method, ['GET', 'HEAD']);
  const [from, to] = checkStatusRange('status', status);
  const isBody = body === undefined || typeof body === 'string' || body instanceof RegExp;
  checkType('body', 'a string or a RegExp', body, isBody);
  // A sticky or global expression would go on where it matched last.
  const pattern = body instanceof RegExp ? new RegExp(body, body.flags.replace(/[gy]/g, '')) : body;
  checkRequest(headers, tls);
  checkNumber('slow', slow, { least: 0, most: Infinity, unit: 'ms' });
  checkNumber('maxBody', maxBody, { least: 1, most: 1_048_576, integer: true });
  const bytes = pattern === undefined ? 0 : maxBody;

  return aboutOthers(async (signal) => {
    const start = performance.now();
    const addresses = await resolve(bareHost(target.hostname), signal);
    const what = { url: target, addresses, method, headers, tls, maxBody: bytes };
    const reply = await exchange(what, signal);
    const latency = performance.now() - start;
    const figures = { status: reply.status, latency };
    if (reply.status < from || reply.status > to) {
      return { ok: false, reason: `status ${reply.status}`, figures };
    }
    const fits =
      typeof pattern === 'string' ? reply.body.includes(pattern) : pattern?.test(reply.body);
    if (fits === false) return { ok: false, reason: `the body does not match ${pattern}`, figures };
    return byLatency(latency, slow, figures);
  });
}

export interface TcpCheckOptions {
  /** A name or an address. Default `'127.0.0.1'`. */
  host?: string;
  port: number;
  /** A connection that took longer, in ms, is degraded; default never. */
  slow?: number;
}

/**
 * Connects and closes. A kernel takes connections for a process that is stopped: it says that the
 * port is open, and no more. Figure: `latency` in ms.
 *
 * @throws TypeError, RangeError with the option's name
 */
export function tcpCheck(options: TcpCheckOptions): Check {
  const {
    host = '127.0.0.1',
    port,
    slow = Infinity,
  } = checkKeys('options', options, ['host', 'port', 'slow']);
  checkType('host', 'a name or an address', host, typeof host === 'string' && host !== '');
  const known = checkNumber('port', port, { least: 1, most: 65_535, integer: true });
  checkNumber('slow', slow, { least: 0, most: Infinity, unit: 'ms' });

  return aboutOthers(async (signal) => {
    const start = performance.now();
    await touch(host, known, await resolve(bareHost(host), signal), signal);
    return byLatency(performance.now() - start, slow);
  });
}

/** Asks the server something; rejects when it cannot. `signal` is aborted when its time is up. */
export type Ping = (signal: AbortSignal) => Promise<unknown>;

export interface PingCheckOptions {
  /** An answer that took longer, in ms, is degraded; default never. */
  slow?: number;
}

/** Makes a check that pings; `wrong` says what is wrong with an answer, if anything is. */
function pingCheck(
  ping: Ping,
  options: PingCheckOptions,
  wrong: (answer: unknown) => string | undefined,
): Check {
  checkType('ping', 'a function', ping, typeof ping === 'function');
  const { slow = Infinity } = checkKeys('options', options, ['slow']);
  checkNumber('slow', slow, { least: 0, most: Infinity, unit: 'ms' });
  return aboutOthers(async (signal) => {
    const start = performance.now();
    const answer = await ping(signal);
    const latency = performance.now() - start;
    const reason = wrong(answer);
    if (reason !== undefined) return { ok: false, reason, figures: { latency } };
    return byLatency(latency, slow);
  });
}

/**
 * Whether PostgreSQL answers a query, over a client of your own, such as `() => pool.query('SELECT
 * 1')` of pg. An answer without a row fails. Figure: `latency` in ms, the wait for a connection of
 * the pool included.
 *
 * @throws TypeError, RangeError with the option's name
 */
export function postgresCheck(ping: Ping, options: PingCheckOptions = {}): Check {
  return pingCheck(ping, options, (answer) => {
    // pg has { rows }, postgres.js the rows themselves.
    const rows = (answer as { rows?: unknown } | undefined)?.rows ?? answer;
    if (!Array.isArray(rows)) return "ping did not return the query's result";
    return rows.length === 0 ? 'the query returned no row' : undefined;
  });
}

/**
 * Whether Redis answers, over a client of your own, such as `() => client.ping()`. Anything but
 * PONG fails. Figure: `latency` in ms.
 *
 * @throws TypeError, RangeError with the option's name
 */
export function redisCheck(ping: Ping, options: PingCheckOptions = {}): Check {
  return pingCheck(ping, options, (answer) => {
    const fits = answer === 'PONG' || (Buffer.isBuffer(answer) && String(answer) === 'PONG');
    return fits ? undefined : 'the answer was not PONG';
  });
}

/** A pass with figure `latency`; degraded if it took longer than `slow`. Both in ms. */
export function byLatency(
  latency: number,
  slow: number,
  others: Readonly<Record<string, number>> = {},
): CheckResult {
  const figures = { ...others, latency };
  if (latency <= slow) return { ok: true, figures };
  const reason = `took ${Math.round(latency)}ms, more than ${slow}ms`;
  return { ok: true, degraded: true, reason, figures };
}

/** From and to, both of them inclusive. */
export type StatusRange = readonly [from: number, to: number];

/** 200 to 299: neither a redirect, which is not followed, nor an error. */
export const SUCCESS: StatusRange = [200, 299];

export function checkStatusRange(name: string, value: unknown): StatusRange {
  const range = value as StatusRange;
  const fits =
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((each) => Number.isInteger(each) && each >= 100 && each <= 599) &&
    range[0] <= range[1];
  checkType(name, 'two statuses from 100 to 599, the lower one first', value, fits);
  return range;
}
