/** A registry's service for tests, and requests of it that need no socket. */
import { afterEach } from 'vitest';
import {
  type RegistryService,
  type ServiceOptions,
  startService,
} from '../../src/registry/service/index.js';

export const TOKENS = {
  node: 'node-token-0123456789',
  reader: 'reader-token-0123456789',
  operator: 'operator-token-0123456789',
} as const;

const running: RegistryService[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.close()));
});

/** Ends with the test. It does not learn at its start, as one that has lost what it knew does. */
export async function start(options: ServiceOptions = {}): Promise<RegistryService> {
  const registry = { warmUp: 0, ...options.registry };
  const service = await startService({ port: 0, udpPort: false, ...options, registry });
  running.push(service);
  return service;
}

export interface Asking {
  readonly method?: string;
  readonly body?: unknown;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function request(path: string, { method, body, token, headers }: Asking = {}): Request {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return new Request(`http://localhost${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      host: 'localhost',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(text !== undefined && { body: text }),
  });
}

export async function ask(service: RegistryService, path: string, asking?: Asking) {
  const response = await service.fetch(request(path, asking));
  const { status, headers } = response;
  const text = await response.text();
  const isJson = /json/.test(headers.get('content-type') ?? '');
  return { status, headers, text, json: isJson ? JSON.parse(text) : undefined };
}

/** What a node says of itself. */
export const web = (id: string, more: object = {}) => ({
  id,
  service: 'web',
  address: '10.0.0.1:80',
  ...more,
});
