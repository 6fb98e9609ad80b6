/** Whose failure a poll's failure is: the target's, or the observer's own. */

/** How far a poll had come. */
export type Phase = 'resolving' | 'connecting' | 'connected';

/**
 * Errors that a poll of a living target may end with, with their reasons: they say what this
 * machine could not do. docs/probing.md has the table.
 */
export const OURS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name has no address',
  EAI_AGAIN: 'the resolver does not answer',
  EAI_FAIL: 'the resolver has failed',
  EAI_NODATA: 'the name has no address',
  EAI_NONAME: 'the name has no address',
  ENODATA: 'the name has no address',
  ESERVFAIL: 'the resolver has failed',
  ETIMEOUT: 'the resolver does not answer',
  EMFILE: 'this process has no file descriptor left',
  ENFILE: 'this machine has no file descriptor left',
  ENOBUFS: 'no memory for a socket',
  ENOMEM: 'no memory for a socket',
  EADDRNOTAVAIL: 'no local port or address left',
  EADDRINUSE: 'the local port is taken',
  EACCES: 'a rule of this machine forbids it',
  EPERM: 'a rule of this machine forbids it',
  ENETUNREACH: 'no route',
  ENETDOWN: 'the network interface is down',
  ENONET: 'there is no network',
  EHOSTUNREACH: 'no route to the host',
  EHOSTDOWN: 'no route to the host',
  EAFNOSUPPORT: 'this machine does not speak that family of addresses',
  EPROTONOSUPPORT: 'this machine does not speak that protocol',
  EINVAL: 'this machine does not take that address',
};

/**
 * Decisions of this machine, by its clock and its authorities, over a certificate that a target
 * which runs has just shown.
 */
const CERTIFICATE =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|ERR_TLS_CERT_ALTNAME_INVALID$|HOSTNAME_MISMATCH$|INVALID_CA$|INVALID_PURPOSE$)/;

const isOurs = (error: unknown): boolean => {
  // Several addresses were tried: one that was reached says more than those that were not.
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.every(isOurs);
  const { code, cause } = (error ?? {}) as NodeJS.ErrnoException & { cause?: unknown };
  if (typeof code !== 'string') return cause !== undefined && isOurs(cause); // as fetch wraps it
  return Object.hasOwn(OURS, code) || CERTIFICATE.test(code);
};

/**
 * What the failure of a poll is. `contact`: whether another target could be reached at about the
 * same time, if there are others. A connection that nobody answers is what a dead host looks like,
 * and a broken path too; only if no target at all is reached it is the path.
 */
export function outcomeOf(error: unknown, phase: Phase, contact: boolean): 'failed' | 'unreached' {
  if (phase === 'resolving') return 'unreached';
  if (isOurs(error)) return 'unreached';
  return phase === 'connecting' && isSilence(error) && !contact ? 'unreached' : 'failed';
}

/** Our time-out, or the kernel's. */
function isSilence(error: unknown): boolean {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return (
      error.errors.some(isSilence) && error.errors.every((each) => isSilence(each) || isOurs(each))
    );
  }
  const { name, code } = (error ?? {}) as NodeJS.ErrnoException;
  return name === 'TimeoutError' || code === 'ETIMEDOUT';
}
