/** Where traffic goes: in the very moment, by weight, and in a panic. */
import { describe, expect, it } from 'vitest';
import { nodesOn, registryOn, targets } from './world.js';

/** A service of `n`, `down` of which are polled and dead; the others beat. */
function service(n: number, down: number, options = {}) {
  const world = registryOn({ slowStart: 0, ...options });
  const { registry, loop } = world;
  for (let i = 0; i < n; i++) registry.register({ id: `n${i}`, service: 'api', address: `a${i}` });
  /** By polls, of those that do not beat: two are answered, or four fail. */
  const turn = (i: number, up: boolean) => {
    for (let polls = up ? 2 : 4; polls > 0; polls--) {
      loop.runUntil(loop.now() + 1);
      registry.probe(`n${i}`, 1, { outcome: up ? 'answered' : 'failed' });
    }
  };
  for (let i = 0; i < n; i++) {
    if (i < down) turn(i, true);
    else registry.heartbeat(`n${i}`, { generation: 1 });
  }
  for (let i = 0; i < down; i++) turn(i, false);
  return { ...world, turn };
}

describe('route', () => {
  it('excludes an instance within any listener that is told of its suspicion', () => {
    const { loop, registry } = registryOn();
    for (const id of ['a', 'b', 'c']) {
      registry.register({ id, service: 'api', address: id });
    }
    const seen: string[] = [];
    const look = (what: string) => seen.push(`${what} ${targets(registry).join('')}`);
    registry.on('change', ({ instance: { status } }) => status === 'dead' && look('change'));
    registry.on('suspect', ({ instance }) => {
      expect(instance).toMatchObject({ id: 'a', status: 'dead', routable: false });
      look('suspect');
    });
    registry.detectors.service.on('suspect', () => look('core'));
    for (let at = 1; at < 30_000; at += 1000) {
      loop.runUntil(at);
      for (const id of at < 20_000 ? ['a', 'b', 'c'] : ['b', 'c']) {
        registry.heartbeat(id, { generation: 1 });
      }
    }
    expect(seen.sort()).toEqual(['change bc', 'core bc', 'suspect bc']);
    expect(registry.route('api').excluded).toEqual([{ id: 'a', reason: 'dead' }]);
  });

  it('is the same object until something changes', () => {
    const { registry, loop } = service(4, 0);
    const route = registry.route('api');
    expect(registry.route('api')).toBe(route);
    loop.runUntil(1);
    registry.heartbeat('n0', { generation: 1 });
    expect(registry.route('api')).toBe(route);
    registry.heartbeat('n0', { generation: 1, ready: false });
    expect(registry.route('api')).not.toBe(route);
  });

  it('is not spoilt by who reads it', () => {
    const { registry, run } = nodesOn(3, { slowStart: 0 });
    run(1000);
    for (const service of ['api', 'nobody offers it']) {
      const route = registry.route(service);
      for (const list of [route.targets, route.excluded]) {
        expect(() => (list as unknown[]).push({ id: 'x', weight: 1 })).toThrow(TypeError);
      }
    }
    for (const target of registry.route('api').targets) {
      expect(() => Object.assign(target, { weight: 9 })).toThrow(TypeError);
    }
    expect(targets(registry)).toEqual(['n0', 'n1', 'n2']);
    expect(registry.pick('api')?.weight).toBe(1);
  });

  it('says why somebody is left out', () => {
    const { registry } = service(4, 1);
    registry.drain('n1');
    registry.reportFailure('n2');
    registry.register({ id: 'new', service: 'api', address: 'x' });
    expect(registry.route('api')).toMatchObject({
      mode: 'panic', // two of three: only n2 and n3 count beside n0
      targets: [{ id: 'n0' }, { id: 'n2' }, { id: 'n3' }],
      excluded: [
        { id: 'n1', reason: 'draining' },
        { id: 'new', reason: 'starting' },
      ],
    });
    registry.undrain('n1');
    expect(registry.route('api')).toMatchObject({
      mode: 'panic', // left at 60 percent, not at 50
    });
    registry.heartbeat('new', { generation: 1 });
    expect(registry.route('api')).toMatchObject({
      mode: 'normal',
      targets: [{ id: 'n1' }, { id: 'n3' }, { id: 'new' }],
      excluded: [
        { id: 'n0', reason: 'dead' },
        { id: 'n2', reason: 'reported' },
      ],
    });
  });

  it('of a service that nobody offers is empty', () => {
    const { registry } = service(0, 0);
    expect(registry.route('api')).toEqual({ mode: 'empty', targets: [], excluded: [] });
    expect(registry.pick('api')).toBe(undefined);
    registry.register({ id: 'a', service: 'api', address: 'x' });
    expect(registry.route('api')).toMatchObject({
      mode: 'empty',
      excluded: [{ id: 'a', reason: 'starting' }],
    });
  });
});

