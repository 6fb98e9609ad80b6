/** What must hold whatever goes wrong: ten nodes, a beat a second. */
import { describe, expect, it } from 'vitest';
import { Registry } from '../../src/registry/index.js';
import { Loop } from '../support/loop.js';
import { nodesOn, registryOn, statuses, targets } from './world.js';

const start = 30_000;

describe('scenarios', () => {
  it('S1: all beats are lost for 10 s: nobody removed, routing never empty, at most one pair each', () => {
    for (const outage of [10_000, 10_000.5]) {
      const { registry, run, events, ids } = nodesOn(10);
      const removed: string[] = [];
      registry.on('change', ({ kind, instance }) => {
        if (kind === 'removed') removed.push(instance.id);
      });
      for (let at = start; at < start + 60_000; at += 50) {
        run(at, (_, t) => t < start || t >= start + outage);
        const { mode, targets: routed } = registry.route('api');
        if (at > start) expect(routed.length, `${mode} at ${at}`).toBeGreaterThan(0);
      }
      expect(removed).toEqual([]);
      for (const id of ids) {
        const own = events.filter((each) => each.endsWith(` ${id}`));
        expect(own.filter((each) => each.startsWith('suspect')).length).toBeLessThanOrEqual(1);
        expect(own.filter((each) => each.startsWith('available')).length).toBeLessThanOrEqual(1);
      }
      expect(statuses(registry)).toEqual(Array(10).fill('available'));
    }
  });

  it('S2: one dies: it alone', () => {
    const { registry, run, events } = nodesOn(10);
    run(start + 60_000, (node, at) => node !== 3 || at < start);
    expect(events).toEqual(['suspect service n3']);
    expect(registry.get('n3')).toBe(undefined); // its lease has run out since
    expect(targets(registry)).toEqual(['n0', 'n1', 'n2', 'n4', 'n5', 'n6', 'n7', 'n8', 'n9']);
  });

  it('S3: six die: all 10 routable, removal frozen', () => {
    const { registry, run } = nodesOn(10);
    run(start);
    run(start + 6000, (node) => node >= 6);
    expect(statuses(registry).filter((status) => status === 'dead').length).toBe(6);
    expect(registry.route('api').mode).toBe('panic');
    expect(targets(registry).length).toBe(10);
    expect(registry.protection.removal).toMatchObject({ frozen: true, reason: 'too-many-down' });
    run(start + 300_000, (node) => node >= 6);
    expect(registry.size).toBe(10);
    expect(targets(registry).length).toBe(10);
    expect(registry.protection.removal.candidates).toBe(6);
  });

  it('S4: fail and pass alternate: no transition', () => {
    const { registry, run, events } = nodesOn(10);
    const changes: string[] = [];
    run(start);
    registry.on('change', ({ instance: { id, status } }) => changes.push(`${id} ${status}`));
    // Polls of n0 fail and pass by turns; of the beats of n1 every other one is lost.
    for (let i = 0; i < 60; i++) {
      registry.probe('n0', 1, { outcome: i % 2 === 0 ? 'failed' : 'answered' });
      run(start + (i + 1) * 1000, (node, at) => node !== 1 || Math.floor(at / 1000) % 2 === 0);
      expect(targets(registry).length).toBe(10);
    }
    expect(events).toEqual([]);
    // One missed poll is overloaded; so it stays, instead of coming and going.
    expect(changes.filter((each) => each.startsWith('n0'))).toEqual(['n0 overloaded']);
  });

  it('S5: the observer is blocked for 8 s: nobody', () => {
    const { loop, registry, run, events } = nodesOn(10);
    run(start);
    loop.block(8000);
    run(start + 60_000);
    expect(events).toEqual([]);
    expect(statuses(registry)).toEqual(Array(10).fill('available'));
    expect(registry.protection.stall.count).toBe(1);
    expect(registry.protection.stall.total).toBeGreaterThan(7000);
  });

  it('S6: the registry restarts: nodes are told and register again; nobody dead', () => {
    const first = nodesOn(10);
    first.run(start);
    const { registry } = registryOn();
    expect(first.ids.map((id) => registry.heartbeat(id, { generation: 1 }))).toEqual(
      Array(10).fill('unknown'),
    );
    const anew = nodesOn(10);
    anew.run(start);
    expect(statuses(anew.registry)).toEqual(Array(10).fill('available'));
    expect(anew.events).toEqual([]);
  });

  it('S6: the same with what it knew: nobody dead for the time that it was away', () => {
    const first = nodesOn(10);
    first.run(start);
    const file = JSON.stringify([...first.registry.records()]);
    const loop = new Loop();
    const registry = Registry.restore(JSON.parse(file), { clock: loop });
    expect(statuses(registry)).toEqual(Array(10).fill('available'));
    loop.runUntil(120_000); // the sources are not up yet
    registry.begin();
    expect(targets(registry).length).toBe(10);
    const events: string[] = [];
    registry.on('suspect', ({ peer }) => events.push(peer));
    for (let at = 120_000; at < 180_000; at += 1000) {
      loop.runUntil(at + 1);
      for (const id of first.ids.slice(1)) {
        if (at >= 121_000) expect(registry.heartbeat(id, { generation: 1 })).toBe('accepted');
      }
    }
    expect(events).toEqual(['n0']);
    expect(registry.get('n1')).toMatchObject({ generation: 1, status: 'available' });
  });

  it('S7: a result of a poll that comes after re-registration is ignored', () => {
    const { registry, run, register } = nodesOn(10);
    run(start);
    register('n0');
    run(start + 5000);
    const before = registry.revision;
    for (let i = 0; i < 5; i++) {
      expect(registry.probe('n0', 1, { outcome: 'failed' })).toBe('stale-generation');
    }
    expect(registry.probe('n0', 1, { outcome: 'answered' })).toBe('stale-generation');
    expect(registry.revision).toBe(before);
    expect(registry.get('n0')).toMatchObject({ generation: 2, status: 'available' });
    expect(registry.dropped['stale-generation']).toBe(6);
  });
});
