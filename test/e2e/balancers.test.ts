/** The registry's targets in the hands of the real HAProxy and the real Prometheus. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RegistryService } from '../../src/registry/service/index.js';
import { installed, started } from '../support/programs.js';
import { type Cleanups, cleanUp, closedPort, folder, serve } from '../support/servers.js';
import { start } from '../support/service.js';

const cleanups: Cleanups = [];
afterEach(() => cleanUp(cleanups));

const haproxy = installed('haproxy');
const prometheus = installed('prometheus');
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

describe('HAProxy', () => {
  /** Its configuration as docs/service.md shows it: servers by the registry's list, states by its agent. */
  async function balancer(service: RegistryService): Promise<string> {
    const list = await get(`${service.url}/services/web/targets?format=haproxy&all=1`);
    const servers = list
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line} agent-send "${line.split(' ')[1]}\\n"`);
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
      '  default_backend web',
      'backend web',
      '  balance roundrobin',
      `  default-server agent-check agent-addr 127.0.0.1 agent-port ${service.agentPort} agent-inter 100ms`,
      ...servers,
    ];
    writeFileSync(path, `${config.join('\n')}\n`);
    started(haproxy as string, ['-f', path, '-db'], cleanups);
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
