/** The targets of a service for consumers that cannot speak our API: `GET /services/:service/targets`. */
import { createHash } from 'node:crypto';
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { InstanceView } from '../../instance.js';
import { targetOf } from '../../probe/target.js';
import type { Registry } from '../../registry.js';
import type { Route } from '../../views.js';
import type { Env, ServiceContext } from '../context.js';
import { ServiceError } from '../errors.js';
import * as schemas from '../schemas.js';
import { allowed, answers } from './describe.js';

const FORMATS = ['json', 'text', 'prometheus', 'haproxy'] as const;

const route = createRoute({
  method: 'get',
  path: '/services/{service}/targets',
  summary: 'Who may get traffic, for Prometheus, HAProxy and scripts.',
  ...allowed('reader'),
  request: {
    params: schemas.servicePath,
    query: z.object({
      format: z.enum(FORMATS).optional().openapi({ description: 'default json' }),
      all: z
        .literal('1')
        .optional()
        .openapi({ description: 'also those that get no traffic, as for monitoring' }),
    }),
  },
  responses: answers(
    200,
    z.any().openapi({ description: 'JSON or plain text, by format' }),
    'The targets; x-phi-accrual-omitted counts those whose address is no host:port.',
    'invalid',
    'learning',
  ),
});

/** One target as all formats see it; `weight` is 0 for one that gets no traffic. */
interface Entry {
  readonly id: string;
  readonly address: string;
  readonly weight: number;
  readonly view: InstanceView | undefined;
}

function entriesOf(registry: Registry, service: string, { targets }: Route, all: boolean): Entry[] {
  const routed = targets.map((target) => ({ ...target, view: registry.get(target.id) }));
  if (!all) return routed;
  const ids = new Set(routed.map(({ id }) => id));
  const others = registry.instances(service).filter(({ id }) => !ids.has(id));
  return [
    ...routed,
    ...others.map((view) => ({ id: view.id, address: view.address ?? '', weight: 0, view })),
  ];
}

/** `host:port`, as programs other than ours read it; undefined for an address that is none. */
function hostAndPort(address: string): string | undefined {
  const target = targetOf(address, false);
  return target && `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
}

/** Labels of Prometheus' service discovery: it drops them, unless they are relabelled. */
function labelsOf({ id, view }: Entry): Record<string, string> {
  const labels: Record<string, string> = { __meta_phi_accrual_id: id };
  if (view === undefined) return labels;
  labels.__meta_phi_accrual_service = view.service ?? '';
  labels.__meta_phi_accrual_status = view.status;
  labels.__meta_phi_accrual_routable = String(view.routable);
  for (const [key, value] of Object.entries(view.meta)) {
    labels[`__meta_phi_accrual_meta_${key.replace(/[^a-zA-Z0-9_]/g, '_')}`] = value;
  }
  return labels;
}

/** A name that HAProxy takes: what it does not is replaced, and the name kept unique by a digest. */
function serverName(id: string): string {
  if (/^[\w.:-]+$/.test(id)) return id;
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 8);
  return `${id.replace(/[^\w.:-]/g, '_')}-${digest}`;
}

/** HAProxy's weights are integers from 1 to 256; 0 is no traffic. */
export const haproxyWeight = (weight: number): number =>
  weight === 0 ? 0 : Math.max(1, Math.round(weight * 100));

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');

/** What a format makes of the entries, each with its `host:port`. */
const WRITERS: Readonly<
  Record<
    Exclude<(typeof FORMATS)[number], 'json'>,
    { type: string; write(entries: readonly (Entry & { readonly at: string })[]): string }
  >
> = {
  text: { type: 'text/plain', write: (entries) => lines(entries.map(({ at }) => at)) },
  prometheus: {
    type: 'application/json',
    write: (entries) =>
      JSON.stringify(entries.map((each) => ({ targets: [each.at], labels: labelsOf(each) }))),
  },
  haproxy: {
    type: 'text/plain',
    write: (entries) =>
      lines(
        entries.map(
          ({ id, at, weight }) => `server ${serverName(id)} ${at} weight ${haproxyWeight(weight)}`,
        ),
      ),
  },
};

export function addTargets(app: OpenAPIHono<Env>, { registry }: ServiceContext): void {
  app.openapi(route, (c) => {
    const { service } = c.req.valid('param');
    const { format = 'json', all } = c.req.valid('query');
    const found = registry.route(service);
    const entries = entriesOf(registry, service, found, all !== undefined);
    if (format === 'json') {
      const targets = entries.map(({ id, address, weight }) => ({ id, address, weight }));
      return c.json({ mode: found.mode, targets }, 200);
    }
    // A list would be taken for all there is. Prometheus and scripts keep the last one at an error.
    if (found.mode === 'learning') {
      throw new ServiceError('learning', 'the registry has just started: keep what you know', {
        'retry-after': '1',
      });
    }
    const known = entries.flatMap((entry) => {
      const at = hostAndPort(entry.address);
      return at === undefined ? [] : [{ ...entry, at }];
    });
    const { type, write } = WRITERS[format];
    return c.body(write(known), 200, {
      'content-type': `${type}; charset=utf-8`,
      'x-phi-accrual-mode': found.mode,
      'x-phi-accrual-omitted': String(entries.length - known.length),
    }) as never;
  });
}
