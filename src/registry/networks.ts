/** Addresses and networks: which of them an address lies in, and whom an address stands for. */
import { BlockList, isIP } from 'node:net';
import { checkRange, checkType } from '../core/validate.js';

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/**
 * A list of addresses and of networks in CIDR notation.
 *
 * @throws TypeError, RangeError with `name` and the place in the list
 */
export function networksOf(name: string, entries: readonly unknown[]): BlockList {
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

/** Whether an address lies in one of the networks; what is no address lies in none. */
export const within = (list: BlockList, address: string): boolean =>
  isIP(address) !== 0 && list.check(address, familyOf(address));

const LOOPBACK = networksOf('', ['127.0.0.0/8', '::1/128']);

/** Whether an address is this machine's own, which nobody else can reach. */
export const isLoopbackAddress = (address: string): boolean => within(LOOPBACK, address);

/** Whether two addresses are the same, however they are written (`::ffff:10.0.0.1` is 10.0.0.1). */
export function sameAddress(a: string, b: string): boolean {
  if (isIP(a) === 0 || isIP(b) === 0) return false;
  return within(networksOf('', [a]), b) || within(networksOf('', [b]), a);
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * Whom an address stands for where what one may use is counted: an IPv4 address for itself, an IPv6
 * address for its /64, all of which one machine can have.
 */
export function subscriberOf(address: string): string {
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (isIP(address) !== 6) return address;
  const [bare] = address.split('%');
  const [head, tail] = bare.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':');
    const dotted = /\./.test(tail) ? 1 : 0; // an IPv4 tail is two groups
    while (groups.length + rest.length + dotted < 8) groups.push('0');
    groups.push(...rest);
  }
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
