/** readyz: whether our own lease still holds, so that who lost it gets no traffic. */
import { checkType } from '../core/validate.js';
import { aboutOthers, type Check, immediate } from './check.js';

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
