/** What every request passes before its route: Host, Origin, body, headers of the answer, role. */
import type { IncomingMessage } from 'node:http';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Env, ServiceContext } from './context.js';
import { ServiceError } from './errors.js';
import type { Asker } from './rates.js';
import { COOKIE } from './sessions.js';
import { EVERYBODY, type Grant, type Role } from './tokens.js';

/** Probes come from kubelets and load balancers by any name, and say no more than a status. */
const PROBE = /^\/(livez|readyz)(\/|$)/;

export const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const;

const BEARER = /^Bearer /i;

/** What an `Authorization` header allows; undefined for nothing. */
export function grantOfHeader(header: string, { tokens }: ServiceContext): Grant | undefined {
  const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1];
  return token === undefined ? undefined : tokens.grantOf(token);
}

/**
 * Notes what a request's token or cookie allows, and from where it comes.
 *
 * @throws ServiceError `rate-limited` for one of too many wrong tokens
 */
function noteAsker(c: Context<Env>, context: ServiceContext): void {
  const { tokens, sessions } = context;
  const header = c.req.header('authorization');
  c.set('address', context.askers.addressOf(c.env?.incoming as IncomingMessage | undefined));
  if (!tokens.required) c.set('grant', EVERYBODY);
  else if (header !== undefined) {
    const grant = grantOfHeader(header, context);
    // Probes get the same answer by a wrong token as without one, whoever else asks from there.
    const isGuess = grant === undefined && BEARER.test(header) && !PROBE.test(c.req.path);
    if (isGuess) context.guesses.wrong(c.get('address'));
    c.set('grant', grant);
  } else {
    const session = getCookie(c, COOKIE);
    c.set('session', session);
    c.set('grant', session === undefined ? undefined : sessions.grantOf(session));
  }
}

/** Host and Origin, and whose request it is. */
export function guard(context: ServiceContext): MiddlewareHandler<Env> {
  const { hosts } = context;
  return async (c, next) => {
    const host = c.req.header('host');
    if (!PROBE.test(c.req.path) && !hosts.allowsHost(host)) {
      throw new ServiceError('host-not-allowed', 'Host is none of the names of this registry');
    }
    const site = c.req.header('sec-fetch-site');
    const foreign = site !== undefined && !['same-origin', 'none'].includes(site);
    const reads = c.req.method === 'GET' || c.req.method === 'HEAD';
    const origin = c.req.header('origin');
    // Browsers that send no Origin say where a request comes from in this way.
    const refused = origin === undefined ? foreign && !reads : !hosts.allowsOrigin(origin, host);
    if (refused) {
      throw new ServiceError('origin-not-allowed', 'pages of other origins may not ask');
    }
    noteAsker(c, context);
    await next();
    for (const [name, value] of Object.entries(HEADERS)) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
  };
}

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

/** In ms: for so long the rest of a body that is refused comes before an answer that closes. */
const LINGER = 2000;

/** Takes what comes still, for nothing: the adapter ends that after 64 MiB, or half a second. */
async function discard(reader: BodyReader): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // The client has gone, which is what it may.
  }
}

/**
 * Before an answer that is the end of its connection: what came after that would be refused by the
 * system, which would take the answer with it.
 */
async function linger(reader: BodyReader): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LINGER);
  });
  await Promise.race([discard(reader), enough]);
  clearTimeout(timer);
}

/**
 * All of a body, or undefined as soon as it has more than `most` bytes. It is not cancelled then:
 * that would end the connection while the rest comes.
 */
async function readBody(reader: BodyReader, most: number) {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) return undefined;
    chunks.push(value);
  }
  const all = Buffer.concat(chunks);
  return all.buffer.slice(all.byteOffset, all.byteOffset + all.length) as ArrayBuffer;
}

/** What an empty body says: many clients name the type of a body that they do not send. */
const NOTHING = new TextEncoder().encode('{}').buffer;

/**
 * A larger body is refused whether its length was announced or not. Not hono's bodyLimit: it makes
 * a new Request of the adapter's, which fails unless the adapter replaces the process's own Request.
 */
export function limitBody({ maxBodyBytes }: ServiceContext): MiddlewareHandler<Env> {
  return async (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return next();
    const length = c.req.header('content-length');
    const announced = Number(length ?? 0) > maxBodyBytes;
    const closes = c.env?.outgoing?.shouldKeepAlive === false;
    const wanted = length === undefined || (announced && closes);
    const reader = wanted ? c.req.raw.body?.getReader() : undefined;
    const read = reader && !announced ? await readBody(reader, maxBodyBytes) : undefined;
    if (announced || (reader && read === undefined)) {
      if (reader && closes) await linger(reader);
      else if (reader) void discard(reader);
      throw new ServiceError('too-large', `the body has more than ${maxBodyBytes} bytes`);
    }
    // Hono keeps promises there, whatever its types say.
    const empty = length === undefined ? (read?.byteLength ?? 0) === 0 : Number(length) === 0;
    const given = empty && c.req.header('content-type') !== undefined ? NOTHING : read;
    if (given !== undefined)
      Object.assign(c.req.bodyCache, { arrayBuffer: Promise.resolve(given) });
    return next();
  };
}

/** Who asks; behind {@link only}, which lets nobody pass without a grant. */
export const askerOf = (c: Context<Env>): Asker => ({
  grant: c.get('grant') as Grant,
  address: c.get('address'),
});

/** Lets the named roles and operators pass. */
export function only(...allowed: readonly Role[]): MiddlewareHandler<Env> {
  return async (c, next) => {
    const role = c.get('grant')?.role;
    if (role === undefined) {
      const given = c.req.header('authorization') !== undefined;
      const message = given ? 'the token is not known' : 'a token is needed';
      throw new ServiceError(given ? 'wrong-token' : 'no-token', message, {
        'www-authenticate': 'Bearer realm="phi-accrual"',
      });
    }
    if (role !== 'operator' && !allowed.includes(role)) {
      throw new ServiceError('forbidden', `a token for ${role}s does not allow this`);
    }
    await next();
  };
}
