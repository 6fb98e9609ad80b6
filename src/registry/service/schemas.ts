/** What requests may say and what answers look like: validated, and told in /openapi.json. */
import { z } from '@hono/zod-openapi';
import { isPlainText, PLAIN_TEXT } from '../../core/text.js';
import { MAX_ID_BYTES, MAX_NUMBER } from '../../sources/udp-wire.js';

const MAX_TEXT = 255;
const MAX_META = 32;
const MAX_META_KEY = 64;
const MAX_META_VALUE = 256;
const MAX_FIGURES = 32;
const MAX_MS = 2_147_483_647;

/** Names go into logs, pages and metrics: none of them moves a cursor or breaks a line. */
const name = (what: string) =>
  z
    .string()
    .min(1)
    .refine((text) => Buffer.byteLength(text) <= MAX_ID_BYTES, {
      error: `${what}: expected 1 to ${MAX_ID_BYTES} bytes of UTF-8`,
    })
    .refine(isPlainText, { error: `${what}: expected ${PLAIN_TEXT}` })
    // URLs take them for a way, percent-encoded or not: nobody could ask for such an instance.
    .refine((text) => text !== '.' && text !== '..', {
      error: `${what}: expected neither '.' nor '..'`,
    });

/** What the document can say of a name in a way that all its readers know. */
const told = {
  maxLength: MAX_ID_BYTES,
  description: `1 to ${MAX_ID_BYTES} bytes of UTF-8 without control characters; not . nor ..`,
};
export const id = name('id').openapi({ ...told, example: 'web-1' });
export const service = name('service').openapi({ ...told, example: 'web' });
const ms = z.number().int().min(1).max(MAX_MS);
const number = z.number().int().min(0).max(MAX_NUMBER);
const generation = number.openapi({ minimum: 1, description: 'of the lease, from 1' });
const secret = z
  .string()
  .max(128)
  .openapi({ description: 'of the lease; needed wherever tokens are' });

export const idPath = z.object({ id: id.openapi({ param: { name: 'id', in: 'path' } }) });
export const servicePath = z.object({
  service: service.openapi({ param: { name: 'service', in: 'path' } }),
});
export const serviceQuery = z.object({ service: service.optional() });

export const Registration = z
  .strictObject({
    id,
    service: service.optional(),
    address: z
      .string()
      .min(1)
      .max(MAX_TEXT)
      .refine(isPlainText, { error: `expected ${PLAIN_TEXT}` })
      .openapi({ example: '10.0.0.7:8080' })
      .optional(),
    meta: z
      .record(z.string().min(1).max(MAX_META_KEY), z.string().max(MAX_META_VALUE))
      .refine((meta) => Object.entries(meta).flat().every(isPlainText), {
        error: `meta: expected ${PLAIN_TEXT}`,
      })
      .refine((meta) => Object.keys(meta).length <= MAX_META, {
        error: `meta: expected at most ${MAX_META} keys`,
      })
      .openapi({
        maxProperties: MAX_META,
        description: `keys of 1 to ${MAX_META_KEY} characters`,
      })
      .optional(),
    ttl: ms.optional().openapi({ description: 'ms; default the larger of 30 s and 10 intervals' }),
    goneAfter: ms.optional().openapi({
      description:
        'ms of silence after which it is removed whatever protects the others; default the larger of 10 min and 20 leases',
    }),
    ready: z
      .boolean()
      .optional()
      .openapi({ description: 'false: no traffic until a heartbeat says that it is' }),
    heartbeatInterval: ms.optional().openapi({ description: 'ms; default 1000' }),
    secret: secret
      .optional()
      .openapi({ description: 'of the present lease of the id: its holder may take it over' }),
  })
  .openapi('Registration');

export const LeaseView = z
  .object({
    id: z.string(),
    generation: z.number(),
    secret: z.string(),
    heartbeatInterval: z.number(),
    ttl: z.number(),
    epoch: z.string().openapi({ description: 'of this start of the registry; for datagrams' }),
    udpPort: z.number().nullable(),
  })
  .openapi('Lease');

