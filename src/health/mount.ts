/** Where health answers: a handler as Node's frameworks have them, and one as the web has them. */
import { NOT_FOUND, type Reply } from './wire.js';

/** What is used of a request: node:http's or node:http2's, and what frameworks make of it. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** What was asked for before Express or Connect took the path of a mount away. */
  readonly originalUrl?: string | undefined;
}

/** What is used of a response. */
export interface NodeResponse {
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  statusCode: number;
  setHeader(name: string, value: string | number): unknown;
  end(): unknown;
  end(body: string): unknown;
}

export type NodeHandler = (req: NodeRequest, res: NodeResponse, next?: () => void) => void;

/** The answer to a request; undefined if the path is none of ours. */
export type Answering = (method: string, url: string) => Promise<Reply> | undefined;

const lengthOf = (body: string): number => new TextEncoder().encode(body).length;

function write(res: NodeResponse, { status, headers, body }: Reply, method: string): void {
  // A time-out of the framework may have answered, or the client may have gone.
  if (res.headersSent || res.destroyed) return;
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.setHeader('Content-Length', lengthOf(body));
  if (method === 'HEAD') res.end();
  else res.end(body);
}

export function nodeHandler(answer: Answering): NodeHandler {
  return (req, res, next) => {
    const { method = 'GET', url = '/', originalUrl = url } = req;
    // Mounted at /livez itself, nothing of the path is left in the URL.
    const anew = originalUrl === url ? undefined : originalUrl;
    const reply = answer(method, url) ?? (anew === undefined ? undefined : answer(method, anew));
    if (reply) void reply.then((each) => write(res, each, method));
    else if (next) next();
    else write(res, NOT_FOUND, method);
  };
}

export function webFetch(answer: Answering): (request: Request) => Promise<Response> {
  return async ({ method, url }) => {
    const { status, headers, body } = (await answer(method, url)) ?? NOT_FOUND;
    const length = { 'Content-Length': String(lengthOf(body)) };
    return new Response(method === 'HEAD' ? null : body, {
      status,
      headers: { ...headers, ...length },
    });
  };
}
