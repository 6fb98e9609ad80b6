/** HTTP requests as pings. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Answer, Ping } from './ping-recorder.js';

/** Bodies beyond so many bytes or ms are cut off, with their connection: they are not asked for. */
const MOST_BODY = 65_536;
const LONGEST_BODY = 1000;

/**
 * Asks for `url`, over connections that are kept. The head of any answer counts, whatever its
 * status; redirects are answers and are not followed. `close()` closes the connections.
 */
export function httpPing(url: URL, method: 'GET' | 'HEAD'): { ping: Ping; close(): void } {
  const secure = url.protocol === 'https:';
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const send = secure ? httpsRequest : httpRequest;
  const headers = { 'user-agent': 'phi-accrual' };

  const ping: Ping = (signal) =>
    new Promise<Answer>((resolve, reject) => {
      const request = send(url, { method, agent, signal, headers });
      let retried = false;
      request.once('response', (response) => {
        resolve({ at: performance.now(), kind: `status ${response.statusCode}` });
        discard(response);
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        // The server had closed a kept connection just then: that is no loss.
        retried = request.reusedSocket && /^(ECONNRESET|EPIPE)$/.test(error.code ?? '');
        if (retried && !signal.aborted) ping(signal).then(resolve, reject);
        else reject(error);
      });
      // As for a switch to another protocol, which is neither answer nor error to Node.
      request.once('close', () => {
        if (!retried) reject(new Error('closed without an answer'));
      });
      request.end();
    });
  return { ping, close: () => agent.destroy() };
}

/** Reads the body, so that the connection can be used again. */
function discard(response: IncomingMessage): void {
  const timer = setTimeout(() => response.destroy(), LONGEST_BODY);
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_BODY) response.destroy();
  });
  response.once('close', () => clearTimeout(timer));
  // The answer has been given; how its body ends says nothing more.
  response.on('error', () => {});
}
