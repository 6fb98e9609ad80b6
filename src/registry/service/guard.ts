/** What every request passes before its route: Host, Origin, body, headers of the answer, role. */
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Env, ServiceContext } from './context.js';
import { ServiceError } from './errors.js';
import { COOKIE } from './sessions.js';
import type { Role } from './tokens.js';

/** Probes come from kubelets and load balancers by any name, and say no more than a status. */
const PROBE = /^\/(livez|readyz)(\/|$)/;

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const;

/** The role that a request's token or cookie gives it; undefined for none. */
function roleOf(c: Context<Env>, { tokens, sessions }: ServiceContext): Role | undefined {
  if (!tokens.required) return 'operator';
  const header = c.req.header('authorization');
  if (header !== undefined) {
    const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1];
    return token === undefined ? undefined : tokens.roleOf(token);
  }
  const session = getCookie(c, COOKIE);
  return session === undefined ? undefined : sessions.roleOf(session);
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
    c.set('role', roleOf(c, context));
    await next();
    for (const [name, value] of Object.entries(HEADERS)) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
  };
}

/** All of a body, or undefined as soon as it has more than `most` bytes. */
async function readBody(body: ReadableStream<Uint8Array>, most: number) {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) return undefined;
    chunks.push(chunk);
  }
  const all = Buffer.concat(chunks);
  return all.buffer.slice(all.byteOffset, all.byteOffset + all.length) as ArrayBuffer;
}

/**
 * A larger body is refused whether its length was announced or not. Not hono's bodyLimit: it makes
 * a new Request of the adapter's, which fails unless the adapter replaces the process's own Request.
 */
export function limitBody({ maxBodyBytes }: ServiceContext): MiddlewareHandler<Env> {
  return async (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return next();
    const length = c.req.header('content-length');
    const { body } = length === undefined ? c.req.raw : { body: null };
    const read = body === null ? undefined : await readBody(body, maxBodyBytes);
    if (Number(length ?? 0) > maxBodyBytes || (body !== null && read === undefined)) {
      const message = `the body has more than ${maxBodyBytes} bytes`;
      throw new ServiceError('too-large', message, { connection: 'close' }); // the rest is not read
    }
    // Hono keeps promises there, whatever its types say.
    if (read !== undefined) Object.assign(c.req.bodyCache, { arrayBuffer: Promise.resolve(read) });
    return next();
  };
}

/** Lets the named roles and operators pass. */
export function only(...allowed: readonly Role[]): MiddlewareHandler<Env> {
  return async (c, next) => {
    const role = c.get('role');
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
