/** What requests may say and what answers look like: validated, and described in /openapi.json. */
import { z } from '@hono/zod-openapi';
import { isPlainText, PLAIN_TEXT } from '../../core/text.js';
import { MAX_ID_BYTES, MAX_NUMBER } from '../../sources/udp-wire.js';
import {
  FIELDS,
  type InstanceView,
  type Kind,
  SAID,
  type Registration as Said,
  SHOWN,
  SIGNAL_STATES,
} from '../instance.js';

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

/** What a strange request may say of a field: less than the registry itself takes. */
function requested(key: string, kind: Kind): z.ZodType {
  switch (kind.type) {
    case 'name':
      return key === 'id' ? id : key === 'service' ? service : name(key).openapi(told);
    case 'text':
      return z
        .string()
        .min(1)
        .max(MAX_TEXT)
        .refine(isPlainText, { error: `expected ${PLAIN_TEXT}` })
        .openapi({ example: '10.0.0.7:8080' });
    case 'texts':
      return z
        .record(z.string().min(1).max(MAX_META_KEY), z.string().max(MAX_META_VALUE))
        .refine((texts) => Object.entries(texts).flat().every(isPlainText), {
          error: `${key}: expected ${PLAIN_TEXT}`,
        })
        .refine((texts) => Object.keys(texts).length <= MAX_META, {
          error: `${key}: expected at most ${MAX_META} keys`,
        })
        .openapi({
          maxProperties: MAX_META,
          description: `keys of 1 to ${MAX_META_KEY} characters`,
        });
    case 'ms':
      return ms;
    default:
      return shown(kind);
  }
}

/** What a field looks like in an answer. */
function shown(kind: Kind): z.ZodType {
  switch (kind.type) {
    case 'name':
    case 'text':
      return z.string();
    case 'texts':
      return z.record(z.string(), z.string()).readonly();
    case 'boolean':
      return z.boolean();
    case 'choice':
      return z.enum(kind.of);
    case 'signals': {
      const signal = z.enum(SIGNAL_STATES);
      return z.object({ process: signal, service: signal }).readonly();
    }
    default:
      return z.number();
  }
}

interface Row {
  readonly kind: Kind;
  readonly description?: string;
}

const rowOf = (key: string): Row => FIELDS[key as keyof typeof FIELDS];

function saidOf(key: keyof Said): z.ZodType {
  const { kind, description } = rowOf(key);
  const schema = requested(key, kind);
  if (key === 'id') return schema;
  return description === undefined ? schema.optional() : schema.optional().openapi({ description });
}

export const Registration = z
  .strictObject({
    ...Object.fromEntries(SAID.map((key) => [key, saidOf(key)])),
    secret: secret
      .optional()
      .openapi({ description: 'of the present lease of the id: its holder may take it over' }),
  })
  .openapi('Registration') as unknown as z.ZodType<Said & { readonly secret?: string }>;

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

/** Names that an instance need not have. */
const isOptional = (key: string): boolean =>
  key !== 'id' && ['name', 'text'].includes(rowOf(key).kind.type);

export const Instance = z
  .object(
    Object.fromEntries(
      SHOWN.map(([key]) => {
        const schema = shown(rowOf(key).kind);
        return [key, isOptional(key) ? schema.optional() : schema];
      }),
    ),
  )
  .openapi('Instance') as unknown as z.ZodType<InstanceView>;

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
