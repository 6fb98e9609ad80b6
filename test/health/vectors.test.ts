/** What etcd and kube-apiserver answer, request by request. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createHealth } from '../../src/health/index.js';

interface Vector {
  readonly id: string;
  readonly profile: 'etcd' | 'kube';
  readonly endpoint: string;
  readonly checks: readonly { name: string; fail?: string; group?: string }[];
  readonly request: { method: string; path: string };
  readonly expect: {
    status: number;
    body?: string;
    headers?: Record<string, string>;
    contains?: string[];
    notContains?: string[];
  };
}

const file = new URL('../vectors/health.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };

/** Both ways of mounting, without a socket. */
const ways = {
  async fetch(health: ReturnType<typeof createHealth>, { method, path }: Vector['request']) {
    const response = await health.fetch(new Request(`http://localhost${path}`, { method }));
    const { status, headers } = response;
    return { status, body: await response.text(), header: (name: string) => headers.get(name) };
  },
  handler(health: ReturnType<typeof createHealth>, { method, path }: Vector['request']) {
    const headers = new Headers();
    return new Promise<{ status: number; body: string; header(name: string): string | null }>(
      (resolve) => {
        const response = {
          headersSent: false,
          destroyed: false,
          statusCode: 200,
          setHeader: (name: string, value: string | number) => headers.set(name, String(value)),
          end: (body = '') =>
            resolve({ status: response.statusCode, body, header: (name) => headers.get(name) }),
        };
        health.handler({ method, url: path }, response);
      },
    );
  },
};

describe.each(Object.entries(ways))('through %s', (_, ask) => {
  it.each(vectors)('$id', async (vector) => {
    const health = createHealth({ profile: vector.profile });
    for (const { name, fail, group } of vector.checks) {
      const check = () => fail ?? true;
      health.add(vector.endpoint, name, check, group ? { excludeWith: group } : {});
    }
    if (vector.endpoint === 'healthz' && vector.checks.length === 0) {
      expect(health.handles('/healthz')).toBe(true);
    }
    const { status, body, header } = await ask(health, vector.request);
    const { contains = [], notContains = [], headers = {} } = vector.expect;
    expect(status).toBe(vector.expect.status);
    if (vector.expect.body !== undefined) expect(body).toBe(vector.expect.body);
    for (const part of contains) expect(body).toContain(part);
    for (const part of notContains) expect(body).not.toContain(part);
    for (const [name, value] of Object.entries(headers)) expect(header(name)).toBe(value);
    expect(header('cache-control')).toBe('no-store');
  });
});

it('all 44 of them', () => {
  expect(vectors.length).toBe(44);
});
