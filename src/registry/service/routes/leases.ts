/** What nodes do: register, beat, drain, leave. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { RegistryFull } from '../../registry.js';
import { type Beats, stale, unknown } from '../beats.js';
import type { Env, ServiceContext } from '../context.js';
import { ServiceError } from '../errors.js';
import * as schemas from '../schemas.js';
import { allowed, answers, body } from './describe.js';

const register = createRoute({
  method: 'post',
  path: '/register',
  summary: 'Registers an instance, anew if it is known: it gets a generation and a secret.',
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
    'full',
    'state-unwritable',
  ),
});

const heartbeat = createRoute({
  method: 'post',
  path: '/heartbeat/{id}',
  summary: 'Beats, which renews the lease. 404: register again. 409: another life holds the id.',
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
  function checkHolder(c: Context<Env>, id: string, { generation, secret }: Holding): void {
    const view = registry.get(id);
    if (view === undefined) throw unknown(id);
    if (c.get('role') === 'operator' && generation === undefined && secret === undefined) return;
    if (generation === undefined) throw new ServiceError('no-generation', 'generation: missing');
    beats.checkSecret(id, generation, secret, c.get('role'));
    if (generation < view.generation) throw stale();
    if (generation > view.generation) throw unknown(id);
  }

  app.openapi(register, async (c) => {
    const wanted = c.req.valid('json');
    context.writable();
    if (registry.get(wanted.id) !== undefined) await beats.rates.check(wanted.id);
    try {
      context.registersFrom(wanted.id, c.env?.incoming?.socket.remoteAddress);
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
    return c.json(await beats.take(c.get('role'), id, c.req.valid('json')), 200);
  });

  const holding = (headers: Record<string, string | number | undefined>, given: Holding) => ({
    generation: given.generation ?? (headers['x-lease-generation'] as number | undefined),
    secret: given.secret ?? (headers['x-lease-secret'] as string | undefined),
  });

  for (const [route, act] of [
    [drain, (id: string) => registry.drain(id)],
    [undrain, (id: string) => registry.undrain(id)],
  ] as const) {
    app.openapi(route, async (c) => {
      const { id } = c.req.valid('param');
      checkHolder(c, id, holding(c.req.valid('header'), c.req.valid('json')));
      context.writable();
      act(id);
      await context.durable();
      return c.json({ status: 'done' } as const, 200);
    });
  }

  app.openapi(deregister, async (c) => {
    const { id } = c.req.valid('param');
    const { force } = c.req.valid('query');
    if (force !== undefined && c.get('role') !== 'operator') {
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
