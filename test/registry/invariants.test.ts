/** Whatever happens: counts, views and routes agree with each other. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Registry } from '../../src/registry/index.js';
import { act, anyAction, registryOn, targets } from './world.js';

const ROUTABLE = ['available', 'probe-failing', 'overloaded', 'critical'];

/** The route, worked out from the instances alone. */
function check(registry: Registry, panics: Map<string, boolean>): void {
  const summaries = new Map(registry.services().map((each) => [each.name, each]));
  for (const service of ['x', 'y']) {
    const all = registry.instances(service);
    const counted = all.filter(({ id }) => registry.explain(id)?.counts);
    const available = counted.filter(({ routable }) => routable);
    const { n = 0, available: said = 0 } = summaries.get(service) ?? {};
    expect([n, said]).toEqual([counted.length, available.length]);
    for (const { id, routable, status, draining, signals } of all) {
      const counts = counted.some((each) => each.id === id);
      if (draining || status === 'starting' || status === 'not-ready') expect(counts).toBe(false);
      else if (signals.service === 'ok' || signals.service === 'late') expect(counts).toBe(true);
      if (routable) expect([ROUTABLE.includes(status), draining]).toEqual([true, false]);
    }
    // Who is dead for long begins no panic, but that is not to be seen here.
    const share = n === 0 ? 100 : (100 * said) / n;
    const { mode, excluded } = registry.route(service);
    if (share < 50) expect(mode).toBe('panic');
    else if (share >= 60 || !panics.get(service)) expect(mode).not.toBe('panic');
    panics.set(service, mode === 'panic');
    const routed = targets(registry, service);
    const expected = mode === 'panic' ? counted : available;
    expect(routed).toEqual(expected.map(({ id }) => id));
    expect(routed.length + excluded.length).toBe(all.length);
    const picked = registry.pick(service);
    if (routed.length > 0) expect(routed).toContain(picked?.id);
    else expect(picked).toBe(undefined);
  }
  expect(registry.size).toBe(registry.instances().length);
  JSON.stringify([registry.protection, registry.instances().map(({ id }) => registry.explain(id))]);
}

describe('a registry', () => {
  it('is consistent after every action, and within every listener', () => {
    fc.assert(
      fc.property(fc.array(anyAction, { maxLength: 80 }), (steps) => {
        const { loop, registry } = registryOn();
        const panics = new Map<string, boolean>();
        const errors: unknown[] = [];
        registry.on('error', ({ error }) => errors.push(error));
        // A panic may begin and end between two listeners: only what does not depend on it is asked.
        registry.on('change', ({ instance }) => {
          const routed = targets(registry, instance.service);
          for (const each of registry.instances(instance.service)) {
            if (each.routable) expect(routed).toContain(each.id);
          }
        });
        for (const step of steps) {
          loop.runUntil(loop.now() + step.wait);
          act(registry, loop, step);
          // Edges of a panic in between, by time alone, are read from its state.
          for (const { service } of registry.protection.panic) panics.set(service, true);
          check(registry, panics);
        }
        expect(errors).toEqual([]);
        registry.close();
      }),
      { numRuns: 300 },
    );
  });
});
