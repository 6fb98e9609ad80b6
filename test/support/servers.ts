/** Servers on free ports of the loopback, which end with their test. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Cleanups = (() => unknown)[];

export async function cleanUp(cleanups: Cleanups): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** Listens on a free port; its connections end with the test. */
export async function listen(server: Server, cleanups: Cleanups, host = '127.0.0.1') {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

export const serve = (listener: RequestListener, cleanups: Cleanups) =>
  listen(createHttp(listener), cleanups);

export const serveTcp = (listener: (socket: Socket) => void, cleanups: Cleanups) =>
  listen(createTcp(listener), cleanups);

/** A folder that goes with the test. */
export function folder(cleanups: Cleanups): string {
  const path = mkdtempSync(join(tmpdir(), 'phi-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A certificate of its own for `name`; undefined where there is no openssl. */
export function certificate(name: string, cleanups: Cleanups) {
  const path = folder(cleanups);
  const key = join(path, 'key.pem');
  const cert = join(path, 'cert.pem');
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const what = ['-nodes', '-days', '2', '-subj', `/CN=${name}`, '-addext'];
  try {
    execFileSync(
      'openssl',
      [...request, ...what, `subjectAltName=DNS:${name}`, '-keyout', key, '-out', cert],
      { stdio: 'ignore' },
    );
  } catch {
    return undefined;
  }
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

export const serveTls = (
  tls: { key: string; cert: string },
  listener: RequestListener,
  cleanups: Cleanups,
) => listen(createHttps(tls, listener), cleanups);

/** A port at which nobody listens. */
export async function closedPort(): Promise<number> {
  const cleanups: Cleanups = [];
  const { port } = await serveTcp(() => {}, cleanups);
  await cleanUp(cleanups);
  return port;
}
