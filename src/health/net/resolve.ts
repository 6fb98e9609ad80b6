/** Names to addresses, in a bounded number of threads. */
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { onThread } from '../limits.js';

export interface Address {
  readonly address: string;
  /** 4 or 6. */
  readonly family: number;
}

/** Finds the addresses of a name; rejects if there are none. */
export type Lookup = (host: string) => Promise<readonly Address[]>;

/** As the system does it: /etc/hosts too. */
export const systemLookup: Lookup = (host) => lookup(host, { all: true });

/** The names that are being looked up now, by the way in which they are. */
const pending = new WeakMap<Lookup, Map<string, Promise<readonly Address[]>>>();

function ask(host: string, by: Lookup): Promise<readonly Address[]> {
  const names = pending.get(by) ?? new Map<string, Promise<readonly Address[]>>();
  pending.set(by, names);
  let answer = names.get(host);
  if (answer === undefined) {
    answer = onThread(() => by(host)).finally(() => names.delete(host));
    names.set(host, answer);
  }
  return answer;
}

/**
 * The addresses of a name, or the address that `host` is. A name is looked up once for all who
 * ask at the same time. Gives up at `signal`, with its reason; the look-up itself goes on.
 */
export function resolve(
  host: string,
  signal: AbortSignal,
  by: Lookup = systemLookup,
): Promise<readonly Address[]> {
  const family = isIP(host);
  if (family !== 0) return Promise.resolve([{ address: host, family }]);
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    ask(host, by)
      .finally(() => signal.removeEventListener('abort', abort))
      .then(resolve, reject);
  });
}

/** A look-up for a socket that knows its answer: what was vetted is what is connected to. */
export function answering(addresses: readonly Address[]): LookupFunction {
  return (_host, options, callback) => {
    if (options.all) callback(null, [...addresses]);
    else callback(null, addresses[0].address, addresses[0].family);
  };
}

/** A host as URLs write it, without the brackets of IPv6. */
export const bareHost = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1');
