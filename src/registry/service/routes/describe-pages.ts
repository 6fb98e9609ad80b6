/** What /openapi.json says of routes that are no JSON API: handlers of their own, not generated. */
import { type OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi';
import type { Env } from '../context.js';
import { Problem, SessionView, SignIn, serviceQuery } from '../schemas.js';
import { answers, body, SECURITY } from './describe.js';

const text = (type: string, description: string) => ({
  description,
  content: { [type]: { schema: z.string() } },
});
const problem = (description: string) => ({
  description,
  content: { 'application/json': { schema: Problem } },
});
/** Without a token that is all that is told. */
const status = (of: string) => ({
  200: { description: `${of}; with a token of a reader, what was found` },
  503: { description: `not ${of}` },
});
const secured = (...roles: string[]) => ({
  security: SECURITY,
  'x-roles': [...roles, 'operator'],
});
const token = { 401: problem('no-token, wrong-token'), 403: problem('forbidden') };
const Said = z.object({ status: z.enum(['done', 'nothing to do']) });

const ROUTES: readonly RouteConfig[] = [
  {
    method: 'get',
    path: '/events',
    summary: 'A snapshot, then every change once, as server-sent events.',
    ...secured('reader'),
    request: {
      query: serviceQuery.extend({
        frames: z.literal('1').optional().openapi({ description: 'figures of all, once a second' }),
      }),
      headers: z.object({
        'last-event-id': z.string().optional().openapi({ description: 'goes on after it' }),
      }),
    },
    responses: {
      200: text('text/event-stream', 'Events snapshot, change, protection and frame.'),
      ...token,
      400: problem('invalid'),
      503: problem('too-many-streams, closing'),
    },
  },
  {
    method: 'get',
    path: '/metrics',
    summary: 'Metrics of the registry and its instances, for Prometheus.',
    ...secured('reader'),
    responses: { 200: text('text/plain', 'The text format.'), ...token },
  },
  {
    method: 'get',
    path: '/livez',
    summary: 'Whether the process works.',
    responses: status('alive'),
  },
  {
    method: 'get',
    path: '/readyz',
    summary: 'Whether it can do its work.',
    responses: status('ready'),
  },
  {
    method: 'get',
    path: '/status',
    summary: 'All checks with their last results.',
    ...secured('reader'),
    responses: { 200: { description: 'The checks.' }, ...token },
  },
  {
    method: 'get',
    path: '/status.svg',
    summary: 'The same as a picture.',
    ...secured('reader'),
    responses: { 200: text('image/svg+xml', 'The picture.'), ...token },
  },
  {
    method: 'get',
    path: '/session',
    summary: 'Who asks.',
    ...secured('node', 'reader'),
    responses: answers(200, SessionView, 'The role.'),
  },
  {
    method: 'post',
    path: '/session',
    summary: 'Changes a token for a cookie, which no script can read.',
    request: { body: body(SignIn, true) },
    responses: answers(
      200,
      SessionView,
      'The role, and the cookie.',
      ...(['invalid', 'wrong-token', 'too-large', 'media-type', 'rate-limited'] as const),
    ),
  },
  {
    method: 'delete',
    path: '/session',
    summary: 'Ends the session.',
    responses: { 200: { description: 'It has ended.' } },
  },
  {
    method: 'post',
    path: '/demo/{id}/{act}',
    summary: 'Kills, freezes, resumes or starts a node of a demonstration.',
    ...secured(),
    request: {
      params: z.object({ id: z.string(), act: z.enum(['kill', 'freeze', 'resume', 'start']) }),
    },
    responses: answers(200, Said, 'Whether there was something to do.', 'not-found'),
  },
  {
    method: 'get',
    path: '/openapi.json',
    summary: 'This document.',
    ...secured('node', 'reader'),
    responses: { 200: { description: 'OpenAPI 3.1.' }, ...token },
  },
];

export function describePages(app: OpenAPIHono<Env>, cookie: string): void {
  for (const route of ROUTES) app.openAPIRegistry.registerPath(route);
  const scheme = { type: 'apiKey', in: 'cookie', name: cookie } as const;
  app.openAPIRegistry.registerComponent('securitySchemes', 'cookie', scheme);
}
