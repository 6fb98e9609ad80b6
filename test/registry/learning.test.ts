/** A registry that started without what it knew says so, until those who are there have registered. */
import { describe, expect, it } from 'vitest';
import { Registry } from '../../src/registry/index.js';
import type { RegistryService } from '../../src/registry/service/index.js';
import { Loop } from '../support/loop.js';
import { ask, start } from '../support/service.js';
import { nodesOn, registryOn } from './world.js';

const about = (id: string) => ({ id, service: 'api', address: `${id}:80` });

describe('a registry that learns', () => {
  it('does so until nobody registers any more, or the time that it has is over', () => {
    for (const [every, most, end] of [
      [1000, 30_000, 10_000 + 5000],
      [1000, 8000, 8000],
      [4000, 30_000, 30_000],
    ] as const) {
      const { loop, registry } = registryOn({ warmUp: most });
      const edges: unknown[] = [];
      registry.on(
        'protection',
        ({ rule, active, at }) => rule === 'learning' && edges.push([active, at]),
      );
      // Ten register, one after another, with a second between; or for ever.
      for (let at = 0; at < 60_000; at += 500) {
        loop.runUntil(at);
        const more = every === 1000 ? at <= 10_000 : true;
        if (at % every === 0 && more) registry.register(about(`n${at}`)).renew();
        if (at !== end) {
          expect(registry.route('api').mode === 'learning', `${at}`).toBe(at < end);
          expect(registry.protection.learning).toBe(at < end);
          expect(registry.route('api')).toBe(registry.route('api'));
          expect(registry.route('nobody').mode).toBe(at < end ? 'learning' : 'empty');
        }
      }
      expect(edges).toEqual([
        [true, 0],
        [false, end],
      ]);
    }
  });

  it('ends though nobody comes, and is off unless it is asked for', () => {
    const { loop, registry } = registryOn({ warmUp: 30_000 });
    expect(registry.route('api')).toEqual({ mode: 'learning', targets: [], excluded: [] });
    loop.runUntil(5001);
    expect(registry.learning).toBe(false);
    expect(registryOn().registry.learning).toBe(false);
    expect(() => new Registry({ warmUp: -1 })).toThrow(/warmUp/);
  });

  it('waits for who beats slowly as long as it has time', () => {
    const { loop, registry } = registryOn({ warmUp: 30_000 });
    registry.register({ ...about('a'), heartbeatInterval: 10_000 }).renew();
    loop.runUntil(19_000);
    expect(registry.learning).toBe(true);
    loop.runUntil(20_001);
    expect(registry.learning).toBe(false);
  });

  it('knows enough with the records of before', () => {
    const { registry: before, run } = nodesOn(3);
    run(10_000);
    const { loop } = registryOn();
    const registry = Registry.restore([...before.records()], { clock: loop, warmUp: 30_000 });
    expect(registry.learning).toBe(false);
    expect(registry.route('api')).toMatchObject({ mode: 'normal', targets: { length: 3 } });
  });
});

describe('a service that started without a state', () => {
  const lost = (clock?: Loop) =>
    start({ registry: { warmUp: undefined, ...(clock && { clock }) } });
  const modeOf = async (service: RegistryService) =>
    ((await ask(service, '/services/api/route')).json as { mode: string }).mode;
  const readyOf = async (service: RegistryService) => (await ask(service, '/readyz')).status;

  it('is learning from the start on, and not ready', async () => {
    const service = await lost();
    expect([await modeOf(service), await readyOf(service)]).toEqual(['learning', 503]);
    await ask(service, '/register', { body: about('a') });
    await ask(service, '/heartbeat/a', { body: { generation: 1 } });
    expect([await modeOf(service), await readyOf(service)]).toEqual(['learning', 503]);
  });

  it('has learnt when nobody registers any more, and begins again when somebody beats whom it does not know', async () => {
    const loop = new Loop();
    const service = await lost(loop);
    expect(await modeOf(service)).toBe('learning');
    loop.runUntil(6000);
    expect(await modeOf(service)).toBe('empty');
    expect((await ask(service, '/heartbeat/a', { body: { generation: 3 } })).status).toBe(404);
    expect(await modeOf(service)).toBe('learning');
    loop.runUntil(31_000);
    expect(await modeOf(service)).toBe('empty');
    await ask(service, '/heartbeat/a', { body: { generation: 3 } });
    expect(await modeOf(service)).toBe('empty'); // no longer after its start
  });

  it('learns for as long as is wished, or never', async () => {
    const wished = await start({ registry: { warmUp: 20_000 } });
    expect(await readyOf(wished)).toBe(503);
    const never = await start({ registry: { warmUp: 0 } });
    await ask(never, '/heartbeat/a', { body: { generation: 3 } });
    expect(await readyOf(never)).toBe(200);
  });
});
