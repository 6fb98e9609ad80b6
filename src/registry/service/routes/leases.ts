/** What nodes do: register, beat, drain, leave. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { InstanceView } from '../../instance.js';
import { RegistryFull } from '../../registry.js';
import type { DrainedBy } from '../../tombstones.js';
import { type Beats, checkBounds, stale, unknown } from '../beats.js';
import type { Env, ServiceContext } from '../context.js';
import { ServiceError } from '../errors.js';
import { askerOf } from '../guard.js';
import type { Asker } from '../rates.js';
import * as schemas from '../schemas.js';
import { allowed, answers, body } from './describe.js';

const register = createRoute({
  method: 'post',
  path: '/register',
  summary:
    'Registers an instance, anew if it is known: it gets a generation and a secret. ' +
    '409: a living instance has the id; needed is its secret, or an operator.',
  ...allowed('node'),
  request: { body: body(schemas.Registration, true) },
  responses: answers(
    201,
    schemas.LeaseView,
    'The lease.',
    'invalid',
    'too-large',
    'media-type',
    'rate-limited',
    'id-in-use',
    'full',
    'state-unwritable',
  ),
});

const heartbeat = createRoute({
  method: 'post',
  path: '/heartbeat/{id}',
  summary:
    'Beats, which renews the lease. 404: register again. 409: another incarnation holds the id.',
  ...allowed('node'),
  request: { params: schemas.idPath, body: body(schemas.Beat, true) },
  responses: answers(
    200,
    schemas.BeatAnswer,
    'What became of it.',
    'invalid',
    'too-large',
    'media-type',
    'no-generation',
    'wrong-secret',
    'unknown',
    'stale-generation',
    'rate-limited',
  ),
});

const holder = {
  params: schemas.idPath,
  headers: schemas.holderHeaders,
  body: body(schemas.Holder, false),
};
const holderProblems = [
  'invalid',
  'too-large',
  'no-generation',
  'wrong-secret',
  'unknown',
  'stale-generation',
  'state-unwritable',
] as const;

const draining = <P extends '/instances/{id}/drain' | '/instances/{id}/undrain'>(
  path: P,
  summary: string,
) =>
  createRoute({
    method: 'post',
    path,
    summary,
    ...allowed('node'),
    request: holder,
    responses: answers(200, schemas.Done, 'It is so.', ...holderProblems),
  });

const drain = draining(
  '/instances/{id}/drain',
  'No traffic for it any more. By the holder of the lease, or an operator.',
);
const undrain = draining('/instances/{id}/undrain', 'Takes a drain back.');

const deregister = createRoute({
  method: 'delete',
  path: '/instances/{id}',
  summary:
    'Ends a lease. By its holder, or an operator; with ?force=1 as a removal by an operator.',
  ...allowed('node'),
  request: { ...holder, query: schemas.forceQuery },
  responses: answers(200, schemas.Done, 'It is gone.', 'forbidden', ...holderProblems),
});

interface Holding {
  readonly generation?: number | undefined;
  readonly secret?: string | undefined;
}

/** Routes for those who hold leases. */
export function addLeases(app: OpenAPIHono<Env>, context: ServiceContext, beats: Beats): void {
  const { registry, epoch } = context;

  /** Whether the request may act on the lease; the secret is checked where there is one. */
  function checkHolder(c: Context<Env>, id: string, { generation, secret }: Holding) {
    const asker = askerOf(c);
    const view = registry.get(id);
    if (view === undefined) throw unknown(id);
    if (asker.grant.role === 'operator' && generation === undefined && secret === undefined) return;
    checkBounds(asker, view.service ?? '', id);
    if (generation === undefined) throw new ServiceError('no-generation', 'generation: missing');
    beats.checkSecret(asker, id, generation, secret);
    if (generation < view.generation) throw stale();
    if (generation > view.generation) throw unknown(id);
  }

  /**
   * Whether it may register the id. One that lives is its holder's: others wait until it is
   * suspected, or its lease has run out.
   *
   * @throws ServiceError `forbidden`, `id-in-use`, `rate-limited`
   */
  function checkTakeover(
    asker: Asker,
    { id, service = '' }: { readonly id: string; readonly service?: string | undefined },
    secret: string | undefined,
  ): void {
    checkBounds(asker, service, id);
    const view = registry.get(id);
    if (view === undefined) return;
    checkBounds(asker, view.service ?? '', id);
    const isOwn = secret !== undefined && registry.holds(id, view.generation, secret);
    // Whoever shows a secret is a holder, not an operator: one that is not good any more, as after a
    // change of the registry's key, must not end whoever has the id by now.
    // Nor may an operator give a lock away while its holder may rely on it: there is `remove` for that.
    const isLock = view.service === undefined;
    const isOperator = secret === undefined && !isLock && asker.grant.role === 'operator';
    if (isOwn || isOperator || isOver(view)) {
      beats.rates.registration(asker, id);
      return;
    }
    beats.rates.wrong(asker);
    const message = 'another life holds the id, and is not suspected: its secret is needed';
    throw new ServiceError('id-in-use', message, { 'retry-after': '1' });
  }

  /** Whether nothing speaks for its holder any more. */
  const isOver = ({ id, status }: InstanceView): boolean =>
    status === 'dead' ||
    status === 'zombie' ||
    (registry.expiresAt(id) as number) <= registry.now();

  app.openapi(register, async (c) => {
    const { secret: before, ...wanted } = c.req.valid('json');
    const asker = askerOf(c);
    checkTakeover(asker, wanted, before);
    context.writable();
    try {
      context.registersFrom(wanted, asker.address || undefined);
      const lease = registry.register(wanted);
      await context.durable();
      const { id, generation, secret, heartbeatInterval, ttl } = lease;
      const udpPort = context.udpPort();
      return c.json({ id, generation, secret, heartbeatInterval, ttl, epoch, udpPort }, 201);
    } catch (error) {
      if (error instanceof RegistryFull) throw new ServiceError('full', error.message);
      if (error instanceof TypeError || error instanceof RangeError) {
        throw new ServiceError('invalid', error.message);
      }
      throw error;
    }
  });

  app.openapi(heartbeat, async (c) => {
    const { id } = c.req.valid('param');
    return c.json(beats.take(askerOf(c), id, c.req.valid('json')), 200);
  });

  const holding = (headers: Record<string, string | number | undefined>, given: Holding) => ({
    generation: given.generation ?? (headers['x-lease-generation'] as number | undefined),
    secret: given.secret ?? (headers['x-lease-secret'] as string | undefined),
  });

  for (const [route, act] of [
    [drain, (id: string, by: DrainedBy) => registry.drain(id, { by })],
    [undrain, (id: string, by: DrainedBy) => registry.undrain(id, { by })],
  ] as const) {
    app.openapi(route, async (c) => {
      const { id } = c.req.valid('param');
      const shown = holding(c.req.valid('header'), c.req.valid('json'));
      // Whoever names a generation speaks as its holder, also where everybody may do everything.
      const isNode = shown.generation !== undefined || shown.secret !== undefined;
      const by = isNode || askerOf(c).grant.role !== 'operator' ? 'node' : 'operator';
      // An operator's drain outlasts the instance, and so it can be taken back without one.
      const isGone = route === undrain && by === 'operator' && registry.get(id) === undefined;
      if (!isGone) checkHolder(c, id, shown);
      context.writable();
      if (!act(id, by)) throw unknown(id);
      await context.durable();
      return c.json({ status: 'done' } as const, 200);
    });
  }

  app.openapi(deregister, async (c) => {
    const { id } = c.req.valid('param');
    const { force } = c.req.valid('query');
    if (force !== undefined && askerOf(c).grant.role !== 'operator') {
      throw new ServiceError('forbidden', 'force is for operators');
    }
    checkHolder(c, id, holding(c.req.valid('header'), c.req.valid('json')));
    context.writable();
    if (force !== undefined) registry.remove(id);
    else registry.deregister(id);
    await context.durable();
    return c.json({ status: 'done' } as const, 200);
  });
}
