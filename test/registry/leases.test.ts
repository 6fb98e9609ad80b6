/** Leases: who holds them, what renews them, when they run out. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Registry, RegistryFull } from '../../src/registry/index.js';
import { nodesOn, registryOn } from './world.js';

const about = { id: 'a', service: 's', address: 'x' };

describe('a lease', () => {
  it('has the defaults: the larger of 30 s and ten intervals', () => {
    const { registry } = registryOn();
    expect(registry.register(about)).toMatchObject({
      ...{ id: 'a', service: 's', generation: 1, heartbeatInterval: 1000, ttl: 30_000 },
    });
    const slow = registry.register({ ...about, id: 'b', heartbeatInterval: 5000 });
    expect(slow.ttl).toBe(50_000);
    expect(registry.register({ ...about, id: 'c', ttl: 7000 }).ttl).toBe(7000);
  });

  it('runs out without a heartbeat, and is renewed by one', () => {
    const { loop, registry } = registryOn();
    const lease = registry.register(about);
    expect(lease.expiresAt).toBe(30_000);
    loop.runUntil(10_000);
    expect(lease.renew()).toBe('accepted');
    expect(lease.expiresAt).toBe(40_000);
    expect([lease.isValid(39_999), lease.isValid(40_000)]).toEqual([true, false]);
    expect(registry.explain('a')?.lease).toEqual({ expiresIn: 30_000, signal: 'service' });
  });

  it('hears what a second beat of the same instant says, which is no interval', () => {
    const { registry } = registryOn();
    const lease = registry.register(about);
    lease.renew();
    expect(lease.renew()).toBe('duplicate');
    expect(lease.renew({ ready: true })).toBe('duplicate');
    expect(lease.renew({ ready: false })).toBe('accepted');
    expect(registry.get('a')?.status).toBe('not-ready');
    expect(lease.renew({ ready: false, sequence: 1 })).toBe('accepted');
    expect(lease.renew({ ready: true, sequence: 1 })).toBe('duplicate'); // may be a repeated one
    expect(registry.get('a')?.status).toBe('not-ready');
    expect(lease.renew({ figures: { load: 3 } })).toBe('accepted');
    expect(registry.explain('a')).toMatchObject({ figures: { load: 3 }, service: { restarts: 0 } });
    expect(registry.detectors.service.explain('a')?.dropped.duplicate).toBe(5);
    expect(registry.dropped.duplicate).toBe(3);
  });

  it('is over when another life has taken over, and can do nothing any more', () => {
    const { registry } = registryOn();
    const first = registry.register(about);
    const second = registry.register({ ...about, address: 'y' });
    expect([first.generation, second.generation]).toEqual([1, 2]);
    expect([first.isValid(), second.isValid()]).toEqual([false, true]);
    expect(first.expiresAt).toBe(-Infinity);
    expect(first.renew()).toBe('stale-generation');
    expect([first.drain(), first.deregister()]).toEqual([false, false]);
    expect(registry.get('a')).toMatchObject({ address: 'y', draining: false });
  });

  it('is over when a listener ends it within the heartbeat that brings it back', () => {
    for (const again of [false, true]) {
      const { loop, registry } = registryOn();
      const lease = registry.register(about);
      const other = registry.register({ ...about, id: 'b' });
      for (const each of [lease, other]) each.renew();
      loop.runUntil(10_000);
      expect(registry.get('a')?.status).toBe('dead');
      registry.once('available', () => {
        if (again) registry.register(about);
        else registry.deregister('a');
      });
      const kinds: string[] = [];
      registry.on('change', ({ kind }) => kinds.push(kind));
      expect(lease.renew()).toBe(again ? 'stale-generation' : 'unknown');
      expect(kinds).toEqual(['status', again ? 'registered' : 'deregistered']);
      expect(registry.get('a')?.generation).toBe(again ? 2 : undefined);
      expect(registry.services()).toEqual([{ name: 's', n: 1, available: 0 }]);
    }
  });

  it('has a secret of its own, that follows from the key alone', () => {
    const secretKey = new Uint8Array(32).fill(7);
    const [one, two] = [new Registry({ secretKey }), new Registry({ secretKey })];
    const { secret } = one.register(about);
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(two.secretOf('a', 1)).toBe(secret);
    expect(two.holds('a', 1, secret)).toBe(true);
    for (const wrong of ['', secret.slice(1), `${secret}AA`, undefined, 1, {}]) {
      expect(two.holds('a', 1, wrong)).toBe(false);
    }
    expect(two.holds('a', 2, secret)).toBe(false);
    for (const wrong of [undefined, null, Symbol('a'), Object.create(null)] as never[]) {
      expect([two.holds(wrong, 1, secret), two.holds('a', wrong, secret)]).toEqual([false, false]);
    }
    expect(two.holds('b', 1, secret)).toBe(false);
    expect(new Registry().holds('a', 1, secret)).toBe(false);
    for (const each of [one, two]) each.close();
  });

  it('stands still while its link is down', () => {
    const { loop, registry } = registryOn();
    const link = registry.link();
    registry.register(about);
    for (let at = 1; at < 10_000; at += 1000) {
      loop.runUntil(at);
      registry.heartbeat('a', { generation: 1, link });
    }
    loop.runUntil(10_000);
    link.down();
    expect(registry.protection.links.down).toBe(1);
    loop.runUntil(500_000);
    expect(registry.get('a')?.status).toBe('available');
    link.up();
    expect(registry.protection.links.down).toBe(0);
    loop.runUntil(500_500);
    registry.heartbeat('a', { generation: 1, link });
    loop.runUntil(501_500);
    expect(registry.get('a')?.status).not.toBe('dead');
    loop.runUntil(560_000);
    expect(registry.get('a')?.status).toBe('dead'); // everybody is: it is not removed
  });

  it('is longer by as much as we could not run', () => {
    const { registry, run, loop } = nodesOn(10);
    run(30_000);
    run(45_000, (node) => node !== 0);
    const left = registry.expiresAt('n0') as number;
    expect(left).toBe(60_000);
    loop.block(20_000);
    run(70_000, (node) => node !== 0);
    expect(registry.expiresAt('n0')).toBeGreaterThan(left + 19_500);
    run(78_000, (node) => node !== 0);
    expect(registry.size).toBe(10);
    run(95_000, (node) => node !== 0);
    expect(registry.size).toBe(9);
  });

  it('of an instance that was never heard ends with it, without touching the rest', () => {
    const { loop, registry } = registryOn();
    registry.register(about);
    loop.runUntil(29_000);
    expect(registry.get('a')?.status).toBe('starting');
    loop.runUntil(45_000);
    expect(registry.size).toBe(0);
    expect(registry.heartbeat('a', { generation: 1 })).toBe('unknown');
    expect(registry.register(about).generation).toBe(2);
  });

  it('of a zombie runs out with the service signal, though its process beats', () => {
    const { registry, run } = nodesOn(10);
    run(30_000, undefined, () => true);
    run(
      75_000,
      (node) => node !== 0,
      () => true,
    );
    expect(registry.get('n0')).toBe(undefined);
    expect(registry.size).toBe(9);
  });

  it('of one that beats with its process only runs with that', () => {
    const { loop, registry } = registryOn();
    registry.register(about);
    for (let at = 1; at < 100_000; at += 1000) {
      loop.runUntil(at);
      registry.heartbeat('a', { generation: 1, signal: 'process' });
    }
    expect(registry.get('a')?.status).toBe('available');
    expect(registry.explain('a')?.lease.signal).toBe('process');
  });
});

describe('heartbeats that nobody has verified', () => {
  const beatOf = fc.record({
    verified: fc.boolean(),
    sequence: fc.constantFrom(undefined, 0, 1, 2, 50, 2 ** 48 - 1),
    wait: fc.constantFrom(1, 500, 1000),
  });

  it('never change what becomes of those of the holder, and count only before its first one', () => {
    fc.assert(
      fc.property(fc.array(beatOf, { maxLength: 40 }), fc.boolean(), (beats, restarts) => {
        const mixed = registryOn();
        const alone = registryOn();
        let { registry } = mixed;
        for (const each of [registry, alone.registry]) each.register(about);
        let proved = false;
        for (const { verified, sequence, wait } of beats) {
          for (const { loop } of [mixed, alone]) loop.runUntil(loop.now() + wait);
          const beat = { generation: 1, verified, ...(sequence !== undefined && { sequence }) };
          const outcome = registry.heartbeat('a', beat);
          if (verified) expect(outcome).toBe(alone.registry.heartbeat('a', beat));
          else if (proved) expect(outcome).toBe('unverified');
          else expect(outcome).not.toBe('unverified');
          proved ||= verified;
          if (!restarts || !proved) continue;
          // That the holder verifies its heartbeats is known after a restart as well.
          const records = JSON.parse(JSON.stringify([...registry.records()]));
          registry.close();
          registry = Registry.restore(records, { clock: mixed.loop });
          registry.begin();
        }
        for (const each of [registry, alone.registry]) each.close();
      }),
    );
  });
});

describe('registering', () => {
  it('refuses what is none, and says what', () => {
    const { registry } = registryOn();
    const wrong: [object, RegExp][] = [
      [{ id: '' }, /id: expected a string of 1 to 255/],
      [{ id: 'é'.repeat(128) }, /id: expected 1 to 255 bytes of UTF-8/],
      [{ id: '..' }, /id: expected neither '.' nor '..'/],
      [{ service: '.' }, /service: expected neither '.' nor '..'/],
      [{ id: 'x'.repeat(256) }, /id/],
      [{ id: '\ud800' }, /without control characters/],
      [{ id: 7 }, /id: expected a string/],
      [{ service: undefined }, /service/],
      [{ address: '' }, /address/],
      [{ ttl: 0 }, /ttl/],
      [{ heartbeatInterval: Number.NaN }, /heartbeatInterval/],
      [{ meta: [] }, /meta: expected an object/],
      [{ meta: { zone: 1 } }, /meta.zone/],
      [{ meta: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [i, ''])) }, /meta/],
      [{ colour: 'red' }, /unknown option "colour"/],
    ];
    for (const [change, message] of wrong) {
      expect(() => registry.register({ ...about, ...change })).toThrow(message);
    }
    expect(() => registry.register(null as never)).toThrow(TypeError);
    expect(registry.size).toBe(0);
  });

  it('is refused when full, but not to who is there', () => {
    const { registry } = registryOn({ maxInstances: 2 });
    registry.register(about);
    registry.register({ ...about, id: 'b' });
    expect(() => registry.register({ ...about, id: 'c' })).toThrow(RegistryFull);
    expect(registry.register(about).generation).toBe(2);
    registry.deregister('a');
    expect(registry.register({ ...about, id: 'c' }).generation).toBe(1);
    registry.close();
    expect(() => registry.register(about)).toThrow(RegistryFull);
  });

  it('refuses unknown and impossible options', () => {
    const wrong: [object, RegExp][] = [
      [{ panics: {} }, /unknown option "panics"/],
      [{ panic: { below: 101 } }, /panic.below/],
      [{ panic: { route: 'some' } }, /panic.route/],
      [{ removal: { evry: 1 } }, /unknown option "evry"/],
      [{ detector: { levels: {} } }, /unknown option "levels"/],
      [{ detector: { threshold: -1 } }, /threshold/],
      [{ restart: { delay: -1 } }, /restart.delay/],
      [{ secretKey: new Uint8Array(8) }, /secretKey/],
      [{ outliers: { latency: { side: 'up' } } }, /outliers.latency.side/],
      [{ maxInstances: 0 }, /maxInstances/],
    ];
    for (const [options, message] of wrong) expect(() => new Registry(options)).toThrow(message);
  });
});

describe('generations', () => {
  const step = fc.record({
    id: fc.constantFrom('a', 'b'),
    do: fc.constantFrom('register', 'beat', 'beat', 'deregister', 'remove', 'move', 'restart'),
    generation: fc.oneof(
      fc.integer({ min: -1, max: 6 }),
      fc.constantFrom(undefined, Number.NaN, 1.5, Infinity, '1' as never),
    ),
  });

  it('rise with every registration, whatever became of the last, and older lives are refused', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let now = 0;
        let registry = new Registry({ clock: () => now });
        const given = new Map<string, number>();
        const present = new Set<string>();
        let drops = 0;
        for (const { id, do: action, generation } of steps) {
          now += 100;
          if (action === 'register' || action === 'move') {
            const service = action === 'move' ? `other ${now}` : 's';
            const lease = registry.register({ id, service, address: 'x' });
            given.set(id, (given.get(id) ?? 0) + 1);
            present.add(id);
            expect(lease.generation).toBe(given.get(id));
          } else if (action === 'beat') {
            const last = given.get(id) ?? 0;
            const known = present.has(id) ? last : 0;
            const isOne = Number.isInteger(generation) && (generation as number) >= 1;
            const expected = !isOne
              ? 'no-generation'
              : (generation as number) < last
                ? 'stale-generation'
                : (generation as number) > known
                  ? 'unknown'
                  : 'accepted';
            expect(registry.heartbeat(id, { generation: generation as number })).toBe(expected);
            if (expected !== 'accepted') drops++;
          } else if (action === 'restart') {
            const file = JSON.parse(JSON.stringify([...registry.records()]));
            registry.close();
            registry = Registry.restore(file, { clock: () => now });
            registry.begin();
            drops = 0;
          } else {
            expect(registry[action](id)).toBe(present.has(id));
            present.delete(id);
          }
          expect(new Set(registry.instances().map((each) => each.id))).toEqual(present);
          expect(Object.values(registry.dropped).reduce((a, b) => a + b)).toBe(drops);
        }
        registry.close();
      }),
    );
  });

  it('that were taken over stay so when their successor has gone: nothing comes back of them', () => {
    const { registry } = registryOn();
    const first = registry.register(about);
    const second = registry.register(about);
    first.renew();
    second.deregister();
    expect(first.renew()).toBe('stale-generation');
    expect(second.renew()).toBe('unknown');
    const records = JSON.parse(JSON.stringify([...registry.records()]));
    const restored = Registry.restore(records);
    expect(restored.heartbeat('a', { generation: 1 })).toBe('stale-generation');
    expect(restored.heartbeat('a', { generation: 2 })).toBe('unknown');
    restored.close();
  });

  it('of forgotten ids are not given again', () => {
    const { registry } = registryOn({ maxInstances: 1 });
    for (let i = 0; i < 3; i++) registry.register(about);
    registry.deregister('a'); // of generation 3
    registry.register({ ...about, id: 'b' });
    registry.deregister('b'); // now b is remembered, and a is not
    expect(registry.register(about).generation).toBe(4);
  });

  it('keep what was learnt', () => {
    const { loop, registry } = registryOn();
    registry.register(about);
    for (let at = 1; at < 60_000; at += 300) {
      loop.runUntil(at);
      registry.heartbeat('a', { generation: 1 });
    }
    const mean = () => registry.detectors.service.explain('a')?.mean as number;
    const learnt = mean();
    expect(Math.round(learnt)).toBe(305); // of 200, one is the prior's
    registry.register(about);
    expect(registry.get('a')).toMatchObject({ status: 'starting', generation: 2 });
    loop.runUntil(70_000);
    registry.heartbeat('a', { generation: 2 });
    expect(mean()).toBe(learnt);
    registry.deregister('a');
    registry.register(about);
    registry.heartbeat('a', { generation: 3 });
    expect(mean()).toBe(learnt);
  });
});

describe('a drain', () => {
  it('of an operator belongs to the id: whoever comes back under it, however, gets no traffic', () => {
    const { loop, registry } = registryOn();
    const restart = () => {
      const records = JSON.parse(JSON.stringify([...registry.records()]));
      return Registry.restore(records, { clock: loop });
    };
    registry.register(about);
    expect(registry.drain('a', { by: 'operator' })).toBe(true);
    const again = registry.register(about);
    again.renew();
    expect(registry.get('a')).toMatchObject({ generation: 2, draining: true, routable: false });
    expect(registry.undrain('a', { by: 'node' })).toBe(true); // not the node's to take back
    expect(registry.get('a')?.draining).toBe(true);
    again.deregister();
    registry.register(about).renew();
    expect(registry.get('a')?.draining).toBe(true);
    const alive = restart();
    expect(alive.get('a')?.draining).toBe(true);
    registry.deregister('a');
    const gone = restart();
    gone.register(about);
    expect(gone.get('a')?.draining).toBe(true);
    expect(registry.undrain('a')).toBe(true); // also of one that is gone
    expect(registry.undrain('a')).toBe(false);
    registry.register(about);
    expect(registry.get('a')?.draining).toBe(false);
    for (const each of [registry, alive, gone]) each.close();
  });

  it('of the node ends with its registration, and an operator may take it back', () => {
    const { registry } = registryOn();
    const lease = registry.register(about);
    lease.drain();
    expect(registry.get('a')?.draining).toBe(true);
    const kept = Registry.restore(JSON.parse(JSON.stringify([...registry.records()])));
    expect(kept.get('a')?.draining).toBe(true);
    kept.close();
    registry.register(about);
    expect(registry.get('a')?.draining).toBe(false);
    registry.drain('a', { by: 'node' });
    expect(registry.undrain('a')).toBe(true);
    expect(registry.get('a')?.draining).toBe(false);
    expect(() => registry.drain('a', { by: 'me' as never })).toThrow('by: expected one of');
  });
});
