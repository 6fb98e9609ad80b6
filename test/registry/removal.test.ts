/** Removal: later than routing, a few at a time, and not while it is likelier that we are broken. */
import { describe, expect, it } from 'vitest';
import { nodesOn, registryOn } from './world.js';

describe('removal', () => {
  it('comes by its lease, long after the traffic has gone', () => {
    const { registry, run, loop } = nodesOn(10);
    const at: Record<string, number> = {};
    registry.on('change', ({ kind, reason, instance: { id, status } }) => {
      if (id === 'n0') at[kind === 'removed' ? `removed ${reason}` : status] = loop.now();
    });
    run(30_000);
    run(80_000, (node) => node !== 0);
    expect(at.dead).toBeLessThan(33_000);
    expect(at['removed ttl']).toBeGreaterThanOrEqual(60_000);
    expect(at['removed ttl']).toBeLessThanOrEqual(70_001);
  });

  it('takes a few in each sweep, by chance', () => {
    const removedBy = (random: () => number) => {
      const { registry, run, loop } = nodesOn(100, { random });
      const removed: [number, string][] = [];
      registry.on('change', ({ kind, instance }) => {
        if (kind === 'removed') removed.push([Math.round(loop.now() / 10_000), instance.id]);
      });
      run(30_000);
      // Fifteen at once is no more than may be; and then others, when those are gone.
      run(75_000, (node) => node >= 15);
      expect(removed.length).toBe(15);
      expect(new Set(removed.map(([sweep]) => sweep)).size).toBe(1);
      return removed.map(([, id]) => id).join(' ');
    };
    expect(removedBy(() => 0.1)).not.toBe(removedBy(() => 0.9));
  });

  it('of more than a few at once is spread over sweeps, while others are heard', () => {
    // Half of the heartbeats of a service do not have to come where the others beat twice as often.
    const { loop, registry } = registryOn({ ttl: 30_000 });
    const beats = (id: string) => Number(id.slice(1)) < 4;
    const ids = Array.from({ length: 20 }, (_, i) => `n${i}`);
    for (const id of ids) {
      // Those that die beat once in 10 s: little of what is expected is theirs.
      const heartbeatInterval = beats(id) ? 10_000 : 500;
      registry.register({ id, service: 'api', address: 'x', heartbeatInterval, ttl: 60_000 });
    }
    // The registry as a whole might lose nine at once.
    const others = Array.from({ length: 40 }, (_, i) => `o${i}`);
    for (const id of others) registry.register({ id, service: 'other', address: 'x' });
    const sizes: number[] = [];
    for (let at = 1; at < 200_000; at += 500) {
      loop.runUntil(at);
      for (const id of ids) {
        const due = beats(id) ? at % 10_000 === 1 && at < 60_000 : true;
        if (due) registry.heartbeat(id, { generation: 1 });
      }
      if (at % 1000 === 1) for (const id of others) registry.heartbeat(id, { generation: 1 });
      const size = registry.instances('api').length;
      if (sizes.at(-1) !== size) sizes.push(size);
    }
    expect(sizes).toEqual([20, 17, 16]); // 3 of 20, then 1 of 17 that is left
  });

  it('of the only instance, and of everybody, does not happen; leases run anew when one is back', () => {
    for (const n of [1, 2, 3, 10]) {
      const { registry, run } = nodesOn(n);
      const edges: unknown[] = [];
      registry.on('protection', ({ rule, active, service }) => {
        if (rule === 'removal' && service === undefined) edges.push(active);
      });
      run(30_000);
      run(150_000, () => false);
      expect(registry.size, `${n}`).toBe(n);
      expect(registry.protection.removal).toMatchObject({
        ...{ frozen: true, reason: 'everybody-down', candidates: n },
      });
      run(152_000);
      expect(registry.size).toBe(n);
      expect(registry.protection.removal.candidates).toBe(0);
      run(200_000);
      expect(registry.protection.removal.frozen).toBe(false);
      expect(edges[0]).toBe(true);
      expect(edges.at(-1)).toBe(false);
    }
  });

  it('gives the last one its time when the other is back', () => {
    const { registry, run } = nodesOn(2);
    run(30_000);
    run(150_000, () => false);
    run(175_000, (node) => node === 0);
    expect(registry.size).toBe(2);
    run(200_000, (node) => node === 0);
    expect(registry.size).toBe(1);
  });

  it('does not come from a sweep that is late: what beats wait to be read is not known', () => {
    const { loop, registry } = registryOn({ detector: { stallGuard: false } });
    const ids = Array.from({ length: 20 }, (_, i) => `n${i}`);
    for (const [i, id] of ids.entries()) {
      // Two with a short lease, which runs out before they are suspected.
      const own = i < 2 ? { heartbeatInterval: 5000, ttl: 8000 } : { heartbeatInterval: 60_000 };
      registry.register({ id, service: 'api', address: 'x', ...own });
      registry.heartbeat(id, { generation: 1 });
    }
    for (let at = 5000; at <= 60_000; at += 5000) {
      loop.arrive(at, () => {
        for (const id of ids.slice(0, 2)) registry.heartbeat(id, { generation: 1 });
      });
    }
    loop.runUntil(25_500);
    loop.block(10_000); // the sweep at 30 s comes before the beats are read
    loop.runUntil(60_000);
    expect(registry.size).toBe(20);
  });

  it('gives the others their time when the first is back', () => {
    const { registry, run } = nodesOn(3);
    run(30_000);
    run(150_000, () => false);
    run(170_000, (node) => node === 0); // the others have 30 s from now
    expect(registry.size).toBe(3);
    run(300_000, (node) => node === 0);
    // Two of three are more than may be removed at once: their deaths have to be confirmed first.
    expect(registry.protection.removal).toMatchObject({ frozen: true, candidates: 2 });
    expect(registry.forceRemoval('other')).toBe(0);
    expect(registry.forceRemoval('api')).toBe(2);
    expect(registry.size).toBe(1);
    run(320_000);
    expect(registry.protection.removal).toMatchObject({ frozen: false, candidates: 0 });
  });

  it('one of three does not freeze it', () => {
    const { registry, run } = nodesOn(3);
    run(30_000);
    run(90_000, (node) => node !== 0);
    expect(registry.size).toBe(2);
  });

  it('that is frozen for a quarter of an hour says so', () => {
    const { registry, run } = nodesOn(10);
    const said: unknown[] = [];
    registry.on('protection', ({ rule, active, overdue, service }) => {
      if (rule === 'removal' && service === 'api') said.push([active, overdue]);
    });
    run(30_000);
    run(900_000, () => false);
    expect(registry.protection.removal).toMatchObject({ frozen: true, overdue15min: false });
    run(1_000_000, () => false);
    expect(registry.protection.removal.overdue15min).toBe(true);
    expect(said).toEqual([
      [true, undefined],
      [true, true],
    ]);
    run(1_020_000);
    expect(said.at(-1)).toEqual([false, undefined]);
    expect(registry.size).toBe(10);
  });

  it('of who was silent for goneAfter comes whatever the shares say, by registry or registration', () => {
    for (const [options, own, least] of [
      [{ goneAfter: 60_000 }, undefined, 60_000],
      [{ goneAfter: 10_000 }, undefined, 30_000], // not before its lease has run out
      [{}, 90_000, 90_000],
      [{ goneAfter: 60_000 }, 120_000, 120_000],
    ] as const) {
      const { registry, run, loop, generations } = nodesOn(10, options);
      if (own !== undefined) {
        for (let i = 0; i < 6; i++) {
          const about = { id: `n${i}`, service: 'api', address: 'x', goneAfter: own };
          generations.set(`n${i}`, registry.register(about).generation);
        }
      }
      const gone: number[] = [];
      registry.on('change', ({ kind, reason }) => {
        if (kind === 'removed') gone.push(loop.now());
        if (kind === 'removed') expect(reason).toMatch(/^(gone|ttl)$/);
      });
      run(30_000);
      run(200_000, (node) => node >= 6);
      expect(gone.length).toBe(6);
      expect(Math.min(...gone)).toBeGreaterThan(29_000 + least);
      expect(Math.max(...gone)).toBeLessThanOrEqual(30_000 + least + 20_001);
      expect(registry.route('api')).toMatchObject({ mode: 'normal', targets: { length: 4 } });
    }
  });

  it('does not come by goneAfter while the registry itself cannot hear', () => {
    const { registry, run } = nodesOn(10, { goneAfter: 60_000 });
    const link = registry.link();
    run(30_000);
    link.down();
    run(30 * 60_000, (node) => node >= 6);
    expect(registry.size).toBe(10);
    link.up();
    run(30 * 60_000 + 90_000, (node) => node >= 6);
    expect(registry.size).toBe(4);
    // Nor of everybody: who is to say that it is they who are silent?
    run(60 * 60_000, () => false);
    expect(registry.size).toBe(4);
    run(61 * 60_000);
    expect(registry.size).toBe(4);
  });

  it('of most of a service comes when the others were heard without loss for five minutes', () => {
    const { registry, run, loop } = nodesOn(10);
    run(30_000);
    let panicUntil = 0;
    for (let at = 31_000; at <= 400_000; at += 1000) {
      run(at, (node) => node >= 6);
      if (registry.route('api').mode === 'panic') panicUntil = loop.now();
    }
    expect(panicUntil).toBeGreaterThan(330_000);
    expect(panicUntil).toBeLessThan(336_000);
    expect(registry.size).toBe(4);
    expect(registry.protection.removal).toMatchObject({ frozen: false, candidates: 0 });
  });

  it('in one service goes on when it is frozen in another', () => {
    const { registry, run, loop } = nodesOn(30);
    const small = ['s0', 's1', 's2', 's3'];
    for (const id of small) registry.register({ id, service: 'small', address: 'x' });
    for (let at = 1000; at < 120_000; at += 500) {
      run(at, (node) => node !== 0 || at < 30_000);
      for (const id of at < 30_000 ? small : ['s0']) registry.heartbeat(id, { generation: 1 });
    }
    expect(loop.now()).toBeGreaterThan(119_000);
    expect(registry.instances('small').length).toBe(4);
    expect(registry.protection.removal.freezes).toMatchObject([{ service: 'small' }]);
    expect(registry.get('n0')).toBe(undefined);
  });

  it('waits while many are silent at once, and while a link is down', () => {
    const { registry, run, loop } = nodesOn(10);
    run(30_000);
    const link = registry.link();
    run(55_000, (node) => node !== 0);
    link.down();
    run(90_000, (node) => node !== 0);
    expect(registry.size).toBe(10);
    expect(registry.protection.removal.reason).toBe('observer');
    link.up();
    run(loop.now() + 11_000, (node) => node !== 0);
    expect(registry.size).toBe(9);
  });

  it('takes who drains, or was never heard, without a budget: no capacity is lost', () => {
    const { registry, run } = nodesOn(10);
    run(30_000);
    for (let i = 0; i < 5; i++) registry.drain(`n${i}`);
    run(80_000, (node) => node >= 5);
    expect(registry.size).toBe(5);
    expect(registry.protection.removal.frozen).toBe(false);
  });
});
