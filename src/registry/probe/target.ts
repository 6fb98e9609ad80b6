/** Where a poll goes to, by the address that an instance registered. */
import { bareHost } from '../../health/net/resolve.js';
import { parseTarget } from '../../sources/target.js';

export interface ProbeTarget {
  /** A name or an address, without brackets, as URLs write it: 0x7f.1 is 127.0.0.1. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

const URL_LIKE = /^(https?):\/\//i;

/**
 * Of `'host:port'`, `'[::1]:port'`, `'http://host:port/…'` and `'https://…'`; undefined for what
 * is none of these. With a port of the prober's own that of the address does not matter, and may be
 * missing. Neither a path nor a name and password are taken from it.
 */
export function targetOf(address: string, secure: boolean, own?: number): ProbeTarget | undefined {
  try {
    if (URL_LIKE.test(address)) {
      const { hostname, port, protocol } = new URL(address);
      const tls = protocol === 'https:';
      return {
        host: bareHost(hostname),
        port: own ?? Number(port || (tls ? 443 : 80)),
        secure: tls,
      };
    }
    const hasPort = /:\d+$/.test(address.replace(/^\[[^\]]*\]/, ''));
    const named = own === undefined || hasPort ? address : `${address}:${own}`;
    const { host, port } = parseTarget('address', named);
    const { hostname } = new URL(`http://${host.includes(':') ? `[${host}]` : host}`);
    return { host: bareHost(hostname), port: own ?? port, secure };
  } catch {
    return undefined; // the prober says so
  }
}

export function urlOf({ host, port, secure }: ProbeTarget, path: string): URL {
  const shown = host.includes(':') ? `[${host}]` : host;
  return new URL(`${secure ? 'https' : 'http'}://${shown}:${port}${path}`);
}
