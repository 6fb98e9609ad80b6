/** Who stands out: by median and MAD, in a group, and among the instances of a service. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outliers } from '../../src/health/index.js';
import { nodesOn, targets } from './world.js';

const pairs = (values: number[]) => values.map((value, i) => [i, value] as const);

describe('outliers', () => {
  it('finds two bad ones that mask each other for the mean', () => {
    const values = [10, 11, 9, 10, 12, 10, 500, 520];
    expect(outliers(pairs(values)).standOut).toEqual([7, 6]);
    const mean = values.reduce((a, b) => a + b) / 8;
    const sigma = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / 8);
    expect((520 - mean) / sigma).toBeLessThan(3.5); // what the mean and σ would have said
  });

  it('takes out a tenth at most, the worst, and nobody of fewer than ten', () => {
    const values = [...Array.from({ length: 27 }, (_, i) => 10 + (i % 3)), 100, 300, 200];
    const { standOut, out } = outliers(pairs(values));
    expect(standOut).toEqual([28, 29, 27]);
    expect(out).toEqual([28, 29, 27]);
    expect(outliers(pairs(values), { atMost: 0.05 }).out).toEqual([28]);
    expect(outliers(pairs([1, 1, 1, 1, 9, 9.5]))).toMatchObject({ standOut: [5, 4], out: [] });
    expect(outliers(pairs(values), { atMost: 0 }).out).toEqual([]);
  });

  it('needs five', () => {
    expect(outliers(pairs([1, 1, 1, 100])).standOut).toEqual([]);
    expect(outliers(pairs([1, 1, 1, 1, 100])).standOut).toEqual([4]);
    expect(outliers(pairs([1, 1, 1, Number.NaN, 100])).standOut).toEqual([]);
    expect(outliers([]).median).toBeNaN();
  });

  it('is just beyond the cutoff, on the side that is asked for', () => {
    const group = [0, 1, 2, 3, 4, 5, 6, 7, 8]; // median 4, MAD 2
    const limit = 3.5 * 1.4826 * 2.5; // of the ten below
    const at = (value: number, side?: 'high' | 'low' | 'both') =>
      outliers(pairs([...group, value]), side && { side });
    expect(at(100)).toMatchObject({ median: 4.5, mad: 2.5 });
    expect(at(4.5 + limit).standOut).toEqual([]);
    expect(at(4.5 + limit + 1e-9).standOut).toEqual([9]);
    expect(at(-100, 'high').standOut).toEqual([]);
    expect(at(-100, 'low').standOut).toEqual([9]);
    expect(at(100, 'low').standOut).toEqual([]);
  });

  it('takes no rounding for a difference', () => {
    expect(outliers(pairs([0.3, 0.3, 0.3, 0.3, 0.1 + 0.2])).standOut).toEqual([]);
  });

  it('leaves small differences alone with a floor', () => {
    expect(outliers(pairs([5, 5, 5, 5, 5.1])).standOut).toEqual([4]);
    expect(outliers(pairs([5, 5, 5, 5, 5.1]), { floor: 1 }).standOut).toEqual([]);
  });

  it('never takes out half of a group, nor more than stands out', () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 60 }), (values) => {
        const { standOut, out } = outliers(pairs(values));
        expect(standOut.length).toBeLessThanOrEqual(values.length / 2);
        expect(out.length).toBeLessThanOrEqual(Math.trunc(values.length / 10));
        expect(standOut.slice(0, out.length)).toEqual(out);
      }),
    );
  });

  it('refuses options that are none', () => {
    expect(() => outliers([], { cutoff: 0 })).toThrow(/cutoff/);
    expect(() => outliers([], { side: 'up' as never })).toThrow(/side/);
    expect(() => outliers([], { most: 1 } as never)).toThrow(/unknown option "most"/);
  });
});

describe('instances that stand out from their service', () => {
  it('get no traffic, a tenth of them at most, until they do not any more', () => {
    const { registry, run, ids } = nodesOn(10, {
      outliers: { latency: { floor: 1 } },
      slowStart: 0,
    });
    const edges: unknown[] = [];
    registry.on('protection', ({ rule, active, standOut }) => {
      if (rule === 'outliers') edges.push([active, standOut]);
    });
    const tell = (slow: string[], at: number) => {
      for (const id of ids) {
        const figures = { latency: slow.includes(id) ? 900 + ids.indexOf(id) : 20, load: 1 };
        registry.heartbeat(id, { generation: 1, figures, at });
      }
    };
    run(10_000);
    tell(['n3', 'n4'], 10_000.5);
    run(16_000);
    expect(registry.route('api').excluded).toEqual([{ id: 'n4', reason: 'outlier' }]);
    expect(registry.get('n4')).toMatchObject({ status: 'available', routable: false });
    expect(registry.protection.outliers).toMatchObject([
      { service: 'api', figure: 'latency', median: 20, standOut: ['n4', 'n3'], out: ['n4'] },
    ]);
    tell([], 16_000.5);
    run(22_000);
    expect(targets(registry).length).toBe(10);
    expect(edges).toEqual([
      [true, 2],
      [false, 0],
    ]);
  });

  it('are named, but get traffic, where they are more than a tenth', () => {
    const { registry, run, ids } = nodesOn(9, { outliers: { latency: {} } });
    run(10_000);
    for (const id of ids) {
      registry.heartbeat(id, { generation: 1, figures: { latency: id === 'n0' ? 900 : 20 } });
    }
    run(16_000);
    expect(registry.protection.outliers).toMatchObject([{ standOut: ['n0'], out: [] }]);
    expect(targets(registry).length).toBe(9);
  });

  it('do not stand out by a figure that is no number', () => {
    const { loop, registry, run, ids } = nodesOn(12, { outliers: { latency: { side: 'low' } } });
    const evil = {
      valueOf: () => {
        throw new Error('said by an instance');
      },
    };
    const figures = [null, '', '-1', Symbol('-1'), evil, Number.NaN, -Infinity];
    run(9000);
    ids.forEach((id, i) => {
      const latency = i < figures.length ? figures[i] : 20;
      loop.arrive(9500, () => {
        registry.heartbeat(id, { generation: 1, figures: { latency } as never });
      });
    });
    run(16_000);
    expect(registry.protection.outliers).toEqual([]);
    expect(targets(registry).length).toBe(12);
  });

  it('are not looked for unless it was said by what', () => {
    const { registry, run, ids } = nodesOn(10);
    run(10_000);
    for (const id of ids) {
      const figures = { latency: id === 'n0' ? 900 : 20 };
      registry.heartbeat(id, { generation: 1, figures, at: 10_000.5 });
    }
    run(30_000);
    expect(targets(registry).length).toBe(10);
  });
});