describe('panic', () => {
  it.each([
    [1, 0, 'normal'],
    [1, 1, 'panic'],
    [2, 1, 'normal'],
    [3, 2, 'panic'],
    [100, 50, 'normal'],
    [100, 51, 'panic'],
  ])('of %i with %i down: %s', (n, down, mode) => {
    const { registry } = service(n, down);
    const route = registry.route('api');
    expect(route.mode).toBe(mode);
    expect(route.targets.length).toBe(mode === 'panic' ? n : n - down);
  });

  it('is left at 60, with an event at each edge', () => {
    const { registry, turn } = service(10, 6);
    for (let i = 0; i < 6; i++) turn(i, true);
    const edges: unknown[] = [];
    registry.on('protection', ({ rule, active, available, service }) => {
      if (rule === 'panic') edges.push([active, available, service]);
    });
    for (let i = 0; i < 6; i++) turn(i, false);
    expect(registry.protection.panic).toEqual([{ service: 'api', available: 4, n: 10 }]);
    turn(0, true);
    expect(registry.route('api').mode).toBe('panic');
    turn(1, true);
    expect(registry.route('api').mode).toBe('normal');
    expect(registry.protection.panic).toEqual([]);
    turn(1, false);
    expect(registry.route('api').mode).toBe('normal'); // five of ten
    expect(edges).toEqual([
      [true, 4, 'api'],
      [false, 6, 'api'],
    ]);
  });

  it('routes to nobody who drains or was never heard, and counts neither', () => {
    const { registry } = service(4, 1);
    registry.drain('n3');
    for (let i = 0; i < 20; i++) {
      registry.register({ id: `new${i}`, service: 'api', address: 'x' });
    }
    expect(registry.route('api').mode).toBe('normal'); // 2 of 3
    registry.reportFailure('n1');
    expect(registry.route('api').mode).toBe('panic');
    expect(targets(registry)).toEqual(['n0', 'n1', 'n2']);
    expect(registry.services()).toEqual([{ name: 'api', n: 3, available: 1 }]);
  });

  it('never routes to who says that it is not ready, whoever else is dead', () => {
    for (const n of [1, 2, 3, 6, 20]) {
      for (let down = 0; down < n; down++) {
        const { registry, loop } = service(n, down);
        loop.runUntil(loop.now() + 1);
        const last = `n${n - 1}`;
        registry.heartbeat(last, { generation: 1, ready: false });
        expect(targets(registry), `${down} of ${n}`).not.toContain(last);
        // Nor when it falls silent afterwards: it has not taken that back.
        for (let look = 0; look < 10; look++) {
          loop.runUntil(loop.now() + 4000);
          expect(targets(registry), `${down} of ${n}`).not.toContain(last);
        }
      }
    }
  });

  it('of all that are not ready routes to nobody, and then to the first that is', () => {
    for (const n of [1, 2, 3, 6, 20]) {
      const { registry, loop } = service(n, 0);
      const say = (i: number, ready: boolean) => {
        loop.runUntil(loop.now() + 1);
        registry.heartbeat(`n${i}`, { generation: 1, ready });
      };
      for (let i = 0; i < n; i++) say(i, false);
      expect(registry.route('api')).toMatchObject({ mode: 'empty', targets: [] });
      for (let i = 0; i < n; i++) {
        say(i, true);
        expect(registry.route('api').mode).toBe('normal');
        expect(targets(registry)).toEqual(Array.from({ length: i + 1 }, (_, j) => `n${j}`));
      }
    }
  });

  it('is left by a pair of which one is back', () => {
    const { registry, turn } = service(2, 2);
    expect(registry.route('api')).toMatchObject({ mode: 'panic', targets: [{}, {}] });
    turn(0, true);
    expect(registry.route('api')).toMatchObject({ mode: 'normal', targets: [{ id: 'n0' }] });
  });

  it('does not keep from traffic who registers as not ready, once it says that it is', () => {
    const { registry, loop } = service(0, 0);
    const lease = registry.register({ id: 'a', service: 'api', address: 'x', ready: false });
    lease.renew();
    expect(registry.get('a')?.status).toBe('not-ready');
    expect(targets(registry)).toEqual([]);
    loop.runUntil(1000);
    lease.renew({ ready: true });
    expect(targets(registry)).toEqual(['a']);
    expect(registry.register({ id: 'a', service: 'api', address: 'x' }).renew()).toBe('accepted');
    expect(targets(registry)).toEqual(['a']);
  });

  it('routes to none where that is wished, and is off at 0', () => {
    const none = service(3, 2, { panic: { route: 'none' } }).registry.route('api');
    expect([none.mode, none.targets.length, none.excluded.length]).toEqual(['panic', 0, 3]);
    expect(none.excluded[2]).toEqual({ id: 'n2', reason: 'panic' });
    const off = service(3, 2, { panic: { below: 0 } });
    expect([off.registry.route('api').mode, targets(off.registry)]).toEqual(['normal', ['n2']]);
  });
});

