/** Out as JSON and in again: a restart of the registry is nobody's death. */
import { describe, expect, it } from 'vitest';
import { type InstanceRecord, Registry } from '../../src/registry/index.js';
import { Loop } from '../support/loop.js';
import { nodesOn, statuses, targets } from './world.js';

const throughFile = (records: Iterable<InstanceRecord>): InstanceRecord[] =>
  JSON.parse(JSON.stringify([...records]));

function restored(records: Iterable<InstanceRecord>) {
  const loop = new Loop();
  const registry = Registry.restore(throughFile(records), { clock: loop });
  const suspects: [string, number][] = [];
  registry.on('suspect', ({ peer, at }) => suspects.push([peer, at]));
  return { loop, registry, suspects };
}

/** Ten nodes, of which n1 is dead, n2 drains, n3 is not ready, n4 beats with both signals. */
function before() {
  const world = nodesOn(10);
  world.run(30_000, undefined, (node) => node === 4);
  world.registry.drain('n2');
  world.register('n5');
  world.run(
    40_000,
    (node) => node !== 1,
    (node) => node === 4,
  );
  world.registry.heartbeat('n3', { generation: 1, ready: false, at: 40_000.5 });
  world.registry.deregister('n9');
  return world;
}

describe('records', () => {
  it('bring everybody back as they stood, with generations and what was learnt', () => {
    const { registry: old } = before();
    const { registry } = restored(old.records());
    const still = (each: Registry) =>
      each.instances().map(({ revision, ...view }) => ({ ...view, signals: undefined }));
    expect(still(registry)).toEqual(still(old));
    expect(registry.get('n5')?.generation).toBe(2);
    expect(registry.get('n1')?.status).toBe('dead');
    const means = (each: Registry) =>
      each.instances().map(({ id }) => each.detectors.service.explain(id)?.mean);
    expect(means(registry)).toEqual(means(old));
    expect(registry.register({ id: 'n9', service: 'api', address: 'x' }).generation).toBe(2);
    expect(throughFile(registry.records()).length).toBe(10);
  });

  it('are the same when nothing has happened since', () => {
    const { registry: old } = before();
    const once = throughFile(restored(old.records()).registry.records());
    expect(once).toEqual(throughFile(restored(once).registry.records()));
  });

  it('wait for begin, then two intervals, and then silence counts from there', () => {
    const { registry: old } = before();
    const { loop, registry, suspects } = restored(old.records());
    expect(registry.protection.links.waiting).toBe(9);
    loop.runUntil(1_000_000);
    expect([registry.size, suspects]).toEqual([9, []]);
    registry.begin();
    loop.runUntil(1_002_001);
    expect(registry.protection.links.waiting).toBe(0);
    expect(suspects).toEqual([]);
    expect(targets(registry)).toContain('n0');
    // None of them comes back: held as a mass silence is not, for nobody was heard since.
    loop.runUntil(1_100_000);
    expect(suspects.length).toBeGreaterThan(0);
    for (const [, at] of suspects) expect(at).toBeGreaterThan(1_004_000);
    expect(registry.size).toBe(9); // everybody is down: nobody is removed
  });

  it('let who is heard in time go on, full weight, without a change of status', () => {
    const { registry: old, run } = nodesOn(10);
    run(60_000);
    const { loop, registry, suspects } = restored(old.records());
    const changes: string[] = [];
    registry.on('change', ({ kind }) => changes.push(kind));
    registry.begin();
    for (let at = 1500; at < 60_000; at += 1000) {
      loop.runUntil(at);
      for (const { id } of registry.instances()) {
        expect(registry.heartbeat(id, { generation: 1 })).toBe('accepted');
      }
    }
    expect(changes).toEqual([]);
    expect(suspects).toEqual([]);
    expect(registry.route('api').targets.map(({ weight }) => weight)).toEqual(Array(10).fill(1));
  });

  it('one that was dead is back with its first heartbeat, and removed without one', () => {
    const { registry: old } = before();
    const { loop, registry } = restored(old.records());
    registry.begin();
    const ids = registry.instances().map(({ id }) => id);
    for (let at = 500; at < 60_000; at += 1000) {
      loop.runUntil(at);
      for (const id of ids) {
        const { generation } = registry.get(id) ?? { generation: 1 };
        if (id !== 'n1') registry.heartbeat(id, { generation });
        if (id === 'n4') registry.heartbeat(id, { generation, signal: 'process' });
      }
      if (at < 30_000) expect(registry.get('n1')?.status).toBe('dead');
    }
    expect(registry.get('n1')).toBe(undefined);
    const again = restored(old.records()).registry;
    again.heartbeat('n1', { generation: 1 });
    expect(again.get('n1')?.status).toBe('available');
  });

  it('of a journal: later lines count, older generations do not, windows stay', () => {
    const { registry: old, register, run } = nodesOn(2);
    run(30_000);
    const checkpoint = throughFile(old.records());
    const stale = old.record('n0') as InstanceRecord;
    register('n0');
    const line = old.record('n0') as InstanceRecord;
    old.deregister('n1');
    const gone = old.record('n1') as InstanceRecord;
    expect(gone).toEqual({ id: 'n1', generation: 1, gone: true });
    expect(line).not.toHaveProperty('learnt');
    expect(old.record('nobody')).toBe(undefined);
    const { registry } = restored([...checkpoint, line, gone, stale]);
    expect(registry.instances().map(({ id, generation }) => [id, generation])).toEqual([['n0', 2]]);
    const { mean } = old.detectors.service.explain('n0') as { mean: number };
    expect(registry.detectors.service.explain('n0')?.mean).toBe(mean);
    expect(registry.register({ id: 'n1', service: 'api', address: 'x' }).generation).toBe(2);
    expect(registry.revision).toBeGreaterThan(0);
  });

  it('keep polled ones from being judged by our silence', () => {
    const { registry: old } = nodesOn(3);
    for (const { id } of old.instances()) old.probe(id, 1, { outcome: 'answered' });
    const { loop, registry, suspects } = restored(old.records());
    registry.begin();
    loop.runUntil(25_000);
    expect([statuses(registry), suspects]).toEqual([Array(3).fill('available'), []]);
    expect([...registry.detectors.process.suspects()]).toEqual([]);
  });

  it('of other versions are read: unknown parts are ignored, absent ones have their defaults', () => {
    const id = { id: 'n0', service: 'api', address: 'x' };
    const later = { ...id, generation: 3, colour: 'red', learnt: { pulse: {} } };
    const { registry } = restored([
      later as never,
      { id: 'n1', generation: 2, gone: true, since: 7 } as never,
    ]);
    expect(registry.get('n0')).toMatchObject({
      generation: 3,
      status: 'starting',
      draining: false,
    });
    expect(registry.get('n0')).toMatchObject({ heartbeatInterval: 1000, meta: {} });
    expect(registry.register({ ...id, id: 'n1' }).generation).toBe(3);
    const former = { ...later, status: 'probe-blind', registeredAt: -5e9 };
    expect(restored([former as never]).registry.get('n0')?.status).toBe('probe-failing');
  });

  it('are those of each id once, whoever comes and goes while they are read', () => {
    const { registry, register } = nodesOn(6);
    registry.deregister('n5');
    const ids: string[] = [];
    for (const { id, generation } of registry.records()) {
      ids.push(id);
      if (id === 'n1') registry.deregister('n2');
      if (id === 'n2') expect(registry.record('n2')).toMatchObject({ gone: true });
      if (id === 'n3') {
        for (const back of ['n0', 'n2', 'n5']) register(back);
        registry.deregister('n0');
        registry.register({ id: 'new', service: 'api', address: 'x' });
      }
      if (id === 'n5') expect(generation).toBe(2);
    }
    expect(ids).toEqual(['n0', 'n1', 'n2', 'n3', 'n4', 'n5']);
  });

  it('and generations, kept beside them, let no id have one a second time that was forgotten', () => {
    const registry = new Registry({ maxInstances: 2, clock: new Loop() });
    for (let n = 0; n < 3; n++) registry.register({ id: 'a', service: 'api', address: 'x' });
    registry.deregister('a');
    for (const id of ['b', 'c', 'd']) {
      registry.register({ id, service: 'api', address: 'x' });
      registry.deregister(id);
    }
    expect(registry.record('a')).toBeUndefined();
    expect(registry.generations).toEqual({ given: 4, forgotten: 3 });
    const { registry: next } = restored(registry.records());
    next.raiseGenerations(registry.generations.forgotten);
    expect(next.register({ id: 'a', service: 'api', address: 'x' }).generation).toBe(4);
    expect(() => next.raiseGenerations(-1)).toThrow(RangeError);
    expect(next.generations.given).toBe(4);
  });

  it('that are none are refused, and say what', () => {
    const { registry: old } = nodesOn(1);
    const good = old.record('n0') as InstanceRecord;
    const wrong: [object, RegExp][] = [
      [{ generation: 0 }, /record.generation/],
      [{ status: 'fine' }, /record.status/],
      [{ heard: ['pulse'] }, /record.heard/],
      [{ draining: 1 }, /record.draining/],
      [{ id: 7 }, /id/],
      [{ learnt: { service: 3 } }, /record.learnt.service/],
      [{ gone: 'yes' }, /record.gone/],
    ];
    for (const [change, message] of wrong) {
      expect(() => Registry.restore([{ ...good, ...change } as never])).toThrow(message);
    }
    expect(() => Registry.restore([null as never])).toThrow(TypeError);
  });
});