export const Beat = z
  .strictObject({
    generation: generation.optional(),
    secret: secret.optional(),
    sequence: number.optional(),
    signal: z.enum(['service', 'process']).optional(),
    ready: z.boolean().optional(),
    figures: z
      .record(z.string().min(1).max(MAX_META_KEY), z.number())
      .refine((figures) => Object.keys(figures).length <= MAX_FIGURES, {
        error: `figures: expected at most ${MAX_FIGURES} keys`,
      })
      .openapi({
        maxProperties: MAX_FIGURES,
        description: `keys of 1 to ${MAX_META_KEY} characters`,
      })
      .optional(),
  })
  // Missing, it has an error of its own.
  .openapi('Beat', { required: ['generation'] });

export const BeatAnswer = z
  .object({
    status: z.enum(['accepted', 'duplicate', 'out-of-order', 'invalid-time', 'in-the-future']),
    ttl: z.number(),
    epoch: z.string(),
  })
  .openapi('BeatAnswer');

export const Holder = z
  .strictObject({ generation: generation.optional(), secret: secret.optional() })
  .openapi('Holder');

/** As {@link Holder}, where a body is unusual. */
export const holderHeaders = z.object({
  'x-lease-generation': z.coerce.number().int().min(0).max(MAX_NUMBER).optional(),
  'x-lease-secret': secret.optional(),
});

export const forceQuery = z.object({ force: z.enum(['1', 'true']).optional() });

export const Failure = z
  .strictObject({
    generation: generation.optional(),
    reason: z.string().max(MAX_TEXT).refine(isPlainText).optional(),
  })
  .openapi('Failure');

export const SignIn = z.strictObject({ token: z.string().min(1).max(512) }).openapi('SignIn');

export const SessionView = z
  .object({ role: z.enum(['node', 'reader', 'operator']), demo: z.boolean(), cookie: z.boolean() })
  .openapi('Session');

const signal = z.enum(['unused', 'unknown', 'ok', 'late', 'missing', 'not-ready']);

export const Instance = z
  .object({
    id: z.string(),
    service: z.string().optional(),
    address: z.string().optional(),
    meta: z.record(z.string(), z.string()).readonly(),
    generation: z.number(),
    heartbeatInterval: z.number(),
    ttl: z.number(),
    status: z.enum([
      'starting',
      'available',
      'overloaded',
      'critical',
      'probe-failing',
      'zombie',
      'dead',
      'not-ready',
    ]),
    signals: z.object({ process: signal, service: signal }).readonly(),
    draining: z.boolean(),
    routable: z.boolean(),
    revision: z.number(),
    registeredAt: z.number(),
    changedAt: z.number(),
  })
  .openapi('Instance');

export const Instances = z
  .object({ revision: z.number(), instances: z.array(Instance).readonly() })
  .openapi('Instances');

export const Services = z
  .object({
    services: z
      .array(z.object({ name: z.string(), n: z.number(), available: z.number() }))
      .readonly(),
  })
  .openapi('Services');

export const RouteView = z
  .object({
    mode: z.enum(['normal', 'panic', 'empty', 'learning']),
    targets: z
      .array(
        z.object({
          id: z.string(),
          address: z.string(),
          weight: z.number(),
          rising: z
            .object({ full: z.number(), since: z.number(), over: z.number() })
            .readonly()
            .optional()
            .openapi({ description: 'while the weight rises to `full`; since and over in ms' }),
        }),
      )
      .readonly(),
    excluded: z.array(z.object({ id: z.string(), reason: z.string() })).readonly(),
    epoch: z.string().openapi({ description: 'of this start of the registry' }),
  })
  .openapi('Route');

export const Done = z.object({ status: z.literal('done') }).openapi('Done');

export const Problem = z
  .object({ error: z.object({ code: z.string(), message: z.string() }) })
  .openapi('Problem');
