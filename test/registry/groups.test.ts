/** Instances that name a group (a host, a rack, a zone) may fall silent together: that is held, not buried. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Registry, type RegistryOptions } from '../../src/registry/index.js';
import { Loop } from '../support/loop.js';
import { registryOn } from './world.js';

const CUT = 60_000;

interface Fleet {
  readonly hosts: number;
  readonly each: number;
  /** Whether the instances of a host are heard at `at`. */
  readonly heard: (host: number, id: string, at: number) => boolean;
  readonly grouped?: boolean;
  readonly options?: RegistryOptions;
  readonly signals?: readonly ('service' | 'process')[];
}

/** Hosts of instances that beat once a second, each at a phase of its own. */
function fleet({ hosts, each, heard, grouped = true, options, signals = ['service'] }: Fleet) {
  const { loop, registry } = registryOn(options);
  const n = hosts * each;
  const leases = Array.from({ length: n }, (_, i) => {
    const host = i % hosts;
    const group = grouped ? { group: `host-${host}` } : {};
    const about = { id: `n${i}`, service: 'api', address: `10.0.0.${host}:${i}`, ...group };
    return { host, lease: registry.register(about) };
  });
  const suspected: string[] = [];
  registry.on('suspect', ({ peer }) => suspected.push(peer));
  let beat = 0;
  const run = (until: number) => {
    for (; (beat * 1000) / n <= until; beat++) {
      const at = (beat * 1000) / n;
      const { host, lease } = leases[beat % n];
      loop.arrive(at, () => {
        if (!heard(host, lease.id, at)) return;
        for (const signal of signals) lease.renew({ signal });
      });
    }
    loop.runUntil(until);
  };
  return { registry, suspected, run };
}

const silent = (registry: Registry) =>
  registry.protection.massSilence.silent.map(({ signal, group }) => `${signal} ${group}`);

describe('half of a fleet behind a dead switch', () => {
  const cut = (host: number, at: number) => host % 2 === 0 && at >= CUT;

  it('is held until it is back: nobody is suspected, out of the route, or removed', () => {
    const { registry, suspected, run } = fleet({
      ...{ hosts: 10, each: 4, options: { ttl: 3000, removal: { every: 1000 } } },
      heard: (host, _, at) => !cut(host, at) || at >= CUT + 12_000,
    });
    const removed: string[] = [];
    registry.on('change', ({ kind, instance }) => kind === 'removed' && removed.push(instance.id));
    run(CUT + 11_000);
    expect(silent(registry).sort()).toEqual(
      [0, 2, 4, 6, 8].map((host) => `service host-${host}`).sort(),
    );
    expect(registry.protection.massSilence.active).toBe(true);
    expect(suspected).toEqual([]);
    expect(registry.route('api').targets).toHaveLength(40);
    run(CUT + 30_000);
    expect(silent(registry)).toEqual([]);
    expect(registry.protection.massSilence.active).toBe(false);
    expect(suspected).toEqual([]);
    expect(removed).toEqual([]);
    expect(registry.size).toBe(40);
  });

  it('is suspected once it has been silent for as long as a hold may last', () => {
    const { suspected, run } = fleet({
      ...{ hosts: 10, each: 4 },
      heard: (host, _, at) => !cut(host, at),
    });
    run(CUT + 60_000);
    expect(suspected).toHaveLength(20);
  });

  it('defers neither the suspicion nor the restart of one that dies in another group', () => {
    const { registry, suspected, run } = fleet({
      ...{ hosts: 10, each: 4 },
      heard: (host, id, at) => !cut(host, at) && (id !== 'n1' || at < CUT + 2000),
    });
    const restarts: string[] = [];
    registry.on('restart-needed', ({ instance }) => restarts.push(instance.id));
    run(CUT + 20_000);
    expect(suspected).toEqual(['n1']);
    expect(restarts).toEqual(['n1']);
  });

  it.each([[false], [true]])(
    'is an edge of protection for each group and signal (both: %s)',
    (both) => {
      const signals = both ? (['service', 'process'] as const) : (['process'] as const);
      const { registry, run } = fleet({
        ...{ hosts: 4, each: 5, signals },
        heard: (host, _, at) => at < CUT || host > 1 || at >= CUT + 6000 + host * 3000,
      });
      const edges: string[] = [];
      registry.on('protection', ({ rule, active, signal, group }) => {
        if (rule === 'mass-silence') edges.push(`${signal} ${group} ${active}`);
      });
      run(CUT + 8000);
      const at = silent(registry);
      run(CUT + 30_000);
      for (const signal of signals) {
        for (const group of ['host-0', 'host-1']) {
          expect(edges.filter((edge) => edge.startsWith(`${signal} ${group} `))).toEqual([
            `${signal} ${group} true`,
            `${signal} ${group} false`,
          ]);
        }
        // The one that came back first has not ended the other's.
        expect(at).toContain(`${signal} host-1`);
      }
      expect(silent(registry)).toEqual([]);
    },
  );
});

describe('a group', () => {
  it('is shown, kept, restored, and replaced by that of the next registration', () => {
    const loop = new Loop();
    const { registry } = registryOn({}, loop);
    const about = { id: 'a', service: 'api', address: 'a:1' };
    registry.register({ ...about, group: 'rack-1' }).renew();
    registry.register({ id: 'b', service: 'api', address: 'b:1' });
    expect(registry.get('a')?.group).toBe('rack-1');
    expect(registry.get('b')).not.toHaveProperty('group');
    const records = JSON.parse(JSON.stringify([...registry.records()]));
    const next = Registry.restore(records, { clock: loop });
    expect(next.get('a')?.group).toBe('rack-1');
    next.register({ ...about, group: 'rack-2' });
    expect(next.get('a')?.group).toBe('rack-2');
    next.register(about);
    expect(next.get('a')).not.toHaveProperty('group');
    next.close();
  });

  it.each([['', 'a\nb', 7, null, '.', 'x'.repeat(256)]].flat())(
    'is refused if it is no name: %j',
    (group) => {
      const { registry } = registryOn();
      const about = { id: 'a', service: 'api', address: 'a:1', group: group as never };
      expect(() => registry.register(about)).toThrow(/^group: expected /);
    },
  );

  it('changes nothing for single deaths, whoever dies when', () => {
    const world = fc.record({
      grouped: fc.boolean(),
      deaths: fc.uniqueArray(
        fc.record({ node: fc.nat(11), at: fc.integer({ min: 20_000, max: 60_000 }) }),
        { selector: ({ node }) => node % 4, maxLength: 2 }, // one of a host at most
      ),
    });
    fc.assert(
      fc.property(world, ({ grouped, deaths }) => {
        const died = new Map(deaths.map(({ node, at }) => [`n${node}`, at]));
        const { suspected, run } = fleet({
          ...{ hosts: 4, each: 3, grouped },
          heard: (_, id, at) => at < (died.get(id) ?? Infinity),
        });
        run(75_000);
        expect(suspected.sort()).toEqual([...died.keys()].sort());
      }),
      { numRuns: 15 },
    );
  });
});
