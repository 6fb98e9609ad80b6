/** One connection, and one HTTP request over a connection of its own, to addresses known before. */
import {
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { checkObject, checkRange } from '../../core/validate.js';
import { type Address, answering, bareHost } from './resolve.js';

/** What a TLS connection is made with, as in node:tls. */
export type TlsOptions = Pick<
  RequestOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized' | 'minVersion'
>;

export interface Exchange {
  readonly url: URL;
  readonly addresses: readonly Address[];
  readonly method: 'GET' | 'HEAD';
  readonly headers?: OutgoingHttpHeaders | undefined;
  readonly tls?: TlsOptions | undefined;
  /** The most bytes of the body that are read; then the connection is closed. 0 for none. */
  readonly maxBody: number;
  /** The other side took the connection. */
  onConnect?(): void;
}

export interface Reply {
  readonly status: number;
  /** As UTF-8; cut at {@link Exchange.maxBody}. */
  readonly body: string;
}

/**
 * Headers and TLS options that a request would take: wrong ones fail each request before it is
 * sent, which would look like the other side's failure.
 *
 * @throws TypeError, RangeError that name `headers` or `tls`
 */
export function checkRequest(headers: unknown, tls: unknown): void {
  if (headers !== undefined) {
    checkObject('headers', headers);
    checkTaken('headers', 'what node:http takes', () => {
      for (const [name, value] of Object.entries(headers as OutgoingHttpHeaders)) {
        validateHeaderName(name);
        for (const each of [value].flat()) validateHeaderValue(name, each as string);
      }
    });
  }
  if (tls !== undefined) {
    checkObject('tls', tls);
    checkTaken('tls', 'what node:tls takes', () => createSecureContext(tls as TlsOptions));
  }
}

function checkTaken(name: string, expected: string, use: () => unknown): void {
  try {
    use();
  } catch (error) {
    checkRange(name, expected, (error as Error).message, false);
  }
}

/** What the other side is given to close, in ms. */
const PARTING = 1000;

/**
 * Sends one request and reads its answer. The connection is new, since one that was kept hides
 * that nobody accepts any more; redirects are answers and are not followed.
 */
export function exchange(what: Exchange, signal: AbortSignal): Promise<Reply> {
  const { url, addresses, method, headers, tls, maxBody } = what;
  return new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:';
    const send = secure ? httpsRequest : httpRequest;
    const request = send(url, {
      ...(secure && tls),
      method,
      headers: { 'user-agent': 'phi-accrual', ...headers, connection: 'close' },
      agent: false,
      lookup: answering(addresses),
      signal,
    });
    request.on('socket', (socket: Socket) => {
      // Not only once TLS is agreed on: who takes a connection and then says nothing was reached.
      socket.once('connect', () => what.onConnect?.());
    });
    request.once('response', (response) => {
      readBody(response, maxBody).then((body) => {
        resolve({ status: response.statusCode as number, body });
        request.destroy();
      }, reject);
    });
    request.on('error', reject);
    // As for a switch to another protocol, which is neither answer nor error to Node.
    request.once('close', () => reject(new Error('closed without an answer')));
    request.end();
  });
}

function readBody(response: IncomingMessage, most: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const done = () => resolve(Buffer.concat(chunks).subarray(0, most).toString('utf8'));
    response.on('error', reject);
    if (most === 0) return done();
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= most) done();
    });
    response.once('end', done);
    response.once('close', () => reject(new Error('the connection closed within the answer')));
  });
}

/** Connects and closes: that the other side takes a connection is the answer. */
export function touch(
  host: string,
  port: number,
  addresses: readonly Address[],
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: bareHost(host), port, lookup: answering(addresses) });
    const abort = () => {
      socket.destroy();
      reject(signal.reason);
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
    socket.once('connect', () => {
      resolve();
      // To close over a greeting that was not read would be an error to whoever sent it.
      socket.resume().end();
      const timer = setTimeout(() => socket.destroy(), PARTING).unref();
      socket.unref().once('close', () => clearTimeout(timer));
    });
    // After the connection an error is the other side's end, which changes nothing.
    socket.on('error', reject);
  });
}
