/** The service's own polls, and its last moments. Needs the build (npm ci makes it). */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { cli, Running } from '../support/processes.js';

const running: Running[] = [];
const servers: Server[] = [];
afterEach(async () => {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all(running.splice(0).map((process) => process.exited));
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function serve(...args: string[]): Promise<{ process: Running; url: string }> {
  const process = new Running([cli, 'serve', '--port', '0', '--udp-port', '0', ...args]);
  running.push(process);
  const [, url] = await process.says(/^(http:\S+)\n/);
  return { process, url };
}

const post = (url: string, body: object) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

it('polls who registered, where it registered from and nowhere else', async () => {
  const asked: string[] = [];
  const node = createServer((request, response) => {
    asked.push(String(request.url));
    response.end();
  }).listen(0, '127.0.0.1');
  servers.push(node);
  await vi.waitUntil(() => node.listening);
  const { port } = node.address() as AddressInfo;
  const { url } = await serve('--probe', 'http:/alive', '--probe-interval', '100');
  await post(`${url}/register`, { id: 'mine', service: 's', address: `127.0.0.1:${port}` });
  // The same server by another of its addresses, from which nobody registered.
  await post(`${url}/register`, { id: 'other', service: 's', address: `127.0.0.2:${port}` });
  const signals = async (id: string) => {
    const answer = (await (await fetch(`${url}/instances/${id}`)).json()) as {
      instance: { status: string; signals: { process: string } };
    };
    return [answer.instance.status, answer.instance.signals.process];
  };
  await vi.waitUntil(async () => (await signals('mine'))[1] === 'ok', { timeout: 20_000 });
  expect(await signals('mine')).toEqual(['available', 'ok']);
  expect(new Set(asked)).toEqual(new Set(['/alive']));
  await vi.waitUntil(async () => (await signals('other'))[1] === 'unknown', { timeout: 20_000 });
  expect(await signals('other')).toEqual(['starting', 'unknown']); // our failure, not its own
  node.close().closeAllConnections();
  await vi.waitUntil(async () => (await signals('mine'))[0] === 'dead', { timeout: 20_000 });
});

it('says that it ends before it does', async () => {
  const { process, url } = await serve('--drain', '3000', '--warm-up', '0');
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  process.kill('SIGTERM');
  await vi.waitUntil(async () => (await fetch(`${url}/readyz`)).status === 503);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect(await process.exited).toEqual({ code: 0, signal: null });
});

it.each([
  ['--probe', 'icmp'],
  ['--probe', 'tcp:/path'],
  ['--probe-interval', '100'],
  ['--probe', 'tcp', '--probe-allow', 'everywhere'],
  ['--trust-proxy', 'everywhere'],
  ['--ttl', '0'],
  ['--threshold', '8', '--max-mistakes', '1/day'],
])('refuses %s %s', async (...args) => {
  const process = new Running([cli, 'serve', '--port', '0', '--udp-port', '0', ...args]);
  running.push(process);
  expect(await process.exited).toEqual({ code: 2, signal: null });
  expect(process.output).toMatch(/^phi-accrual: .+\n$/);
  expect(process.output).toContain(args.filter((each) => each.startsWith('--')).at(-1));
});
