/** What readers ask: instances, routes, protection; and the failures that clients report. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { FailureDetector } from '../../../core/detector.js';
import type { Env, ServiceContext } from '../context.js';
import { ServiceError } from '../errors.js';
import { askerOf } from '../guard.js';
import type { Rates } from '../rates.js';
import * as schemas from '../schemas.js';
import { allowed, answers, body } from './describe.js';

/** JSON whose parts are documented elsewhere (docs/registry.md). */
const Anything = z.any().openapi({ type: 'object' });

const instances = createRoute({
  method: 'get',
  path: '/instances',
  summary: 'All instances, or those of a service.',
  ...allowed('reader'),
  request: { query: schemas.serviceQuery },
  responses: answers(
    200,
    schemas.Instances,
    'Views, and the revision that they are of.',
    'invalid',
  ),
});

const instance = createRoute({
  method: 'get',
  path: '/instances/{id}',
  summary: 'All that led to what is said of an instance.',
  ...allowed('reader'),
  request: { params: schemas.idPath },
  responses: answers(200, Anything, 'The explanation, with what was learnt.', 'invalid', 'unknown'),
});

const services = createRoute({
  method: 'get',
  path: '/services',
  summary: 'The services, and how many instances of each are there and available.',
  ...allowed('reader'),
  responses: answers(200, schemas.Services, 'The services.'),
});

const route = createRoute({
  method: 'get',
  path: '/services/{service}/route',
  summary: 'Who may get traffic right now.',
  ...allowed('reader'),
  request: { params: schemas.servicePath },
  responses: answers(
    200,
    schemas.RouteView,
    'Targets with their weights, and who is none.',
    'invalid',
  ),
});

const protection = createRoute({
  method: 'get',
  path: '/protection',
  summary: 'The rules that defer suspicions, routing or removal, as they are now.',
  ...allowed('reader'),
  responses: answers(200, Anything, 'Each rule with its figures.'),
});

const failure = createRoute({
  method: 'post',
  path: '/instances/{id}/failure',
  summary: 'A client says that a request to the instance failed.',
  ...allowed('reader'),
  request: { params: schemas.idPath, body: body(schemas.Failure, false) },
  responses: answers(
    200,
    schemas.Done,
    'It is noted.',
    'invalid',
    'too-large',
    'unknown',
    'rate-limited',
  ),
});

const force = createRoute({
  method: 'post',
  path: '/removal/force',
  summary: 'Removes the candidates that a freeze of removal holds; of one service, or of all.',
  ...allowed(),
  request: { query: schemas.serviceQuery },
  responses: answers(
    200,
    Anything,
    'What was removed.',
    'invalid',
    'too-large',
    'state-unwritable',
  ),
});

/** The model over its histogram is drawn from this. */
function intervalsOf(detector: FailureDetector<string>, id: string) {
  const facts = detector.explain(id);
  if (facts === undefined) return undefined;
  const { mean, stdDevUsed: stdDev, model, threshold } = facts;
  const samples = detector.snapshotPeer(id)?.window?.samples ?? [];
  return { samples, mean, stdDev, model, threshold };
}

/** Routes that only read, and what readers and operators do beside. */
export function addReads(app: OpenAPIHono<Env>, context: ServiceContext, rates: Rates): void {
  const { registry } = context;

  app.openapi(instances, (c) => {
    const { service } = c.req.valid('query');
    const views = registry.instances(service);
    return c.json({ revision: registry.revision, instances: views }, 200);
  });

  app.openapi(instance, (c) => {
    const { id } = c.req.valid('param');
    const explained = registry.explain(id);
    if (explained === undefined) throw new ServiceError('unknown', 'no such instance');
    const { service, process } = registry.detectors;
    const used = registry.get(id)?.signals.service === 'unused' ? process : service;
    const intervals = intervalsOf(used, id) ?? intervalsOf(process, id);
    const thresholds = { late: 1, critical: 3, suspect: intervals?.threshold };
    return c.json({ ...explained, intervals, thresholds }, 200);
  });

  app.openapi(services, (c) => c.json({ services: [...registry.services()] }, 200));

  app.openapi(route, (c) => {
    const { service } = c.req.valid('param');
    return c.json({ ...registry.route(service), epoch: context.epoch }, 200);
  });

  app.openapi(protection, (c) => c.json({ ...registry.protection }, 200));

  app.openapi(failure, async (c) => {
    const { id } = c.req.valid('param');
    if (registry.get(id) === undefined) throw new ServiceError('unknown', 'no such instance');
    rates.report(askerOf(c), id);
    registry.reportFailure(id, c.req.valid('json'));
    return c.json({ status: 'done' } as const, 200);
  });

  app.openapi(force, async (c) => {
    context.writable();
    const removed = registry.forceRemoval(c.req.valid('query').service);
    await context.durable();
    return c.json({ removed }, 200);
  });
}
