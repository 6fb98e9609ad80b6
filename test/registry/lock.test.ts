/** Leases without traffic: locks with a fencing token, for jobs that must not run twice at once. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HeldLease, Registry, RegistryClient } from '../../src/registry/index.js';
import { AsyncClock, settle } from '../support/async-clock.js';
import { refuse } from '../support/fake-registry.js';
import { ask, start, web } from '../support/service.js';
import { nodesOn, registryOn } from './world.js';

describe('a lease without service and address', () => {
  it('is in no route, no service and no population, and shows neither', () => {
    const { loop, registry } = registryOn();
    const lease = registry.register({ id: 'job', ttl: 5000 });
    expect([lease.service, lease.address, lease.generation]).toEqual([undefined, undefined, 1]);
    expect(lease.renew()).toBe('accepted');
    expect(registry.get('job')).toMatchObject({ status: 'available', routable: false });
    expect(registry.get('job')).not.toHaveProperty('service');
    expect(registry.get('job')).not.toHaveProperty('address');
    expect(registry.services()).toEqual([]);
    expect(registry.route('').targets).toEqual([]);
    expect(registry.instances()).toHaveLength(1);
    expect(registry.explain('job')).toMatchObject({ weight: 0 });
    loop.runUntil(4000);
    expect(lease.renew({ sequence: 5 })).toBe('accepted');
    expect(lease.renew({ sequence: 5 })).toBe('duplicate');
    expect(lease.renew({ sequence: 4 })).toBe('out-of-order');
    expect(lease.expiresAt).toBe(9000);
    const records = JSON.parse(JSON.stringify([...registry.records()]));
    const restored = Registry.restore(records, { clock: loop });
    restored.begin();
    expect(restored.get('job')).toMatchObject({ generation: 1, status: 'available' });
    restored.close();
    expect(() => registry.register({ id: 'x', service: 'web' })).toThrow('address');
    expect(() => registry.register({ id: 'x', address: 'x:1' })).toThrow('service');
    expect(() => registry.register({ id: 'x', service: '', address: '' })).toThrow('service');
  });

  it('ends with its ttl, whatever holds the removal of services back, and hinders none of these', () => {
    const { registry, run } = nodesOn(10);
    const leases = Array.from({ length: 30 }, (_, i) =>
      registry.register({ id: `job ${i}`, ttl: 20_000 }),
    );
    for (const lease of leases) lease.renew();
    run(15_000);
    expect(registry.protection.massSilence.active).toBe(false);
    run(60_000, () => false); // nobody is heard: no instance is removed
    expect(registry.instances().map(({ id }) => id)).toEqual(expect.arrayContaining(['n0', 'n9']));
    expect(registry.size).toBe(10);
    expect(registry.register({ id: 'job 0' }).generation).toBe(2);
  });

  it('is not given away by the service before its ttl is over, but to who shows its secret', async () => {
    let now = 0;
    const service = await start({ registry: { clock: () => now } });
    const register = async (body: object) => await ask(service, '/register', { body });
    const first = await register({ id: 'job', ttl: 5000 });
    expect(first.status).toBe(201);
    now = 4999;
    const early = await register({ id: 'job', ttl: 5000 });
    expect([early.status, early.json.error.code]).toEqual([409, 'id-in-use']);
    const own = await register({ id: 'job', ttl: 5000, secret: first.json.secret });
    expect([own.status, own.json.generation]).toEqual([201, 2]);
    now = 4999 + 5000;
    const taken = await register({ id: 'job', ttl: 5000 });
    expect([taken.status, taken.json.generation]).toEqual([201, 3]);
    expect((await register(web('a'))).status).toBe(201);
    expect((await ask(service, '/instances')).json.instances).toHaveLength(2);
  });

  it('that was lost is over for its holder: it does not register again', async () => {
    const clock = new AsyncClock();
    const registry = new Registry({ clock });
    const { client } = contender(registry, clock, () => 1);
    const registering = client.register({ id: 'job', ttl: 9000 });
    await clock.pass(10);
    const lease = await registering;
    await clock.pass(1500);
    registry.remove('job');
    await clock.pass(1500);
    expect([lease.isValid(), lease.ended.aborted, registry.size]).toEqual([false, true, 0]);
    registry.close();
  });
});

/** A client whose requests take their time to the registry and back, and may get lost. */
function contender(registry: Registry, clock: AsyncClock, delay: () => number) {
  const pass = (ms: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
  const answer = (path: string, body: Record<string, unknown>): Response => {
    const id = 'job';
    const view = registry.get(id);
    if (path === '/register') {
      const own = view && registry.holds(id, view.generation, body.secret);
      // As the service has it.
      if (view && !own && (registry.expiresAt(id) as number) > registry.now()) {
        return refuse(409, 'id-in-use');
      }
      const { generation, secret, heartbeatInterval, ttl } = registry.register({ id, ttl: 9000 });
      const epoch = '00000000000000aa';
      return Response.json({ id, generation, secret, heartbeatInterval, ttl, epoch });
    }
    const { generation, sequence } = body as { generation: number; sequence: number };
    const status = registry.heartbeat(id, { generation, sequence });
    if (status === 'unknown') return refuse(404, status);
    if (status === 'stale-generation') return refuse(409, status);
    return Response.json({ status, ttl: 9000, epoch: '00000000000000aa' });
  };
  const client = new RegistryClient({
    url: 'http://registry.test',
    clock,
    random: () => 0.3,
    fetch: async (input, init = {}) => {
      const aborted = new Promise<never>((_, reject) =>
        init.signal?.addEventListener('abort', () => reject(init.signal?.reason)),
      );
      const work = async () => {
        await pass(delay());
        const said = answer(new URL(String(input)).pathname, JSON.parse(String(init.body)));
        await pass(delay());
        return said;
      };
      return Promise.race([work(), aborted]);
    },
  });
  return { client };
}

it('never do two holders of one lock believe in it at once, whatever requests and answers take', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(1, 5, 50, 700, 2900, 12_000, 40_000), { minLength: 5 }),
      fc.array(fc.record({ wait: fc.integer({ min: 1, max: 9000 }), close: fc.nat(9) }), {
        minLength: 5,
        maxLength: 15,
      }),
      async (delays, steps) => {
        const clock = new AsyncClock();
        const registry = new Registry({ clock });
        let drawn = 0;
        const delay = () => delays[drawn++ % delays.length];
        const held: HeldLease[] = [];
        const stop = new AbortController();
        for (let i = 0; i < 3; i++) {
          const { client } = contender(registry, clock, delay);
          const hold = async () => {
            while (!stop.signal.aborted) {
              const lease = await client.register({ id: 'job', ttl: 9000, signal: stop.signal });
              held.push(lease);
              await new Promise((resolve) => lease.ended.addEventListener('abort', resolve));
            }
          };
          hold().catch(() => {});
        }
        const check = () => {
          const valid = held.filter((lease) => lease.isValid());
          expect(valid.length).toBeLessThanOrEqual(1);
          const tokens = held.map(({ generation }) => generation);
          expect(new Set(tokens).size).toBe(tokens.length);
        };
        for (const { wait, close } of steps) {
          for (let ms = 0; ms < wait; ms += 500) {
            await clock.pass(500);
            check();
          }
          held[close]?.close(); // a holder falls silent
          check();
        }
        stop.abort();
        for (const lease of held) lease.close();
        await settle();
        registry.close();
      },
    ),
    { numRuns: 15 },
  );
});
