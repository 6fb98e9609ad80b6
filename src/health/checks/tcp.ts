/** A check that connects. */
import { checkKeys, checkNumber, checkType } from '../../core/validate.js';
import { aboutOthers, type Check } from '../check.js';
import { touch } from '../net/exchange.js';
import { bareHost, resolve } from '../net/resolve.js';
import { byLatency } from './latency.js';

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
