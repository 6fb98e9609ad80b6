/** Checks that ask a database over a client of the user's: any client, since they only call it. */
import { checkKeys, checkNumber, checkType } from '../../core/validate.js';
import { aboutOthers, type Check } from '../check.js';
import { byLatency } from './latency.js';

/** Asks the server something; rejects when it cannot. `signal` is aborted when its time is up. */
export type Ping = (signal: AbortSignal) => Promise<unknown>;

export interface PingCheckOptions {
  /** An answer that took longer, in ms, is degraded; default never. */
  slow?: number;
}

/** The check that pings and looks at the answer; `wrong` says what it ought to be, if it is not. */
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
