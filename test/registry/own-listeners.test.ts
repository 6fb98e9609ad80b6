/** What users of a registry do to the listeners of its detectors does not reach the registry's own. */
import { describe, expect, it } from 'vitest';
import { nodesOn } from './world.js';

const WAYS = ['all', 'of an event', 'by off', 'one by one'] as const;

describe('the detectors of a registry', () => {
  it.each(WAYS)('suspect for it still after listeners were removed: %s', (way) => {
    const { registry, run, events } = nodesOn(3);
    run(10_000);
    const { service } = registry.detectors;
    const heard: string[] = [];
    service.on('suspect', ({ peer }) => heard.push(peer));
    if (way === 'all') service.removeAllListeners();
    if (way === 'of an event') service.removeAllListeners('suspect');
    if (way === 'by off') service.off('suspect');
    if (way === 'one by one') {
      for (const listener of service.listeners('suspect')) service.off('suspect', listener);
    }
    run(40_000, (node, at) => node !== 0 || at < 10_000);
    expect(registry.get('n0')?.status).toBe('dead');
    expect(events).toEqual(['suspect service n0']);
    expect(heard).toEqual([]);
  });

  it('show and remove the listeners of users alone, which come after its own', () => {
    const { registry, run } = nodesOn(2);
    const seen: unknown[] = [];
    const listener = () => seen.push(registry.get('n0')?.status);
    const { service } = registry.detectors;
    service.removeAllListeners();
    service.on('suspect', listener);
    expect(service.listeners('suspect')).toEqual([listener]);
    run(30_000, (node, at) => node !== 0 || at < 10_000);
    expect(seen).toEqual(['dead']);
    service.off('suspect', listener);
    expect(service.listeners('suspect')).toEqual([]);
  });
});
