/** Which addresses a prober may connect to: a registration must not aim it at a third party. */
import { isIP } from 'node:net';
import { checkType } from '../../core/validate.js';
import type { Address } from '../../health/net/resolve.js';
import { isLoopbackAddress, networksOf, within } from '../networks.js';

/**
 * Addresses at which nobody registers a server, whatever they say: this network, link-local ones
 * (among them those where clouds hand out credentials), multicast and broadcast.
 */
const NEVER = networksOf('', [
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::254',
]);

/** What is allowed of the addresses of a host. */
export type Allowed = (host: string, addresses: readonly Address[]) => readonly Address[];

/**
 * With networks: only what lies in them. Without: the host that was registered. An address is what
 * it says; a name must not turn out to be this very machine, unless it says so, nor an address of
 * nobody's server.
 *
 * @throws TypeError, RangeError with `name`
 */
export function allowedBy(name: string, networks: readonly string[] | undefined): Allowed {
  if (networks !== undefined) {
    checkType(name, 'a list of networks', networks, Array.isArray(networks));
    const list = networksOf(name, networks);
    return (_host, addresses) => addresses.filter(({ address }) => within(list, address));
  }
  return (host, addresses) => {
    const own = isIP(host) !== 0 || /^(.+\.)?localhost$/i.test(host);
    return addresses.filter(
      ({ address }) =>
        isIP(address) !== 0 && !within(NEVER, address) && (own || !isLoopbackAddress(address)),
    );
  };
}
