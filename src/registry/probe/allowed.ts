/** Which addresses a prober may connect to: a registration must not aim it at a third party. */
import { BlockList, isIP } from 'node:net';
import { checkRange, checkType } from '../../core/validate.js';
import type { Address } from '../../health/net/resolve.js';

/**
 * Addresses at which nobody registers a server, whatever they say: this network, link-local ones
 * (among them those where clouds hand out credentials), multicast and broadcast.
 */
const NEVER = listOf('', [
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::254',
]);
const LOOPBACK = listOf('', ['127.0.0.0/8', '::1/128']);

const within = (list: BlockList, address: string): boolean =>
  isIP(address) !== 0 && list.check(address, familyOf(address));

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** A list of addresses and of networks in CIDR notation. */
function listOf(name: string, entries: readonly unknown[]): BlockList {
  const list = new BlockList();
  entries.forEach((entry, i) => {
    const at = `${name}[${i}]`;
    const expected = "an address or a network such as '10.0.0.0/8'";
    checkType(at, expected, entry, typeof entry === 'string');
    const [address, prefix, ...rest] = (entry as string).split('/');
    const bits = isIP(address) === 6 ? 128 : 32;
    const isPrefix = prefix === undefined || /^\d{1,3}$/.test(prefix);
    const length = prefix === undefined ? bits : Number(prefix);
    const fits = isIP(address) !== 0 && rest.length === 0 && isPrefix && length <= bits;
    checkRange(at, expected, entry, fits);
    list.addSubnet(address, length, familyOf(address));
  });
  return list;
}

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
    const list = listOf(name, networks);
    return (_host, addresses) => addresses.filter(({ address }) => within(list, address));
  }
  return (host, addresses) => {
    const own = isIP(host) !== 0 || /^(.+\.)?localhost$/i.test(host);
    return addresses.filter(
      ({ address }) =>
        isIP(address) !== 0 && !within(NEVER, address) && (own || !within(LOOPBACK, address)),
    );
  };
}

/** Whether two addresses are the same, however they are written (`::ffff:10.0.0.1` is 10.0.0.1). */
export function sameAddress(a: string, b: string): boolean {
  if (isIP(a) === 0 || isIP(b) === 0) return false;
  const one = new BlockList();
  one.addAddress(a, familyOf(a));
  if (one.check(b, familyOf(b))) return true;
  const other = new BlockList();
  other.addAddress(b, familyOf(b));
  return other.check(a, familyOf(a));
}
