/** Where to send to, as people write it. */
import { checkRange, checkType } from '../core/validate.js';

/**
 * Splits `'host:port'` and `'[::1]:port'`.
 *
 * @throws TypeError, RangeError with `name`, for the option
 */
export function parseTarget(name: string, to: unknown): { host: string; port: number } {
  checkType(name, "'host:port'", to, typeof to === 'string');
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(to as string);
  const port = Number(match?.[3]);
  checkRange(name, "'host:port' with a port from 1 to 65535", to, port >= 1 && port <= 65_535);
  return { host: match?.[1] ?? match?.[2] ?? '', port };
}
