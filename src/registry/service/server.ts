/** The HTTP server: what it takes of a client, and how it ends. */
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Env } from './context.js';
import { type ErrorCode, type Rejections, refusal, ServiceError } from './errors.js';
import { HEADERS } from './guard.js';

/** In ms: a client that is slower with its headers, or with all of its request, is cut off. */
const HEADERS_TIMEOUT = 5000;
/** Until TLS is agreed upon, in ms; Node's own is two minutes. */
const HANDSHAKE_TIMEOUT = 5000;
const REQUEST_TIMEOUT = 10_000;
/** Beats come every second: a connection is kept for a few of them. */
const KEEP_ALIVE = 15_000;
const MAX_HEADER_BYTES = 16_384;
const MAX_CONNECTIONS = 10_000;
/** How long running requests may go on when the server ends, in ms. */
const LAST = 300;

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly rejections: Rejections;
  /** Told of what ought not to happen. */
  readonly onError: (error: Error) => void;
}

const CLIENT_ERRORS: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'timeout',
};

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

const NO_REQUEST = 'this is no request that is taken here';

/** The answer to what HTTP can be made of, and no URL: its Host or target is none. */
function unrouted(error: unknown, { rejections, onError }: ServerOptions): Response {
  const known = error instanceof RequestError ? new ServiceError('invalid', NO_REQUEST) : undefined;
  // Whatever is thrown that is no Error comes here past the application.
  if (known === undefined) onError(error instanceof Error ? error : new Error(String(error)));
  const { body, status } = refusal(known, rejections);
  return Response.json(body, { status, headers: HEADERS });
}

/** What was no request gets its answer without one. */
function refuse(error: NodeJS.ErrnoException, socket: Socket, rejections: Rejections) {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = CLIENT_ERRORS[error.code ?? ''] ?? 'invalid';
  const { body: said, status } = refusal(new ServiceError(code, NO_REQUEST), rejections);
  if (!/^(HPE|ERR_HTTP)_/.test(error.code ?? '')) {
    socket.destroy(); // TLS was never agreed upon: an answer would wait for that
    return;
  }
  const body = JSON.stringify(said);
  socket.end(
    `HTTP/1.1 ${status} ${REASONS[status]}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** A server that listens; what `before` makes of the listener for all requests takes them first. */
export class HttpServer {
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;
  readonly url: string;

  private constructor(server: Server, sockets: ReadonlySet<Socket>, url: string) {
    this.#server = server;
    this.#sockets = sockets;
    this.url = url;
  }

  /** @throws the system's error if files or port cannot be had */
  static async listen(
    app: OpenAPIHono<Env>,
    options: ServerOptions,
    before: (general: RequestListener) => RequestListener,
  ): Promise<HttpServer> {
    const { host, port, tls, rejections } = options;
    const limits = {
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: KEEP_ALIVE,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: MAX_HEADER_BYTES,
      requireHostHeader: false, // Node's answer would be none of ours; probes may come without
    };
    const listener = before(
      getRequestListener(app.fetch, {
        overrideGlobalObjects: false, // an embedding process keeps its own Request and Response
        hostname: 'localhost', // of URLs where there is no Host, which the guard looks at
        errorHandler: (error) => unrouted(error, options),
      }),
    );
    const server = tls
      ? createHttps(
          {
            ...limits,
            handshakeTimeout: HANDSHAKE_TIMEOUT,
            cert: readFileSync(tls.cert),
            key: readFileSync(tls.key),
          },
          listener,
        )
      : createHttp(limits, listener);
    server.maxConnections = MAX_CONNECTIONS;
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.on('clientError', (error, socket) => refuse(error, socket as Socket, rejections));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      // Exclusive: workers of node:cluster would share the port, and each know a part of the instances.
      server.listen({ port, host, exclusive: true }, resolve);
    });
    const bound = server.address() as AddressInfo;
    const name = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
    return new HttpServer(server, sockets, `http${tls ? 's' : ''}://${name}:${bound.port}`);
  }

  /** Takes no more; requests that run may end within 300 ms. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    // Not closeAllConnections(): it knows of none that is still agreeing upon TLS.
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, LAST);
    await closed;
    clearTimeout(timer);
  }
}
