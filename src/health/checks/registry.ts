/** readyz: whether our own lease holds, and whether enough members of a group are there. */
import { checkKeys, checkNumber, checkType } from '../../core/validate.js';
import { aboutOthers, type Check, immediate } from '../check.js';

/** What is used of a lease. */
export interface ValidLease {
  isValid(): boolean;
}

/**
 * Fails once the lease has run out. Critical; refused in livez, since a registry that is away for
 * long enough would then restart all who are registered with it.
 *
 * @throws TypeError for what is no lease
 */
export function leaseCheck(lease: ValidLease): Check {
  checkType('lease', 'an object with isValid()', lease, typeof lease?.isValid === 'function');
  const check = () => (lease.isValid() ? true : 'lease has run out');
  return immediate(aboutOthers(check, true));
}

/** What is used of a registry, or of a client of one. */
export interface WatchedInstances {
  instances(service?: string): Iterable<WatchedInstance> | Promise<Iterable<WatchedInstance>>;
}

export interface WatchedInstance {
  readonly status: string;
  readonly routable?: boolean;
}

/** What is used of a detector. */
export interface WatchedPeers {
  peers(): Iterable<string>;
  status(id: string): string | undefined;
}

export interface MembersOptions {
  /** So many have to be there; an integer from 1. */
  min: number;
  /** Of which service, where there are instances of several. Default all. */
  service?: string;
}

/** Slow is not away: who is overloaded counts. */
const THERE = ['available', 'overloaded'];

const isThere = ({ status, routable }: WatchedInstance): boolean =>
  routable ?? THERE.includes(status);

const isDetector = (group: WatchedInstances | WatchedPeers): group is WatchedPeers =>
  typeof (group as WatchedPeers).peers === 'function';

/**
 * Fails while fewer than `min` members of a group are there. Critical; refused in livez. When many
 * are down it takes those that are left out of traffic as well: set `min` to what they cannot work
 * without.
 *
 * @param group a registry, a client of one, or a detector
 * @throws TypeError, RangeError that name the option, what was expected and what came
 */
export function membersCheck(
  group: WatchedInstances | WatchedPeers,
  options: MembersOptions,
): Check {
  const { min, service } = checkKeys('options', options, ['min', 'service']);
  const watched =
    typeof (group as WatchedInstances)?.instances === 'function' ||
    typeof (group as WatchedPeers)?.peers === 'function';
  checkType('group', 'an object with instances(), or with peers() and status()', group, watched);
  const least = checkNumber('min', min, { least: 1, most: 1e9, integer: true });
  const isName = service === undefined || typeof service === 'string';
  checkType('service', 'a string', service, isName);
  return aboutOthers(async () => {
    const members = isDetector(group)
      ? Array.from(group.peers(), (id) => ({ status: group.status(id) ?? 'unknown' }))
      : [...(await group.instances(service))];
    const available = members.filter(isThere).length;
    const figures = { available, members: members.length, min: least };
    if (available >= least) return { ok: true, figures };
    const reason = `${available} of ${members.length} members are available, ${least} are needed`;
    return { ok: false, reason, figures };
  }, true);
}
