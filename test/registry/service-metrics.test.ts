/** What the service's metrics say of services, polls and restarts. */
import { describe, expect, it } from 'vitest';
import { createHealth } from '../../src/health/index.js';
import type { Registry } from '../../src/registry/index.js';
import { createMetrics, type MetricsSources } from '../../src/registry/service/metrics.js';
import { type Cleanups, cleanUp, serve } from '../support/servers.js';
import { ask, start, web } from '../support/service.js';
import { nodesOn, registryOn } from './world.js';

/** The samples of a registry by name and labels. */
function scraper(registry: Registry, more: Partial<MetricsSources> = {}) {
  const health = createHealth();
  const scrape = createMetrics({
    registry,
    streams: { size: 0, cutOff: 0 } as never,
    rejections: { counts: {} } as never,
    health,
    datagrams: () => undefined,
    state: () => undefined,
    damage: () => 0,
    probing: undefined,
    maxSeries: 1000,
    ...more,
  });
  return async () => {
    const { text } = await scrape();
    health.close();
    return samplesOf(text);
  };
}

function samplesOf(text: string): Record<string, number> {
  const found = text.matchAll(/^phi_accrual_registry_(\S+) (\S+)$/gm);
  return Object.fromEntries(Array.from(found, ([, name, value]) => [name, Number(value)]));
}

describe('the metrics of the service', () => {
  it('say of each service how many count, may get traffic, and whether it is in a panic', async () => {
    const { registry, run } = nodesOn(4, {
      panic: { below: 60 },
      detector: { massSilence: false },
    });
    registry.register({ id: 'other', service: 'db', address: 'z' }).renew();
    run(20_000);
    const scrape = scraper(registry);
    expect(await scrape()).toMatchObject({
      'population{service="api"}': 4,
      'routable{service="api"}': 4,
      'panic{service="api"}': 0,
      'population{service="db"}': 1,
      omitted_services: 0,
    });
    run(40_000, (node) => node === 0);
    expect(registry.route('api').mode).toBe('panic');
    expect(await scrape()).toMatchObject({
      'population{service="api"}': 4,
      'routable{service="api"}': 1,
      'panic{service="api"}': 1,
      'protection_active{rule="panic"}': 1,
      'instances{service="api",status="dead"}': 3,
      'instances{service="api",status="available"}': 1,
    });
  });

  it('keep so many services apart as have series, and sum up all others', async () => {
    const { registry } = registryOn();
    for (let i = 0; i < 10; i++) {
      for (let k = 0; k <= i; k++) {
        registry.register({ id: `${i}-${k}`, service: `s${i}`, address: 'z' }).renew();
      }
    }
    const samples = await scraper(registry, { maxSeries: 3 })();
    for (const name of ['population', 'routable', 'panic']) {
      const series = Object.keys(samples).filter((each) => each.startsWith(`${name}{`));
      expect(series).toHaveLength(4);
      const sum = series.reduce((all, each) => all + samples[each], 0);
      expect(sum).toBe(name === 'panic' ? 0 : 55);
      expect(samples[`${name}{service=""}`]).toBe(name === 'panic' ? 0 : 49);
    }
    expect(samples.omitted_services).toBe(7);
    expect(samples['instances{service="",status="available"}']).toBe(49);
    const none = await scraper(registry, { maxSeries: 0 })();
    expect(none['population{service=""}']).toBe(55);
  });

  it('count the restarts that are needed, by cause', async () => {
    const { registry, run } = nodesOn(10);
    const scrape = scraper(registry);
    expect(await scrape()).toMatchObject({
      'restarts_needed_total{cause="dead"}': 0,
      'restarts_needed_total{cause="zombie"}': 0,
    });
    const both = () => true;
    run(20_000, both, both);
    // One dies; of another only the main loop stands still.
    run(
      30_000,
      (node) => node > 1,
      (node) => node > 0,
    );
    expect(await scrape()).toMatchObject({
      'restarts_needed_total{cause="dead"}': 1,
      'restarts_needed_total{cause="zombie"}': 1,
    });
  });

  it('say that the registry is learning, and count the heartbeats that came', async () => {
    const { registry, loop } = registryOn({ warmUp: 20_000 });
    const scrape = scraper(registry);
    const lease = registry.register({ id: 'a', service: 'api', address: 'z' });
    lease.renew();
    registry.heartbeat('a', { generation: 1, at: 1e6 });
    expect(await scrape()).toMatchObject({
      'protection_active{rule="learning"}': 1,
      'protection_active{rule="outliers"}': 0,
      'protection_active{rule="links"}': 0,
      heartbeats_total: 1,
      'dropped_total{reason="in-the-future"}': 1,
    });
    registry.link().down();
    loop.runUntil(30_000);
    expect(await scrape()).toMatchObject({
      'protection_active{rule="learning"}': 0,
      'protection_active{rule="links"}': 1,
    });
  });

  it('count polls by outcome, and whom nobody can poll, where there is a prober', async () => {
    const cleanups: Cleanups = [];
    const { port } = await serve((_, response) => response.end(), cleanups);
    const service = await start({ probe: { kind: 'tcp', interval: 50 } });
    const scrape = async () => samplesOf((await ask(service, '/metrics')).text);
    service.registry.register(web('a', { address: `127.0.0.1:${port}` })).renew();
    service.registry.register(web('b', { address: 'queue/seven' })).renew();
    await ask(service, '/register', { body: web('c', { address: 'queue/eight' }) });
    await expect
      .poll(scrape, { timeout: 20_000 })
      .toMatchObject({ poll_targets: 2, 'polls_total{outcome="answered"}': expect.any(Number) });
    await expect
      .poll(async () => (await scrape())['polls_total{outcome="answered"}'], { timeout: 20_000 })
      .toBeGreaterThan(0);
    expect(await scrape()).toMatchObject({
      poll_targets_refused: 1,
      poll_registrations_refused_total: 1,
    });
    await cleanUp(cleanups);
  });

  it('have no polls where nobody is polled', async () => {
    const samples = await scraper(registryOn().registry)();
    expect(Object.keys(samples).filter((name) => name.startsWith('poll'))).toEqual([]);
  });
});
