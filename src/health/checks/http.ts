/** A check that asks over HTTP. */
import type { OutgoingHttpHeaders } from 'node:http';
import { checkKeys, checkNumber, checkOneOf, checkType } from '../../core/validate.js';
import { aboutOthers, type Check } from '../check.js';
import { checkRequest, exchange, type TlsOptions } from '../net/exchange.js';
import { bareHost, resolve } from '../net/resolve.js';
import { byLatency } from './latency.js';
import { checkStatusRange, type StatusRange, SUCCESS } from './status-range.js';

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
