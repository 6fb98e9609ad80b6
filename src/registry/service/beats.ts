/** A heartbeat by HTTP, from whose it is to what is said of it. */
import type { z } from '@hono/zod-openapi';
import type { ServiceContext } from './context.js';
import { ServiceError } from './errors.js';
import { InstanceRates } from './rates.js';
import type { Beat, BeatAnswer } from './schemas.js';
import type { Role } from './tokens.js';

export const unknown = (id: string) =>
  new ServiceError('unknown', `no instance ${JSON.stringify(id)}: register it`);
export const stale = () => new ServiceError('stale-generation', 'another life holds the id now');

export class Beats {
  readonly #context: ServiceContext;
  readonly rates: InstanceRates;

  constructor(context: ServiceContext) {
    this.#context = context;
    this.rates = new InstanceRates(context.registry);
  }

  /** The secret is checked where there is one. @throws ServiceError `wrong-secret` */
  checkSecret(
    id: string,
    generation: number,
    secret: string | undefined,
    role: Role | undefined,
  ): void {
    const { registry, tokens } = this.#context;
    const needed = tokens.required && role !== 'operator';
    if (secret === undefined ? !needed : registry.holds(id, generation, secret)) return;
    throw new ServiceError('wrong-secret', 'secret: not that of the lease');
  }

  /** @throws ServiceError */
  async take(
    role: Role | undefined,
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
    await this.rates.check(id);
    this.checkSecret(id, generation, secret, role);
    streams.note(id);
    const status = registry.heartbeat(id, { generation, ...beat, link });
    if (status === 'unknown') throw unknown(id);
    if (status === 'stale-generation') throw stale();
    if (status === 'no-generation') throw new ServiceError(status, 'generation: from 1');
    return { status, ttl: view.ttl, epoch };
  }
}
