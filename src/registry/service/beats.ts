/** A heartbeat by HTTP, from whose it is to what is said of it. */
import type { z } from '@hono/zod-openapi';
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
  async checkSecret(
    asker: Asker,
    id: string,
    generation: number,
    secret: string | undefined,
  ): Promise<void> {
    const { registry } = this.#context;
    const needed = asker.grant.role !== 'operator';
    if (secret === undefined ? !needed : registry.holds(id, generation, secret)) return;
    await this.rates.wrong(asker);
    throw new ServiceError('wrong-secret', 'secret: not that of the lease');
  }

  /** @throws ServiceError */
  async take(
    asker: Asker,
    id: string,
    { generation, secret, ...beat }: z.infer<typeof Beat>,
  ): Promise<z.infer<typeof BeatAnswer>> {
    const { registry, streams, link, epoch } = this.#context;
    if (generation === undefined) throw new ServiceError('no-generation', 'generation: missing');
    const view = registry.get(id);
    if (view === undefined) {
      registry.heartbeat(id, { generation, ...beat }); // counts it
      throw unknown(id);
    }
    checkBounds(asker, view.service, id);
    await this.checkSecret(asker, id, generation, secret);
    // An earlier life must not spend what the present one needs.
    if (generation === view.generation) await this.rates.beat(asker, view, secret !== undefined);
    else await this.rates.wrong(asker);
    streams.note(id);
    const status = registry.heartbeat(id, { generation, ...beat, link });
    if (status === 'unknown') throw unknown(id);
    if (status === 'stale-generation') throw stale();
    if (status === 'no-generation') throw new ServiceError(status, 'generation: from 1');
    return { status, ttl: view.ttl, epoch };
  }
}
