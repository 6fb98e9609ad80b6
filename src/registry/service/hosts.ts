/** By which names a browser may reach the registry, and from which pages. */
import { isIP } from 'node:net';
import { checkRange, checkType } from '../../core/validate.js';

/** `name` of `name:port` and `[::1]:port`, in lower case; undefined for what is neither. */
function hostnameOf(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, '');
}

/** Checks Host and Origin: a page of somebody else must not drive a registry on this machine. */
export class AllowedHosts {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  /** @throws TypeError, RangeError that name the option */
  constructor(hosts: readonly string[] = [], origins: readonly string[] = []) {
    for (const host of hosts) {
      checkType('allowHosts', 'host names', host, typeof host === 'string');
      checkRange('allowHosts', 'host names, without a port', host, hostnameOf(host) === host);
    }
    for (const origin of origins) {
      checkType('allowOrigins', 'origins', origin, typeof origin === 'string');
      const is = URL.canParse(origin) && new URL(origin).origin === origin;
      checkRange('allowOrigins', 'origins as https://example.com', origin, is);
    }
    this.#hosts = new Set(['localhost', ...hosts]);
    this.#origins = new Set(origins);
  }

  /**
   * Whether a request with this Host is meant for us. An address is: what a page can turn upon us
   * is a name of its own that it lets resolve to our address.
   */
  allowsHost(host: string | undefined): boolean {
    const name = host === undefined ? undefined : hostnameOf(host);
    return name !== undefined && (isIP(name) > 0 || this.#hosts.has(name));
  }

  /** Whether a page of this origin may ask; programs send none. */
  allowsOrigin(origin: string | undefined, host: string | undefined): boolean {
    if (origin === undefined || this.#origins.has(origin)) return true;
    if (!URL.canParse(origin)) return false; // as `null`
    const { host: from, protocol } = new URL(origin);
    if (protocol !== 'http:' && protocol !== 'https:') return false;
    // A URL drops the port that its scheme has by default; Host may have it.
    return from === host?.toLowerCase().replace(protocol === 'http:' ? /:80$/ : /:443$/, '');
  }
}
