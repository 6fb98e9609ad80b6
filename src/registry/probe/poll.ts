/** One poll of one instance: from its address to an answer, or to whose failure it is. */
import { isIP } from 'node:net';
import { answered, type CheckAnswer, isNotRun, NotRun } from '../../health/check.js';
import { exchange, touch } from '../../health/net/exchange.js';
import { resolve } from '../../health/net/resolve.js';
import type { InstanceView } from '../instance.js';
import { sameAddress } from '../networks.js';
import type { ResolvedProberOptions } from './options.js';
import { outcomeOf, type Phase } from './outcome.js';
import { targetOf, urlOf } from './target.js';

/** Of an answer's body so much is read, in bytes: enough for the connection to end in order. */
const MOST_BODY = 4096;

const NO_TARGET = 'the address is neither host:port nor a URL';

/** Thrown where a target is not allowed, or is none. */
export class Refused extends NotRun {}

/** What a poll learns of the path to its target. */
export interface Poll {
  readonly instance: InstanceView;
  /** Whether another target could be reached of late, if there are others. */
  hasContact(): boolean;
  /** The target's machine has answered, if only with a refusal. */
  onContact(): void;
  /** Polls the target, or takes the answer of another poll of it; `address` is where it is. */
  share(
    target: string,
    address: string,
    signal: AbortSignal,
    poll: () => Promise<CheckAnswer>,
  ): Promise<CheckAnswer>;
}

/**
 * Polls. What is the target's failure is thrown as it is.
 *
 * @throws NotRun where the target was not reached for reasons of the observer's
 */
export async function poll(
  about: Poll,
  options: ResolvedProberOptions,
  signal: AbortSignal,
): Promise<CheckAnswer> {
  const { instance } = about;
  const { kind } = options;
  if (typeof kind === 'function') {
    return withOutcome(about, signal, 'connected', async () =>
      answered(await kind(instance, signal)),
    );
  }
  let located: Located | undefined;
  await withOutcome(about, signal, 'resolving', async () => {
    located = await locate(instance, options, signal);
    return true;
  });
  const { target, addresses } = located as Located;
  const { host, port, secure } = target;
  const all = addresses.map(({ address }) => address);
  const name = `${secure ? 'https' : 'http'} ${host} ${port} ${all.join(' ')}`;
  return about.share(name, all[0], signal, () =>
    withOutcome(about, signal, 'connecting', (connected) =>
      ask(located as Located, options, signal, connected),
    ),
  );
}

type Located = Awaited<ReturnType<typeof locate>>;

async function ask(
  { target, addresses }: Located,
  options: ResolvedProberOptions,
  signal: AbortSignal,
  onConnect: () => void,
): Promise<CheckAnswer> {
  if (options.kind === 'tcp') {
    await touch(target.host, target.port, addresses, signal);
    onConnect();
    return true;
  }
  const { path, method, headers, tls, status } = options;
  const url = urlOf(target, path);
  const what = { url, addresses, method, headers, tls, maxBody: MOST_BODY, onConnect };
  const reply = await exchange(what, signal);
  return reply.status >= status[0] && reply.status <= status[1] ? true : `status ${reply.status}`;
}

/** Does a part of a poll; what fails in it is thrown as the target's failure, or as our own. */
async function withOutcome(
  { hasContact, onContact }: Poll,
  signal: AbortSignal,
  from: Phase,
  part: (connected: () => void) => Promise<CheckAnswer>,
): Promise<CheckAnswer> {
  let phase = from;
  try {
    return await part(() => {
      phase = 'connected';
      onContact();
    });
  } catch (thrown) {
    if (isNotRun(thrown)) throw thrown;
    const error = signal.aborted ? signal.reason : thrown;
    if (isRefusal(error)) onContact();
    if (outcomeOf(error, phase, hasContact()) === 'failed') throw error;
    throw new NotRun(String((error as Error | undefined)?.message ?? error), { cause: error });
  }
}

/** Nobody listens there, which the target's machine itself has said. */
const isRefusal = (error: unknown): boolean =>
  /^(ECONNREFUSED|ECONNRESET)$/.test((error as NodeJS.ErrnoException | undefined)?.code ?? '');

/** Why no poll of the instance could ever go out, as far as its address says so by itself. */
export function refusal(
  { address }: Pick<InstanceView, 'address'>,
  { kind, tls, port, allowed }: ResolvedProberOptions,
): string | undefined {
  if (typeof kind === 'function') return undefined;
  const target = targetOf(address ?? '', tls !== undefined, port);
  if (target === undefined) return NO_TARGET;
  const { host } = target;
  const family = isIP(host);
  if (family === 0) return undefined; // what a name stands for is known when it is polled
  return allowed(host, [{ address: host, family }]).length === 0
    ? `not allowed: ${host}`
    : undefined;
}

/** The target, and those of its addresses that are allowed: no others are connected to. */
async function locate(instance: InstanceView, options: ResolvedProberOptions, signal: AbortSignal) {
  const { port, tls, lookup, allowed, source } = options;
  const target = targetOf(instance.address ?? '', tls !== undefined, port);
  if (target === undefined) throw new Refused(NO_TARGET);
  const found = await resolve(target.host, signal, lookup);
  const from = source?.(instance);
  const addresses = allowed(target.host, found).filter(
    ({ address }) => from === undefined || sameAddress(address, from),
  );
  if (addresses.length === 0) {
    throw new Refused(`not allowed: ${found.map(({ address }) => address).join(', ')}`);
  }
  return { target, addresses };
}