describe('weights', () => {
  it('are less while overloaded and critical', () => {
    const { loop, registry } = registryOn({ slowStart: 0 });
    for (const id of ['a', 'b', 'c']) registry.register({ id, service: 'api', address: id });
    const seen = new Set<string>();
    for (let at = 1; at < 24_000; at += 100) {
      loop.runUntil(at);
      const beats = at < 20_100 ? ['a', 'b', 'c'] : ['b', 'c'];
      if (at % 1000 === 1) for (const id of beats) registry.heartbeat(id, { generation: 1 });
      const a = registry.route('api').targets.find(({ id }) => id === 'a');
      seen.add(`${registry.get('a')?.status} ${a?.weight}`);
    }
    expect([...seen]).toEqual([
      ...['available 1', 'overloaded 0.5', 'critical 0.25', 'dead undefined'],
    ]);
  });

  it('rise from a tenth to the whole after a return, without anything changing', () => {
    const { loop, registry } = registryOn();
    for (const id of ['a', 'b']) registry.register({ id, service: 'api', address: id });
    const weights: number[] = [];
    for (let at = 1; at < 40_000; at += 500) {
      loop.runUntil(at);
      registry.heartbeat('a', { generation: 1 });
      weights.push(registry.route('api').targets[0].weight);
    }
    expect(weights[0]).toBe(0.1);
    expect(weights[6]).toBeCloseTo(0.1, 2); // 3 s of 30
    expect(weights[30]).toBeCloseTo(0.5, 2);
    expect(weights.at(-1)).toBe(1);
    expect([...weights].sort((a, b) => a - b)).toEqual(weights);
    registry.drain('a');
    registry.undrain('a');
    expect(registry.route('api').targets[0].weight).toBe(0.1);
    expect(registry.explain('a')?.weight).toBe(0.1);
  });

  it('are the shares of what is picked, with less scatter than chance', () => {
    const { loop, registry } = registryOn({ slowStart: 10_000 });
    const ids = ['a', 'b', 'c', 'd'];
    for (const id of ids) registry.register({ id, service: 'api', address: id });
    for (let at = 1; at < 20_000; at += 500) {
      loop.runUntil(at);
      for (const id of ids) registry.heartbeat(id, { generation: 1 });
    }
    registry.drain('d');
    registry.undrain('d'); // a tenth
    let seed = 1;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const picked: Record<string, number> = { a: 0, b: 0, c: 0, d: 0 };
    for (let i = 0; i < 31_000; i++) picked[registry.pick('api', random)?.id as string]++;
    for (const id of ['a', 'b', 'c']) expect(Math.abs(picked[id] - 10_000)).toBeLessThan(100);
    expect(Math.abs(picked.d - 1000)).toBeLessThan(50);
  });
});

