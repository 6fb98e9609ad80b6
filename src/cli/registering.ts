/** Leases of the commands that register. */
import {
  type HeldLease,
  type RegistrationRequest,
  RegistryClient,
  type RegistryError,
} from '../registry/index.js';
import { asUsage } from './arguments.js';

/** The token is not an argument: others on the machine see those. */
const TOKEN = 'PHI_ACCRUAL_TOKEN';

/** The registry at `url`. @throws UsageError for a URL that is none */
export function clientAt(url: string, onError?: (error: RegistryError) => void): RegistryClient {
  const token = process.env[TOKEN];
  return asUsage(() => new RegistryClient({ url, token, ...(onError && { onError }) }));
}

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
    lease.on('fenced', () => log(`${url}: another process has registered ${request.id}`));
    return lease;
  };
  return clientAt(url, fail).register(request).then(follow);
}
