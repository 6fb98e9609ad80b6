/** Leases of the commands that register. */
import { type HeldLease, type RegistrationRequest, RegistryClient } from '../registry/index.js';
import { asUsage } from './arguments.js';

/** The token is not an argument: others on the machine see those. */
const TOKEN = 'PHI_ACCRUAL_TOKEN';

/**
 * A lease at the registry; `log` is told when something goes wrong, once until it goes well again.
 *
 * @throws UsageError for a URL that is none; RegistryError (as a rejection) if the registry refuses
 */
export function registerAt(
  url: string,
  request: RegistrationRequest,
  log: (line: string) => void,
): Promise<HeldLease> {
  let failing = false;
  const fail = (error: unknown) => {
    if (!failing) log(`${url}: ${(error as Error).message}; trying again`);
    failing = true;
  };
  const token = process.env[TOKEN];
  const client = asUsage(() => new RegistryClient({ url, token, onError: fail }));
  const follow = (lease: HeldLease) => {
    failing = false;
    lease.on('error', ({ error }) => fail(error));
    lease.on('renewed', () => {
      if (failing) log(`${url}: heard again`);
      failing = false;
    });
    lease.on('lost', ({ generation }) =>
      log(`${url}: generation ${generation} is not known there`),
    );
    lease.on('fenced', () => log(`${url}: another life has registered ${request.id}`));
    return lease;
  };
  return client.register(request).then(follow);
}
