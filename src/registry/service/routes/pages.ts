/** What is no JSON API: the page, its session, the stream of events, metrics and probes. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Env, ServiceContext } from '../context.js';
import { ServiceError } from '../errors.js';
import { askerOf, only } from '../guard.js';
import { keyOf } from '../rates.js';
import { SignIn, serviceQuery } from '../schemas.js';
import { COOKIE } from '../sessions.js';
import { EVERYBODY } from '../tokens.js';
import { describePages } from './describe-pages.js';

const DEMO = ['kill', 'freeze', 'resume', 'start'] as const;

export function addPages(app: OpenAPIHono<Env>, context: ServiceContext): void {
  describePages(app, COOKIE);
  addEvents(app, context);
  addSession(app, context);

  app.get('/metrics', only('reader'), async (c) => {
    const { type, text } = await context.metrics();
    return c.body(text, 200, { 'content-type': type });
  });

  // Without a token a probe gets a status and no more; so no query is passed on.
  const probe = async (c: Context<Env>) => {
    const url = new URL(c.req.url);
    // All others are refused alike; TRACE is one that no Request can have.
    const method = ['GET', 'HEAD'].includes(c.req.method) ? c.req.method : 'POST';
    const known = c.get('grant') !== undefined;
    if (known) return context.probe(new Request(url, { method }));
    url.search = '';
    url.pathname = `/${c.req.path.split('/')[1]}`;
    const { status, headers } = await context.probe(new Request(url, { method }));
    const allow = headers.get('allow');
    return c.body(null, status as 200, allow === null ? {} : { allow });
  };
  // Any method: which ones there are is for health to say, by 405.
  for (const path of ['/livez', '/readyz', '/livez/*', '/readyz/*']) app.all(path, probe);

  app.get('/status', only('reader'), (c) => context.probe(c.req.raw));
  app.get('/status.svg', only('reader'), (c) => context.probe(c.req.raw));

  for (const act of DEMO) {
    app.post(`/demo/:id/${act}`, only(), (c) => {
      const { demo } = context;
      if (demo === undefined) throw new ServiceError('not-found', 'this is no demonstration');
      const done = demo[act](c.req.param('id'));
      return c.json({ status: done ? 'done' : 'nothing to do' }, 200);
    });
  }
  addFiles(app, context); // the last: its names are of no other route
}

const EVENT_STREAM = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no', // nginx would hold it back
};

function addEvents(app: OpenAPIHono<Env>, { streams, sessions, tokens }: ServiceContext): void {
  app.get('/events', only('reader'), (c) => {
    const { service } = serviceQuery.parse({ service: c.req.query('service') });
    // Nobody would read it, and it would have a place until it is cut off.
    if (c.req.method === 'HEAD') return c.body(null, 200, EVENT_STREAM);
    const session = c.get('session');
    const asker = askerOf(c);
    const frames = c.req.query('frames') === '1';
    const stream = streams.open({
      service,
      asker: keyOf(asker),
      // Where all are operators, the page is known by the frames that it asks for.
      privileged: tokens.required ? asker.grant.role === 'operator' : frames,
      // Another tab may sign out, and a session has its end.
      allowed: () => session === undefined || sessions.grantOf(session) !== undefined,
      frames,
      lastEventId: c.req.header('last-event-id'),
      cut: () => c.env?.outgoing?.destroy(),
    });
    return c.body(stream.body, 200, EVENT_STREAM);
  });
}

function addSession(app: OpenAPIHono<Env>, context: ServiceContext): void {
  const { tokens, sessions, guesses } = context;
  const attributes = (c: Context<Env>) => ({
    path: '/',
    httpOnly: true,
    sameSite: 'Strict' as const,
    secure: context.secure || c.req.header('x-forwarded-proto') === 'https',
  });
  /** `cookie`: whether there is a session that can be ended. */
  const view = (role: string, cookie: boolean) => ({
    role,
    demo: context.demo !== undefined,
    cookie: cookie && tokens.required,
  });

  app.get('/session', only('node', 'reader'), (c) =>
    c.json(view(String(c.get('grant')?.role), getCookie(c, COOKIE) !== undefined), 200),
  );

  app.post('/session', async (c) => {
    if (!/^application\/json\b/i.test(c.req.header('content-type') ?? '')) {
      throw new ServiceError('media-type', 'content-type: expected application/json');
    }
    const { token } = SignIn.parse(await c.req.json());
    const grant = tokens.required ? tokens.grantOf(token) : EVERYBODY;
    if (grant === undefined) {
      guesses.wrong(c.get('address'));
      throw new ServiceError('wrong-token', 'the token is not known');
    }
    setCookie(c, COOKIE, sessions.open(grant), { ...attributes(c), maxAge: sessions.maxAge });
    return c.json(view(grant.role, true), 200);
  });

  app.delete('/session', (c) => {
    const session = getCookie(c, COOKIE);
    if (session !== undefined) sessions.close(session);
    deleteCookie(c, COOKIE, attributes(c));
    return c.json({ status: 'done' }, 200);
  });
}

function addFiles(app: OpenAPIHono<Env>, { files }: ServiceContext): void {
  const send = (c: Context<Env>, name: string) => {
    const file = files.get(name);
    if (file === undefined) {
      const none = name === 'index.html' ? 'the page is not installed' : 'no such path';
      throw new ServiceError('not-found', none);
    }
    return c.body(Uint8Array.from(file.bytes), 200, { 'content-type': file.type });
  };
  // The page itself holds nothing: it can be had by whoever is to sign in.
  app.get('/', (c) => send(c, 'index.html'));
  app.get('/:file{[\\w-]+\\.(?:js|css|svg|png|txt)}', (c) => send(c, c.req.param('file')));
}
