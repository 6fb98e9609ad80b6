/** The HTTP server: what it takes of a client, and how it ends. */
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { subscriberOf } from '../networks.js';
import type { Env } from './context.js';
import { type ErrorCode, type Rejections, refusal, ServiceError } from './errors.js';
import { HEADERS } from './guard.js';

/** How long a client may take, in ms. */
const TIMES = {
  /** With its headers. */
  headers: 5000,
  /** With all of its request. */
  request: 10_000,
  /** Until TLS is agreed upon; Node's own is two minutes. */
  handshake: 5000,
  /** Between requests. Beats come every second: a connection is kept for a few of them. */
  keepAlive: 15_000,
  /** Without taking anything of an answer; more than what is said now and then to readers of events. */
  idle: 30_000,
  /** To take the answer that ends its connection, and to end it from its side. */
  linger: 1000,
  /** Between two looks for who is late. */
  look: 1000,
};
const MAX_HEADER_BYTES = 16_384;
/** How long running requests may go on when the server ends, in ms. */
const LAST = 300;

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** The most connections at once, and of them those from one address that is no proxy's. */
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Whether connections from an address are not counted by it. */
  readonly isExempt: (address: string) => boolean;
  /** Default {@link TIMES}. */
  readonly times?: Partial<typeof TIMES>;
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

/**
 * What was no request gets its answer without one. A client may leave our end unanswered: its
 * connection is not ours to keep for that.
 */
function refuse(
  error: NodeJS.ErrnoException,
  socket: Socket,
  rejections: Rejections,
  linger: number,
) {
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
  const timer = setTimeout(() => socket.destroy(), linger);
  socket.once('close', () => clearTimeout(timer));
  socket.end(
    `HTTP/1.1 ${status} ${REASONS[status]}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/**
 * One request of a connection at a time: those that were sent before the answer to the one before
 * wait until that has gone out. Node would have all of them answered at once, and keep the answers
 * for a client that may never read one.
 */
const inTurn =
  (listener: RequestListener): RequestListener =>
  (incoming, outgoing) => {
    if (outgoing.socket !== null) listener(incoming, outgoing);
    else outgoing.once('socket', () => listener(incoming, outgoing));
  };

/** Counts connections by who has them, so that nobody has all. */
class Places {
  readonly #counts = new Map<string, number>();
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /** Whether there is a place for the connection; it is given back when that closes. */
  take(socket: Socket): boolean {
    const { remoteAddress: address = '' } = socket;
    if (this.#options.isExempt(address)) return true;
    const key = subscriberOf(address);
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#options.maxConnectionsPerAddress) return false;
    this.#counts.set(key, count + 1);
    socket.once('close', () => {
      const left = (this.#counts.get(key) as number) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    });
    return true;
  }
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
    const times = { ...TIMES, ...options.times };
    const limits = {
      headersTimeout: times.headers,
      requestTimeout: times.request,
      keepAliveTimeout: times.keepAlive,
      connectionsCheckingInterval: times.look,
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
    const taken = inTurn(listener);
    const server = tls
      ? createHttps(
          {
            ...limits,
            handshakeTimeout: times.handshake,
            cert: readFileSync(tls.cert),
            key: readFileSync(tls.key),
          },
          taken,
        )
      : createHttp(limits, taken);
    server.maxConnections = options.maxConnections;
    server.timeout = times.idle;
    const sockets = new Set<Socket>();
    const places = new Places(options);
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      if (places.take(socket)) return;
      rejections.count('too-many-connections');
      process.nextTick(() => socket.destroy()); // others are told of it first, and would be surprised
    });
    server.on('clientError', (error, socket) =>
      refuse(error, socket as Socket, rejections, times.linger),
    );
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      // Exclusive: workers of node:cluster would share the port, and each know a part of the instances.
      server.listen({ port, host, exclusive: true }, resolve);
    });
    const bound = server.address() as AddressInfo;
    const name = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
    return new HttpServer(server, sockets, `http${tls ? 's' : ''}://${name}:${bound.port}`);
  }

  /** Connections at present. */
  get connections(): number {
    return this.#sockets.size;
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
