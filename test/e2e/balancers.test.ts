/** The registry's targets in the hands of the real HAProxy and Prometheus; the service behind HAProxy and nginx. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RegistryService, ServiceOptions } from '../../src/registry/service/index.js';
import { installed, started } from '../support/programs.js';
import { type Cleanups, cleanUp, closedPort, folder, serve } from '../support/servers.js';
import { start, TOKENS } from '../support/service.js';

const cleanups: Cleanups = [];
afterEach(() => cleanUp(cleanups));

const haproxy = installed('haproxy');
const nginx = installed('nginx');
const prometheus = installed('prometheus');
for (const [program, path] of Object.entries({ haproxy, nginx, prometheus })) {
  if (path === undefined) console.log(`no ${program} here: its tests are skipped`);
}
const until = (condition: () => unknown) =>
  vi.waitUntil(condition, { timeout: 50_000, interval: 50 });

/** Servers that answer with their names, each a member that beats until it is told to stop. */
async function fleet(ids: readonly string[]) {
  const service = await start({
    agentCheck: 0,
    registry: { heartbeatInterval: 100, slowStart: 0 },
  });
  const beats = new Map<string, NodeJS.Timeout>();
  for (const id of ids) {
    const { port } = await serve((_, response) => response.end(id), cleanups);
    const lease = service.registry.register({ id, service: 'web', address: `127.0.0.1:${port}` });
    lease.renew();
    beats.set(
      id,
      setInterval(() => lease.renew(), 100),
    );
  }
  cleanups.push(() => {
    for (const timer of beats.values()) clearInterval(timer);
  });
  return { service, silence: (id: string) => clearInterval(beats.get(id)) };
}

async function get(url: string): Promise<string> {
  const response = await fetch(url);
  return response.ok ? response.text() : `status ${response.status}`;
}

/** HAProxy before a backend of these lines; its port. */
async function haproxyBefore(backend: readonly string[]): Promise<number> {
  const port = await closedPort();
  const path = join(folder(cleanups), 'haproxy.cfg');
  const config = [
    'defaults',
    '  mode http',
    '  timeout connect 2s',
    '  timeout client 5s',
    '  timeout server 5s',
    'frontend front',
    `  bind 127.0.0.1:${port}`,
    '  default_backend back',
    'backend back',
    ...backend.map((line) => `  ${line}`),
  ];
  writeFileSync(path, `${config.join('\n')}\n`);
  started(haproxy as string, ['-f', path, '-db'], cleanups);
  return port;
}

