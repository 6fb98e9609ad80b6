/**
 * The way of ordinary heartbeats by HTTP, a thousand a second of which are nothing unusual: straight
 * from Node's request to its response. What takes the time on the general way are not the checks,
 * but the Request, the Response and the streams of the web that Node makes of its own. Whatever is
 * unusual about one goes the general way, which has all the answers.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { z } from '@hono/zod-openapi';
import type { Beats } from './beats.js';
import type { ServiceContext } from './context.js';
import { refusal, ServiceError } from './errors.js';
import { grantOfHeader, HEADERS } from './guard.js';
import type { Asker } from './rates.js';
import { Beat } from './schemas.js';
import { EVERYBODY } from './tokens.js';

/** Ids that are the same in a path and by themselves. */
const PATH = /^\/heartbeat\/([\w.~-]{1,255})$/;
const JSON_TYPE = /^application\/json *(; *charset=utf-8)?$/i;
/** Browsers send them, and then more is to be looked at. */
const UNUSUAL = ['origin', 'sec-fetch-site', 'cookie', 'transfer-encoding', 'expect'] as const;

/** As a list Node writes headers in a fifth of the time that it takes for those of an object. */
const SAID = Object.entries({ ...HEADERS, 'content-type': 'application/json' }).flat();

const NONE: string[] = [];

/** The id that beats and who says so, if there is nothing unusual about it. */
function ordinary(
  incoming: IncomingMessage,
  context: ServiceContext,
): { readonly id: string; readonly asker: Asker } | undefined {
  const { method, url, headers } = incoming;
  const id = method === 'POST' ? PATH.exec(url ?? '')?.[1] : undefined;
  if (id === undefined || id === '.' || id === '..') return undefined;
  if (UNUSUAL.some((name) => headers[name] !== undefined)) return undefined;
  const { 'content-length': length, 'content-type': type, host, authorization } = headers;
  if (!(Number(length) <= context.maxBodyBytes) || !JSON_TYPE.test(type ?? '')) return undefined;
  if (!context.hosts.allowsHost(host)) return undefined;
  const { required } = context.tokens;
  const grant = required ? grantOfHeader(authorization ?? '', context) : EVERYBODY;
  if (grant === undefined || grant.role === 'reader') return undefined;
  return { id, asker: { grant, address: context.askers.addressOf(incoming) } };
}

/** What it says, if it is a heartbeat of the present life. */
function beatOf(body: Buffer, id: string, { registry }: ServiceContext) {
  let said: unknown;
  try {
    said = JSON.parse(body.toString());
  } catch {
    return undefined; // the general way says what is wrong
  }
  const { success, data } = Beat.safeParse(said);
  return success && data.generation === registry.get(id)?.generation ? data : undefined;
}

/** Takes ordinary heartbeats, and leaves the rest to `general`. */
export function fastBeats(
  context: ServiceContext,
  beats: Beats,
  general: RequestListener,
): RequestListener {
  const taken = (asker: Asker, id: string, beat: z.infer<typeof Beat>) => {
    try {
      return { status: 200, body: beats.take(asker, id, beat), headers: NONE };
    } catch (error) {
      const known = error instanceof ServiceError ? error : undefined;
      if (known === undefined) context.onError(error as Error);
      const { status, body, headers } = refusal(known, context.rejections);
      return { status, body, headers: Object.entries(headers).flat() };
    }
  };
  const answer = (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    { id, asker }: { readonly id: string; readonly asker: Asker },
    body: Buffer,
  ) => {
    const beat = beatOf(body, id, context);
    if (beat === undefined) {
      general(Object.assign(incoming, { rawBody: body }), outgoing);
      return;
    }
    // What was taken, or refused, is counted: it must not come again on the general way.
    const { status, body: said, headers } = taken(asker, id, beat);
    const text = JSON.stringify(said);
    const length = ['content-length', String(Buffer.byteLength(text))];
    outgoing.writeHead(status, SAID.concat(length, headers));
    outgoing.end(text);
  };
  return (incoming, outgoing) => {
    const of = ordinary(incoming, context);
    if (of === undefined) return general(incoming, outgoing);
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    // A request that is cut off has no end, and gets no answer.
    incoming.on('end', () => {
      answer(incoming, outgoing, of, parts.length === 1 ? parts[0] : Buffer.concat(parts));
    });
  };
}
