/** TCP connections as pings. */
import { connect } from 'node:net';
import type { Answer, Ping } from './ping-recorder.js';

/** What the other side is given to close, in ms. */
const PARTING = 1000;

/** Connects and closes; the connection is the answer. */
export function tcpPing(host: string, port: number): Ping {
  return (signal) =>
    new Promise<Answer>((resolve, reject) => {
      const socket = connect({ host, port });
      const abort = () => {
        socket.destroy();
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      socket.once('close', () => signal.removeEventListener('abort', abort));
      socket.once('connect', () => {
        resolve({ at: performance.now() });
        // To close over a greeting that was not read would be an error to whoever sent it.
        socket.resume().end();
        const timer = setTimeout(() => socket.destroy(), PARTING).unref();
        socket.unref().once('close', () => clearTimeout(timer));
      });
      // After the connection an error is the other side's end, which changes nothing.
      socket.on('error', reject);
    });
}