describe('HAProxy', () => {
  /** Its configuration as docs/service.md shows it: servers by the registry's list, states by its agent. */
  async function balancer(service: RegistryService): Promise<string> {
    const list = await get(`${service.url}/services/web/targets?format=haproxy&all=1`);
    const servers = list
      .trimEnd()
      .split('\n')
      .map((line) => `${line} agent-send "${line.split(' ')[1]}\\n"`);
    const agent = `agent-addr 127.0.0.1 agent-port ${service.agentPort} agent-inter 100ms`;
    const backend = ['balance roundrobin', `default-server agent-check ${agent}`, ...servers];
    const port = await haproxyBefore(backend);
    const url = `http://127.0.0.1:${port}/`;
    await until(() =>
      get(url).then(
        (text) => text.startsWith('web-'),
        () => false,
      ),
    );
    return url;
  }

  /** Who answers so many requests. */
  async function answering(url: string, n = 12): Promise<string[]> {
    const names = new Set<string>();
    for (let i = 0; i < n; i++) names.add(await get(url));
    return [...names].sort();
  }

  const becomes = (url: string, names: string) =>
    until(async () => `${await answering(url)}` === names);

  it.skipIf(haproxy === undefined)(
    'sends nothing to who drains, is silent or has gone, and sends again to who is back',
    async () => {
      const { service, silence } = await fleet(['web-1', 'web-2', 'web-3']);
      const url = await balancer(service);
      await becomes(url, 'web-1,web-2,web-3');
      service.registry.drain('web-1');
      await becomes(url, 'web-2,web-3');
      service.registry.undrain('web-1');
      await becomes(url, 'web-1,web-2,web-3');
      silence('web-2');
      await becomes(url, 'web-1,web-3');
      service.registry.deregister('web-3');
      await becomes(url, 'web-1');
    },
  );

  it.skipIf(haproxy === undefined)(
    'leaves everybody as they are when the registry has gone',
    async () => {
      const { service } = await fleet(['web-1', 'web-2']);
      const url = await balancer(service);
      await becomes(url, 'web-1,web-2');
      await service.close();
      for (let i = 0; i < 20; i++) {
        expect(await get(url)).toMatch(/^web-/);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  );
});

describe('HAProxy before the service itself', () => {
  it.skipIf(haproxy === undefined).each(['HEAD', 'GET'])(
    'checks /readyz by %s, takes the service when it is ready and leaves it when it learns',
    async (method) => {
      const service = await start();
      const port = await haproxyBefore([
        `option httpchk ${method} /readyz`,
        `server one ${new URL(service.url).host} check inter 100ms fall 1 rise 1`,
      ]);
      const status = () =>
        fetch(`http://127.0.0.1:${port}/services`).then(
          ({ status }) => status,
          () => 0,
        );
      await until(async () => (await status()) === 200);
      service.registry.learn(60_000);
      await until(async () => (await status()) === 503);
    },
  );
});

describe('nginx before the service', () => {
  /** A reverse proxy as docs/service.md asks for: nothing is set for /events. */
  async function proxied(options: ServiceOptions) {
    const service = await start({ trustProxy: ['127.0.0.1'], ...options });
    const port = await closedPort();
    const path = folder(cleanups);
    const config = join(path, 'nginx.conf');
    writeFileSync(
      config,
      `
daemon off;
master_process off;
pid ${path}/pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${path}/body;
  proxy_temp_path ${path}/proxy;
  fastcgi_temp_path ${path}/fastcgi;
  uwsgi_temp_path ${path}/uwsgi;
  scgi_temp_path ${path}/scgi;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${service.url};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`,
    );
    const { output } = started(nginx as string, ['-c', config, '-p', path], cleanups);
    const url = `http://127.0.0.1:${port}`;
    await until(() =>
      get(`${url}/livez`).then(
        (text) => !text.startsWith('status'),
        () => false,
      ),
    ).catch((cause) => {
      throw new Error(`nginx: ${output()}`, { cause });
    });
    return { service, url };
  }

  const send = (url: string, body: object, headers: Record<string, string> = {}) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  it.skipIf(nginx === undefined)(
    'passes heartbeats on, and events as they happen, without a setting of its own',
    async () => {
      const { service, url } = await proxied({});
      const reading = new AbortController();
      cleanups.push(() => reading.abort());
      const events = await fetch(`${url}/events`, { signal: reading.signal });
      let text = '';
      void (async () => {
        for await (const chunk of events.body as ReadableStream<Uint8Array>) {
          text += Buffer.from(chunk).toString();
        }
      })().catch(() => {}); // it ends with the test
      await until(() => text.includes('event: snapshot'));
      const about = { id: 'web-1', service: 'web', address: '10.0.0.1:80' };
      expect((await send(`${url}/register`, about)).status).toBe(201);
      await until(() => text.includes('"kind":"registered"'));
      for (let sequence = 0; sequence < 3; sequence++) {
        const beat = await send(`${url}/heartbeat/web-1`, { generation: 1, sequence });
        expect(await beat.json()).toMatchObject({ status: 'accepted' });
      }
      await until(() => text.includes('"status":"available"'));
      expect(service.registry.get('web-1')?.status).toBe('available');
    },
  );

  it.skipIf(nginx === undefined)(
    'says whose wrong tokens they are: a client that may try no more costs no other one anything',
    async () => {
      const { url } = await proxied({ tokens: TOKENS });
      const signIn = async (token: string, client: string) =>
        (await send(`${url}/session`, { token }, { 'x-forwarded-for': client })).status;
      // As of a client whose own proxy, on this machine as nginx is, says where it is.
      const wrong: number[] = [];
      for (let i = 0; i < 12; i++) wrong.push(await signIn('wrong-token-0123456789', '192.0.2.1'));
      expect(wrong).toEqual([...Array(10).fill(401), 429, 429]);
      expect(await signIn(TOKENS.reader, '192.0.2.1')).toBe(200);
      expect(await signIn('wrong-token-0123456789', '192.0.2.2')).toBe(401);
      expect(await signIn(TOKENS.reader, '192.0.2.2')).toBe(200);
      // A client can write what it likes before its own address.
      expect(await signIn('wrong-token-0123456789', '192.0.2.9, 192.0.2.1')).toBe(429);
    },
  );
});

describe('Prometheus', () => {
  it.skipIf(prometheus === undefined)(
    'discovers the targets with their labels, and keeps them when the registry has gone',
    async () => {
      const { service } = await fleet(['web-1', 'web-2']);
      const port = await closedPort();
      const path = folder(cleanups);
      const config = join(path, 'prometheus.yml');
      writeFileSync(
        config,
        `
scrape_configs:
  - job_name: web
    scrape_interval: 1s
    http_sd_configs:
      - url: ${service.url}/services/web/targets?format=prometheus&all=1
        refresh_interval: 1s
    relabel_configs:
      - source_labels: [__meta_phi_accrual_id]
        target_label: node
`,
      );
      const flags = [`--config.file=${config}`, `--storage.tsdb.path=${join(path, 'data')}`];
      started(prometheus as string, [...flags, `--web.listen-address=127.0.0.1:${port}`], cleanups);
      const discovered = async (): Promise<string> => {
        const text = await get(`http://127.0.0.1:${port}/api/v1/targets`).catch(() => '');
        const active: { labels: { node: string } }[] = text.startsWith('{')
          ? JSON.parse(text).data.activeTargets
          : [];
        return `${active.map(({ labels }) => labels.node).sort()}`;
      };
      await until(async () => (await discovered()) === 'web-1,web-2');
      service.registry.register({ id: 'web-3', service: 'web', address: '127.0.0.1:1' });
      await until(async () => (await discovered()) === 'web-1,web-2,web-3');
      service.registry.deregister('web-1');
      await until(async () => (await discovered()) === 'web-2,web-3');
      await service.close();
      for (let i = 0; i < 30; i++) {
        expect(await discovered()).toBe('web-2,web-3');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  );
});
