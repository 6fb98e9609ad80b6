/** Restarts are asked for once, later each time, and not while it is unclear whose fault it is. */
import { describe, expect, it } from 'vitest';
import type { InstanceView, RegistryOptions } from '../../src/registry/index.js';
import { type Arrives, nodesOn } from './world.js';

interface Call {
  readonly at: number;
  readonly id: string;
  readonly generation: number;
  readonly cause: string;
  readonly signal: AbortSignal;
}

function world(n = 10, options: RegistryOptions = {}, hook?: () => unknown) {
  const calls: Call[] = [];
  const nodes = nodesOn(n, {
    ...options,
    onRestartNeeded: ({ id, generation }: InstanceView, cause, signal) => {
      calls.push({ at: nodes.loop.now(), id, generation, cause, signal });
      return hook?.();
    },
  });
  const said: string[] = [];
  for (const event of ['restart-needed', 'restart-cancelled'] as const) {
    nodes.registry.on(event, ({ instance, attempt }) => {
      said.push(`${event.slice(8)} ${instance.id} ${attempt}`);
    });
  }
  return { ...nodes, calls, said };
}

const without =
  (...dead: number[]): Arrives =>
  (node) =>
    !dead.includes(node);

describe('restarts', () => {
  it('are asked for once for a dead instance, however long it stays dead', () => {
    const { run, calls, said } = world();
    run(30_000);
    run(58_000, without(0));
    expect(calls).toMatchObject([{ id: 'n0', generation: 1, cause: 'dead' }]);
    expect(calls[0].at).toBeLessThan(34_000);
    expect(said).toEqual(['needed n0 1']);
  });

  it('are asked for a zombie, and not for who is only late', () => {
    const { run, calls, registry } = world();
    run(30_000, undefined, () => true);
    run(40_000, without(3), () => true);
    expect(registry.get('n3')?.status).toBe('zombie');
    expect(calls).toMatchObject([{ id: 'n3', cause: 'zombie' }]);
    const late = world();
    late.run(30_000);
    late.run(32_300, without(0));
    expect(late.registry.get('n0')?.status).toBe('critical');
    late.run(60_000);
    expect(late.calls).toEqual([]);
  });

  it('are withdrawn when it recovers: before they are made silently, then with a signal', () => {
    const early = world(10, { restart: { delay: 5000 } });
    early.run(30_000);
    early.run(34_000, without(0));
    early.run(60_000);
    expect([early.calls, early.said]).toEqual([[], []]);
    const late = world();
    late.run(30_000);
    late.run(36_000, without(0));
    expect(late.calls[0].signal.aborted).toBe(false);
    late.run(60_000);
    expect(late.calls[0].signal.aborted).toBe(true);
    expect(late.said).toEqual(['needed n0 1', 'cancelled n0 1']);
  });

  it('are one for each generation, each later than the last, until it has been up for long', () => {
    const { run, calls, register, loop } = world(10, {
      restart: { delay: 1000, maxDelay: 60_000 },
    });
    run(30_000);
    const waits: number[] = [];
    for (let life = 1; life <= 5; life++) {
      const from = loop.now();
      run(from + 40_000, without(0));
      expect(calls.length).toBe(life);
      waits.push(calls[life - 1].at - from);
      register('n0');
      run(loop.now() + 5000);
    }
    expect(calls.map(({ generation }) => generation)).toEqual([1, 2, 3, 4, 5]);
    for (let i = 1; i < 5; i++) {
      expect(waits[i] - waits[i - 1]).toBeGreaterThan(0.9 * 1000 * 2 ** (i - 1));
    }
    run(loop.now() + 70_000);
    const from = loop.now();
    run(from + 10_000, without(0));
    expect(calls.length).toBe(6);
    expect(calls[5].at - from).toBeLessThan(waits[0] + 1000);
  });

  it('that end in a new life are over: the old request is cancelled', () => {
    const { run, calls, register, said } = world();
    run(30_000);
    run(40_000, without(0));
    register('n0');
    expect(calls[0].signal.aborted).toBe(true);
    run(60_000);
    expect(said).toEqual(['needed n0 1', 'cancelled n0 1']);
  });

  it('are not made while protection holds, and then are', () => {
    const { run, calls, registry } = world();
    run(30_000);
    run(120_000, (node) => node >= 6);
    expect(registry.route('api').mode).toBe('panic');
    expect(calls).toEqual([]);
    run(160_000, without(0));
    expect(calls.map(({ id }) => id)).toEqual(['n0']);
  });

  it('are not made for who returns a moment after the protection has ended', () => {
    const { run, calls, registry } = world();
    run(30_000);
    run(60_000, (node) => node >= 6);
    // n1 to n4 are heard again within 0.4 s, which ends it, n0 at 61 s, and n5 never.
    for (let until = 60_000; until < 64_000; until += 10) {
      run(until, (node, at) => node >= 6 || (node !== 5 && at > 60_000));
      const back = registry.instances().filter(({ status }) => status === 'available').length;
      if (back < 9) expect(calls).toEqual([]);
    }
    expect(calls).toMatchObject([{ id: 'n5', generation: 1 }]);
  });

  it('are made for the only instance of all: one death is no mass, though it is everybody', () => {
    const { run, calls, registry } = world(1);
    run(30_000);
    run(40_000, without(0));
    expect(registry.route('api').mode).toBe('panic');
    expect(registry.protection.removal.reason).toBe('everybody-down');
    expect(calls.map(({ id }) => id)).toEqual(['n0']);
    const two = world(2);
    two.run(30_000);
    two.run(100_000, without(0, 1));
    expect(two.calls).toEqual([]); // two of two may be our own fault
  });

  it('that fail are said, and asked for again later', async () => {
    const errors: unknown[] = [];
    const { run, calls, registry, loop } = world(10, {}, () => {
      throw new Error('no such command');
    });
    registry.on('error', ({ error, event }) => errors.push([(error as Error).message, event]));
    run(30_000);
    for (let at = 31_000; at < 50_000; at += 500) {
      run(at, without(0));
      await new Promise((resolve) => setImmediate(resolve)); // the hook's promise
    }
    expect(loop.now()).toBe(49_500);
    const gaps = calls.slice(1).map(({ at }, i) => at - calls[i].at);
    expect(gaps.length).toBeGreaterThan(2);
    for (let i = 1; i < gaps.length; i++) expect(gaps[i]).toBeGreaterThan(1.5 * gaps[i - 1]);
    expect(errors).toEqual(calls.map(() => ['no such command', 'restart-needed']));
  });

  it('are not asked for who is gone', () => {
    const { run, calls, registry } = world(10, { restart: { delay: 5000 } });
    run(30_000);
    run(34_000, without(0));
    registry.deregister('n0');
    run(60_000, without(0));
    expect(calls).toEqual([]);
  });
});