describe('reported failures', () => {
  const beat = (registry: ReturnType<typeof service>['registry'], n: number) => {
    for (let i = 0; i < n; i++) registry.heartbeat(`n${i}`, { generation: 1 });
  };

  it('take an instance out for a time that no heartbeat ends, and for longer each time', () => {
    const { loop, registry } = service(10, 0, { slowStart: 30_000 });
    const outs: number[] = [];
    let since: number | undefined;
    // Whoever is routed to it has a failed request, and says so.
    for (let at = 1000; at <= 900_000; at += 1000) {
      loop.runUntil(at + 1);
      beat(registry, 10);
      if (targets(registry).includes('n0')) {
        if (since !== undefined) outs.push(Math.round((at - since) / 1000));
        expect(registry.reportFailure('n0', { generation: 1, reason: 'reset' })).toBe(true);
        since = at;
      }
      expect(registry.get('n0')).toMatchObject({ status: 'available', routable: false });
      expect(registry.reportFailure('n0')).toBe(true); // as it is
    }
    // In seconds, of which the last has passed when it is seen to be back.
    expect(outs).toEqual([31, 61, 91, 121, 151, 181, 211]);
    // So long in service, and it is the first time again.
    const back = () => {
      const from = loop.now();
      while (!targets(registry).includes('n0')) {
        loop.runUntil(loop.now() + 1000);
        beat(registry, 10);
      }
      return loop.now() - from;
    };
    back();
    for (let i = 0; i < 301; i++) {
      loop.runUntil(loop.now() + 1000);
      beat(registry, 10);
    }
    expect(registry.reportFailure('n0')).toBe(true);
    expect(back()).toBeLessThanOrEqual(31_000);
  });

  it('leave one that fails every request less than a twentieth of a fair share', () => {
    for (const n of [2, 4, 10]) {
      for (const rate of [n, 40]) {
        const { loop, registry } = service(n, 0, { slowStart: 30_000 });
        let seed = 1;
        const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
        let failed = 0;
        let asked = 0;
        for (let at = 50; at < 600_000; at += 1000 / rate) {
          loop.runUntil(at);
          if (Math.floor(at) % 1000 <= 50) beat(registry, n);
          asked++;
          if (registry.pick('api', random)?.id !== 'n0') continue;
          failed++;
          registry.reportFailure('n0');
        }
        expect(failed, `${n}, ${rate} a second`).toBeLessThan((0.05 * asked) / n);
      }
    }
  });

  it('never take out more than a sweep might remove, whoever reports how much', () => {
    for (const [n, most] of [
      [6, 1],
      [10, 2],
      [100, 15],
    ]) {
      const { registry } = service(n, 0);
      const out = Array.from({ length: n }, (_, i) => registry.reportFailure(`n${i}`));
      expect(out.filter((each) => each).length).toBe(most);
      expect(targets(registry).length).toBe(n - most);
    }
  });

  it('end by themselves, and say nothing of another life, of the dead and of the unknown', () => {
    const { loop, registry } = service(10, 0);
    expect(registry.reportFailure('n0', { generation: 2 })).toBe(false);
    expect(registry.reportFailure('nobody')).toBe(false);
    const link = registry.link();
    for (let i = 0; i < 10; i++) {
      loop.runUntil(loop.now() + 1);
      registry.heartbeat(`n${i}`, { generation: 1, link });
    }
    link.down();
    expect(registry.reportFailure('n0')).toBe(true);
    loop.runUntil(31_000);
    expect(targets(registry)).toContain('n0');
  });

  it('count whatever is said about them', () => {
    const { registry, run } = nodesOn(6);
    run(1000);
    const reasons: unknown[] = [];
    registry.on('change', ({ reason }) => reasons.push(reason));
    for (const about of [null, {}, { reason: Object.create(null) }, { reason: 'x'.repeat(1e6) }]) {
      registry.deregister('n0');
      registry.register({ id: 'n0', service: 'api', address: 'z' }).renew();
      reasons.length = 0;
      expect(registry.reportFailure('n0', about as never)).toBe(true);
      expect(reasons).toEqual([typeof about?.reason === 'string' ? 'x'.repeat(200) : 'reported']);
    }
  });

  it('are forgotten when the instance is found dead: its return is slow then', () => {
    const { loop, registry } = service(10, 0, { slowStart: 30_000 });
    loop.runUntil(1000);
    beat(registry, 10);
    registry.reportFailure('n0');
    for (let at = 2000; at < 10_000; at += 1000) {
      loop.runUntil(at);
      for (let i = 1; i < 10; i++) registry.heartbeat(`n${i}`, { generation: 1 });
    }
    expect(registry.route('api').excluded).toEqual([{ id: 'n0', reason: 'dead' }]);
    loop.runUntil(10_000);
    beat(registry, 10);
    expect(registry.explain('n0')?.weight).toBe(0.1);
  });
});

describe('a threshold below the φ of a critical signal', () => {
  it.each([0.5, 2, 3])('%d makes who is silent dead all the same', (threshold) => {
    const { registry, run } = nodesOn(4, { detector: { threshold } });
    run(30_000);
    run(60_000, (node) => node > 0);
    expect(registry.get('n0')?.status).toBe('dead');
    expect(targets(registry)).not.toContain('n0');
  });
});
