/** A heartbeat by HTTP, from whose it is to what is said of it. */
import type { z } from '@hono/zod-openapi';
import type { BeatOutcome } from '../beat.js';
import type { ServiceContext } from './context.js';
import { ServiceError } from './errors.js';
import { type Asker, Rates } from './rates.js';
import type { Beat, BeatAnswer } from './schemas.js';

export const unknown = (id: string) =>
  new ServiceError('unknown', `no instance ${JSON.stringify(id)}: register it`);
export const stale = () => new ServiceError('stale-generation', 'another life holds the id now');

/** @throws ServiceError `forbidden` for a token that is bound to other instances */
export function checkBounds({ grant }: Asker, service: string, id: string): void {
  if (grant.allows(service, id)) return;
  throw new ServiceError('forbidden', `the token is for ${grant.bounds} alone`);
}

type TakenStatus = z.infer<typeof BeatAnswer>['status'];

/** The error that an outcome is for whoever beats; undefined for one that is an answer. */
function refusalOf(outcome: BeatOutcome, id: string): ServiceError | undefined {
  if (outcome === 'unknown') return unknown(id);
  if (outcome === 'stale-generation') return stale();
  if (outcome === 'unverified') {
    return new ServiceError(
      'wrong-secret',
      'secret: missing; the holder of the lease has shown it',
    );
  }
  if (outcome === 'no-generation') return new ServiceError(outcome, 'generation: from 1');
  return undefined;
}

export class Beats {
  readonly #context: ServiceContext;
  readonly rates = new Rates();

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  /**
   * The secret is checked where there is one; it comes before any budget of the instance is spent.
   *
   * @throws ServiceError `wrong-secret`, or `rate-limited` for too many of these
   */
  checkSecret(asker: Asker, id: string, generation: number, secret: string | undefined): void {
    const { registry } = this.#context;
    const needed = asker.grant.role !== 'operator';
    if (secret === undefined ? !needed : registry.holds(id, generation, secret)) return;
    this.rates.wrong(asker);
    throw new ServiceError('wrong-secret', 'secret: not that of the lease');
  }

  /** @throws ServiceError */
  take(
    asker: Asker,
    id: string,
    { generation, secret, ...beat }: z.infer<typeof Beat>,
  ): z.infer<typeof BeatAnswer> {
    const { registry, streams, link, epoch } = this.#context;
    if (generation === undefined) throw new ServiceError('no-generation', 'generation: missing');
    const view = registry.get(id);
    // Whoever was taken over is told so, whether or not its secret is still good: it must not register.
    if (view === undefined) this.#context.onUnknownBeat();
    if (view === undefined || generation < view.generation) {
      throw refusalOf(registry.heartbeat(id, { generation, ...beat }), id) ?? unknown(id);
    }
    checkBounds(asker, view.service ?? '', id);
    this.checkSecret(asker, id, generation, secret);
    // An earlier life must not spend what the present one needs.
    if (generation === view.generation) this.rates.beat(asker, view, secret !== undefined);
    else this.rates.wrong(asker);
    streams.note(id);
    // Whoever needed no secret, where there are tokens, is an operator.
    const verified = secret !== undefined || this.#context.tokens.required;
    const status = registry.heartbeat(id, { generation, ...beat, link, verified });
    const refusal = refusalOf(status, id);
    if (refusal !== undefined) throw refusal;
    return { status: status as TakenStatus, ttl: view.ttl, epoch };
  }
}
