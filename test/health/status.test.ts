/** What is known without running anything: the status page, the sink, metrics. */
import { Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';
import { type CheckRecord, createHealth } from '../../src/health/index.js';
import { collectHealth } from '../../src/metrics/metrics.js';
import { Loop } from '../support/loop.js';
import { get, run, settle } from './support.js';

const START = Date.UTC(2030, 0, 1);

function world() {
  const clock = new Loop();
  return { clock, wall: () => START + clock.now() };
}

describe('/status', () => {
  it('has the last results of every check with their times, and runs none', async () => {
    const { clock, wall } = world();
    const health = createHealth({ clock, wall, name: 'shop', history: 2 });
    const results = ['gone', true, 'gone again'];
    const check = vi.fn(async () => {
      await new Promise<void>((done) => clock.setTimeout(done, 30));
      return results[check.mock.calls.length - 1];
    });
    health.add('readyz', 'db', check);
    health.add('readyz', 'never', () => true, { critical: false });
    for (let i = 0; i < 3; i++) {
      const answer = get(health, '/readyz/db');
      await run(clock, clock.now() + 100, 10);
      await answer;
    }
    const { body, headers } = await get(health, '/status');
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    const page = JSON.parse(body);
    // What promises do comes after the world's step of 10 ms.
    const runs = [
      {
        at: '2030-01-01T00:00:00.200Z',
        duration: 40,
        ok: false,
        degraded: false,
        reason: 'gone again',
      },
      { at: '2030-01-01T00:00:00.100Z', duration: 40, ok: true, degraded: false },
    ];
    expect(page).toMatchObject({ name: 'shop', profile: 'etcd', uptime: 300, alarms: [] });
    expect(page.at).toBe('2030-01-01T00:00:00.300Z');
    expect(page.groups.readyz).toEqual({
      status: 'failed',
      checks: [
        {
          name: 'db',
          status: 'failed',
          critical: true,
          success: 1,
          error: 2,
          last: runs[0],
          history: runs,
        },
        { name: 'never', status: 'unknown', critical: false, success: 0, error: 0, history: [] },
      ],
    });
    expect(page.groups.livez).toEqual({ status: 'ok', checks: [] });
    expect(check).toHaveBeenCalledTimes(3);
  });

  it('shows loops, holds nothing back but what exposeReasons says, and has no null', async () => {
    const { clock, wall } = world();
    const health = createHealth({ clock, wall, profile: 'kube' });
    health.loop('raft', { heartbeatInterval: 100 }).beat();
    health.add('readyz', 'x', () => 'password is hunter2');
    health.maintenance('backup');
    health.alarms.raise('NOSPACE');
    clock.runUntil(1_000_000);
    await health.probe('readyz');
    const { body } = await get(health, '/status');
    expect(body).not.toContain('hunter2');
    expect(body).not.toContain('null');
    const page = JSON.parse(body);
    expect(page.loops.raft).toMatchObject({ status: 'suspect', mean: 100 });
    expect(page.loops.raft.phi).toBeGreaterThan(8);
    expect(page).toMatchObject({ maintenance: ['backup'], alarms: ['NOSPACE'] });
    health.close();
  });

  it('keeps no more than the history says, however often a check runs', async () => {
    const health = createHealth({ history: 0 });
    health.add('readyz', 'x', () => true);
    for (let i = 0; i < 1000; i++) await health.probe('readyz');
    const [x] = health.status().groups.readyz.checks;
    expect(x).toMatchObject({ status: 'ok', success: 1000, history: [] });
    expect(x.last?.ok).toBe(true);
  });
});

describe('the sink', () => {
  it('has every run once, and its failures are errors of nobody else', async () => {
    const { clock, wall } = world();
    const stored: CheckRecord[] = [];
    const errors: unknown[] = [];
    const health = createHealth({
      clock,
      wall,
      sink: (record) => {
        stored.push(record);
        if (stored.length === 2) throw new Error('full');
        return stored.length === 3 ? Promise.reject(new Error('gone')) : undefined;
      },
    });
    health.on('error', ({ error, event }) => errors.push([String(error), event]));
    health.add('readyz', 'x', async () => 'bad');
    for (let i = 0; i < 4; i++) {
      await Promise.all([get(health, '/readyz'), get(health, '/readyz')]);
    }
    await settle();
    expect(stored.length).toBe(4);
    expect(stored[0]).toMatchObject({
      group: 'readyz',
      name: 'x',
      at: START,
      duration: 0,
      ok: false,
      degraded: false,
      reason: 'bad',
    });
    expect(errors).toEqual([
      ['Error: full', 'result'],
      ['Error: gone', 'result'],
    ]);
  });

  it('and listeners go when it is closed or its signal says so; paths still answer', async () => {
    const ending = new AbortController();
    const sink = vi.fn();
    const clock = new Loop();
    const health = createHealth({ sink, signal: ending.signal, clock });
    health.loop('x');
    health.progress('y', () => 1);
    health.add('readyz', 'z', () => true);
    ending.abort();
    expect(clock.timers).toBe(0);
    expect((await get(health, '/readyz/z')).status).toBe(200);
    expect((await get(health, '/livez')).status).toBe(200);
    expect(sink).not.toHaveBeenCalled();
  });
});

describe('metrics', () => {
  it('are the two of etcd and kube-apiserver, of checks that have run', async () => {
    const registry = new Registry();
    const health = createHealth({ profile: 'kube' });
    const collection = collectHealth(health, { registry, prefix: 'shop_' });
    health.add('readyz', 'db', () => 'gone', { critical: false });
    health.add('livez', 'self', () => true);
    health.add('livez', 'never', () => true);
    await get(health, '/readyz');
    await get(health, '/readyz');
    await get(health, '/livez?exclude=never');
    const series = async () =>
      (await registry.metrics()).split('\n').filter((each) => /^shop_/.test(each));
    const expected = [
      'shop_healthcheck{type="livez",name="self"} 1',
      'shop_healthcheck{type="readyz",name="db"} 0',
      'shop_healthchecks_total{type="livez",name="self",status="success"} 1',
      'shop_healthchecks_total{type="livez",name="self",status="error"} 0',
      'shop_healthchecks_total{type="readyz",name="db",status="success"} 0',
      'shop_healthchecks_total{type="readyz",name="db",status="error"} 2',
    ];
    expect(await series()).toEqual(expected);
    expect(await series()).toEqual(expected); // a scrape runs nothing
    expect(() => collectHealth(health, { registry, prefix: 'shop_' })).toThrow(/^prefix: /);
    expect(() => collectHealth({} as never)).toThrow(/^health: /);
    health.remove('livez', 'self');
    expect((await series()).length).toBe(3);
    collection.stop();
    collection.stop();
    expect(await registry.metrics()).not.toContain('healthcheck');
  });

  it("are also etcd's counters of what /health said, where there is one", async () => {
    const registry = new Registry();
    const health = createHealth();
    const collection = collectHealth(health, { registry, prefix: 'etcd_server_' });
    for (const method of ['GET', 'GET', 'HEAD', 'POST']) await get(health, '/health', method);
    health.alarms.raise('NOSPACE');
    await get(health, '/health');
    await get(health, '/livez');
    const lines = (await registry.metrics()).split('\n');
    expect(lines.filter((each) => /^etcd/.test(each))).toEqual([
      'etcd_server_health_success 2',
      'etcd_server_health_failures 1',
    ]);
    expect(createHealth({ profile: 'kube' }).answers()).toBeUndefined();
    collection.stop();
    expect(await registry.metrics()).not.toContain('etcd_server_');
  });
});
