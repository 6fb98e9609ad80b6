/** The followed list of targets: what the registry says, what it does not know yet, and no answer. */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FollowedService } from '../../src/registry/client/followed-service.js';
import {
  type InstanceView,
  Registry,
  RegistryClient,
  RegistryError,
  type Route,
  type Target,
  type WatchEvent,
} from '../../src/registry/index.js';
import { startService } from '../../src/registry/service/index.js';
import { AsyncClock, settle } from '../support/async-clock.js';
import { registryOn } from './world.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const away = () => new RegistryError(0, 'unreachable', 'it is away');
const target = (id: string, weight = 1): Target => ({ id, address: `${id}:80`, weight });
const answer = (ids: string[], change: Partial<Route> = {}): Route => ({
  mode: ids.length === 0 ? 'empty' : 'normal',
  targets: ids.map((id) => target(id)),
  excluded: [],
  ...change,
});
const view = (id: string, change: Partial<InstanceView> = {}): InstanceView => ({
  ...{ id, service: 'web', address: `${id}:80`, meta: {}, generation: 1, heartbeatInterval: 1000 },
  ...{ ttl: 30_000, status: 'available', signals: { process: 'unused', service: 'ok' } },
  ...{ draining: false, routable: true, revision: 1, registeredAt: 0, changedAt: 0 },
  ...change,
});

/** A registry that says what it is told to say. */
function followed(random = () => 0.5) {
  const clock = new AsyncClock();
  const errors: RegistryError[] = [];
  const asked: number[] = [];
  const state = {
    route: answer([]) as (Route & { epoch?: string }) | Error,
    epoch: 'a',
    revision: 0,
  };
  let push: ((event: WatchEvent | Error) => void) | undefined;
  const host = { ...clock, setImmediate: (call: () => void) => clock.setTimeout(call, 0) };
  const list = new FollowedService(
    'web',
    {
      host: { ...host, now: clock.now },
      random,
      onError: (error) => errors.push(error),
      route: async () => {
        asked.push(clock.now());
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 5));
        if (state.route instanceof Error) throw state.route;
        return state.route;
      },
      watch: async function* (signal, onEpoch) {
        const queue: (WatchEvent | Error)[] = [];
        let wake = () => {};
        push = (event) => {
          queue.push(event);
          wake();
        };
        signal.addEventListener('abort', () => wake());
        while (!signal.aborted) {
          const event = queue.shift();
          if (event instanceof Error) throw event;
          if (event) {
            onEpoch(state.epoch);
            yield event;
          } else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      },
    },
    undefined,
  );
  open.push(list);
  const say = async (event: WatchEvent | Error) => {
    push?.(event);
    await settle();
  };
  const change = (kind: 'status' | 'registered' | 'deregistered', instance: InstanceView) =>
    say({ type: 'change', revision: ++state.revision, kind, instance });
  const snapshot = (...instances: InstanceView[]) =>
    say({ type: 'snapshot', revision: state.revision, instances });
  const ids = () => list.targets.map(({ id }) => id).sort();
  return { clock, list, state, errors, asked, say, change, snapshot, ids };
}

/** One that has its list. */
async function settled(known = ['x', 'y', 'z']) {
  const made = followed();
  made.state.route = answer(known);
  await settle();
  await made.snapshot(...known.map((id) => view(id)));
  await made.clock.pass(200);
  return made;
}

describe('a followed service', () => {
  it('begins empty, picks nothing, and is ready with the first answer', async () => {
    const { clock, list, state } = followed();
    expect([list.targets, list.pick(), list.mode]).toEqual([[], undefined, undefined]);
    let ready = false;
    void list.ready.then(() => {
      ready = true;
    });
    state.route = answer(['x']);
    await clock.pass(4);
    expect(ready).toBe(false);
    await clock.pass(100);
    expect([ready, list.pick()?.id, list.mode]).toEqual([true, 'x', 'normal']);
  });

  it('of a service that nobody has registered yet is empty, and waits for it', async () => {
    const { clock, list, state, change, ids } = followed();
    await clock.pass(5000);
    expect([list.mode, list.pick()]).toEqual(['empty', undefined]);
    state.route = answer(['x']);
    await change('registered', view('x'));
    await clock.pass(100);
    expect(ids()).toEqual(['x']);
  });

  it('tells who wants to know of each change of the list, and not of questions without news', async () => {
    const { clock, list, state, change } = await settled();
    const told: string[][] = [];
    const off = list.onChange((targets) => told.push(targets.map(({ id }) => id)));
    await change('status', view('x'));
    await clock.pass(200);
    expect(told).toEqual([]);
    state.route = answer(['x', 'y']);
    await change('status', view('z', { status: 'dead', routable: false }));
    await clock.pass(200);
    expect(told).toEqual([['x', 'y']]);
    list.onChange(() => {
      throw new Error('mine');
    });
    const silent = vi.spyOn(console, 'error').mockImplementation(() => {});
    state.route = answer(['x', 'y', 'z']);
    await change('status', view('z'));
    await clock.pass(200);
    silent.mockRestore();
    expect(told).toHaveLength(2);
    off();
    state.route = answer(['x']);
    await change('status', view('z', { status: 'dead', routable: false }));
    await clock.pass(200);
    expect(told).toHaveLength(2);
  });

  it('keeps its list while the registry is away, whatever that fails with', async () => {
    const { clock, list, state, errors, change, say, ids } = await settled();
    state.route = away();
    await say(away());
    await clock.pass(1000);
    await change('status', view('x'));
    await clock.pass(600_000);
    expect(ids()).toEqual(['x', 'y', 'z']);
    expect(list.pick()).toBeDefined();
    state.route = new RegistryError(403, 'forbidden', 'no');
    await say(new RegistryError(401, 'wrong-token', 'no'));
    await say(new TypeError('broken') as never);
    await clock.pass(600_000);
    expect(ids()).toEqual(['x', 'y', 'z']);
    expect(errors.length).toBeGreaterThan(3);
    state.route = answer(['x', 'n']);
    await clock.pass(60_000);
    expect(ids()).toEqual(['n', 'x']);
  });

  it('drops who leaves, drains, is not ready, is dead or has moved, though no answer comes', async () => {
    const { clock, state, change, ids } = await settled(['a', 'b', 'c', 'd', 'e', 'f']);
    state.route = away();
    await change('deregistered', view('a'));
    await change('status', view('b', { draining: true, routable: false }));
    await change('status', view('c', { status: 'not-ready', routable: false }));
    await change('status', view('d', { status: 'dead', routable: false }));
    await change('registered', view('e', { address: 'elsewhere:80', status: 'starting' }));
    expect(ids()).toEqual(['f']);
    await clock.pass(10_000);
    expect(ids()).toEqual(['f']);
  });

  it('is not set back by an answer that was under way when somebody left', async () => {
    const { clock, state, asked, change, ids } = await settled();
    await change('status', view('x'));
    await clock.pass(60);
    const before = asked.length;
    await change('status', view('x')); // its answer, of now, comes in 5 ms
    expect(asked.length).toBe(before + 1);
    state.route = answer(['x', 'y', 'z']);
    await change('deregistered', view('z'));
    await clock.pass(20);
    expect(ids()).toEqual(['x', 'y']);
  });

  it('goes on with what it knew while a registry that has started anew is learning', async () => {
    const { clock, list, state, asked, say, snapshot, change, ids } = await settled();
    await say(away());
    state.epoch = 'b';
    state.revision = 0;
    state.route = answer([], { mode: 'learning' });
    await clock.pass(1000);
    await snapshot();
    await clock.pass(60_000);
    expect([ids(), list.mode]).toEqual([['x', 'y', 'z'], 'learning']);
    // Who is there again, and new, and who says that it is not ready or elsewhere.
    state.route = answer(['x', 'n'], {
      mode: 'learning',
      excluded: [
        { id: 'y', reason: 'starting' },
        { id: 'z', reason: 'not-ready' },
      ],
    });
    await clock.pass(2000);
    expect(ids()).toEqual(['n', 'x', 'y']);
    await change('registered', view('y', { address: 'elsewhere:80', status: 'starting' }));
    expect(ids()).toEqual(['n', 'x']);
    // What it has learnt in the end is the truth, without any event.
    state.route = answer(['n']);
    await clock.pass(3000);
    expect([ids(), list.mode]).toEqual([['n'], 'normal']);
    const after = asked.length;
    await clock.pass(60_000);
    expect(asked.length).toBe(after); // nothing more to ask for
  });

  it.each([
    ['epochs', (state: { epoch: string }) => Object.assign(state, { epoch: 'b' })],
    ['revisions that begin anew', () => {}],
  ])(
    'does not believe an empty or partial list of a registry that has started anew, told by %s',
    async (_, restart) => {
      const { clock, state, say, change, snapshot, ids } = await settled();
      for (let i = 0; i < 5; i++) await change('status', view('x'));
      await clock.pass(200);
      await say(away());
      restart(state);
      state.revision = 0;
      state.route = answer([]);
      await clock.pass(1000);
      await snapshot();
      await clock.pass(120_000);
      expect(ids()).toEqual(['x', 'y', 'z']); // nobody is worse than somebody
      state.route = answer(['x']);
      await change('registered', view('x'));
      await clock.pass(1500);
      expect(ids()).toEqual(['x']); // the restart is long past
    },
  );

  it('knows by the answer itself that it is of another start of the registry', async () => {
    const { clock, state, change, ids } = await settled();
    // The question is answered by the next one, and no event has told of that yet.
    state.route = { ...answer(['n']), epoch: 'b' };
    await change('status', view('x'));
    await clock.pass(5000);
    expect(ids()).toEqual(['n', 'x', 'y', 'z']);
    await clock.pass(12_000);
    expect(ids()).toEqual(['n']);
  });

  it('believes a partial list after a restart once that is a while ago', async () => {
    const { clock, state, say, snapshot, ids } = await settled();
    await say(away());
    state.epoch = 'b';
    state.route = answer(['x']);
    await clock.pass(1000);
    await snapshot(view('x'));
    await clock.pass(2000);
    expect(ids()).toEqual(['x', 'y', 'z']);
    await clock.pass(12_000);
    expect(ids()).toEqual(['x']);
  });

  it('drops who left the same registry while nobody listened', async () => {
    const { clock, state, say, snapshot, ids } = await settled();
    await say(away());
    await clock.pass(1000);
    state.route = away();
    await snapshot(view('x'));
    expect(ids()).toEqual(['x']);
  });

  it('raises weights by the clock, without an event or a question', async () => {
    const { clock, list, state, asked, change } = await settled(['x']);
    const rising = { full: 0.5, since: 2000, over: 10_000 };
    state.route = answer(['x'], { targets: [target('x'), { ...target('y', 0.1), rising }] });
    await change('registered', view('y'));
    await clock.pass(5);
    const weight = () => list.targets.find(({ id }) => id === 'y')?.weight as number;
    const questions = asked.length;
    for (const [ms, expected] of [
      [1000, 0.15],
      [2000, 0.25],
      [4999, 0.5 * 0.99],
      [100, 0.5],
    ]) {
      await clock.pass(ms);
      expect(weight()).toBeCloseTo(expected, 1);
    }
    expect(weight()).toBe(0.5);
    expect(asked.length).toBe(questions);
    expect(list.targets.find(({ id }) => id === 'y')?.rising).toBeUndefined();
  });

  it('has the weights that the registry would give at any time after it was asked', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40_000 }),
        fc.integer({ min: 0, max: 40_000 }),
        (asked, later) => {
          const { loop, registry } = registryOn();
          for (const id of ['a', 'b', 'c']) {
            registry.register({ id, service: 'web', address: id });
            registry.heartbeat(id, { generation: 1 });
          }
          registry.drain('a');
          loop.runUntil(100);
          registry.undrain('a');
          loop.runUntil(100 + asked);
          const [at] = registry.route('web').targets.filter(({ id }) => id === 'a');
          if (!at?.rising) return;
          const since = at.rising.since + later;
          const share = since >= at.rising.over ? 1 : Math.max(0.1, since / at.rising.over);
          expect(
            Math.abs(at.rising.full * Math.max(0.1, at.rising.since / at.rising.over) - at.weight),
          ).toBeLessThan(1e-9);
          expect(share).toBeGreaterThanOrEqual(at.weight);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('gives the shares that the weights say', async () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const { clock, list, state } = followed(random);
    const weights = [1, 0.5, 0.25, 0.1];
    state.route = answer([], {
      mode: 'normal',
      targets: weights.map((weight, i) => target(`t${i}`, weight)),
    });
    await clock.pass(100);
    const counts = new Map<string, number>();
    for (let i = 0; i < 10_000; i++) {
      const id = list.pick()?.id as string;
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    weights.forEach((weight, i) => {
      expect((counts.get(`t${i}`) ?? 0) / 10_000).toBeCloseTo(weight / 1.85, 1);
    });
  });

  it('asks once at a time, and not more often than 20 times a second however much changes', async () => {
    const { clock, asked, change } = await settled();
    const before = asked.length;
    for (let i = 0; i < 200; i++) {
      await change('status', view('x'));
      await clock.pass(5);
    }
    const gaps = asked.slice(before + 1).map((at, i) => at - asked[before + i]);
    expect(gaps.length).toBeGreaterThan(10);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(50);
  });

  it('ends with its signal or by close, keeps its list, and leaves no timer', async () => {
    const { clock, list, asked, change, ids } = await settled();
    await change('status', view('x'));
    list.close();
    await clock.pass(60_000);
    expect(clock.timers).toBe(0);
    const before = asked.length;
    await change('deregistered', view('x'));
    expect([ids(), asked.length]).toEqual([['x', 'y', 'z'], before]);
    expect(list.pick()).toBeDefined();
    await list.ready;
    list[Symbol.dispose]();
  });
});

describe('with the service', () => {
  const until = (condition: () => boolean) =>
    vi.waitUntil(condition, { timeout: 30_000, interval: 10 });

  it('follows registrations, deaths and returns, and keeps its list over a restart that forgets all', async () => {
    const first = await startService({ port: 0, udpPort: 0 });
    open.push(first);
    const { port } = new URL(first.url);
    const client = new RegistryClient({ url: first.url, random: () => 0.1, onError: () => {} });
    const stop = new AbortController();
    const list = client.follow('web', { signal: stop.signal });
    await list.ready;
    expect(list.targets).toEqual([]);
    const hold = (id: string) =>
      client.register({ id, service: 'web', address: `${id}:80`, heartbeatInterval: 100 });
    const leases = await Promise.all(['x', 'y', 'z'].map(hold));
    open.push(...leases);
    const ids = () => list.targets.map(({ id }) => id).sort();
    await until(() => ids().length === 3);
    let least = 3;
    list.onChange((targets) => {
      least = Math.min(least, targets.length);
    });
    await first.close();
    const second = await startService({ port: Number(port), udpPort: 0 });
    open.push(second);
    await until(() => second.registry.route('web').targets.length === 3);
    await until(() => list.mode !== undefined && ids().length === 3);
    expect(least).toBe(3);
    await leases[0].drain();
    await until(() => ids().join() === 'y,z');
    await leases[1].deregister();
    await until(() => ids().join() === 'z');
    stop.abort();
    expect(list.pick()?.id).toBe('z');
  });

  it('refuses what is no service and no signal', () => {
    const client = new RegistryClient({ url: 'http://127.0.0.1:1' });
    expect(() => client.follow(7 as never)).toThrow('service: expected a string');
    expect(() => client.follow('web', { signal: 1 as never })).toThrow('signal: expected');
    expect(() => client.follow('web', { sginal: 1 } as never)).toThrow('unknown option "sginal"');
  });
});

it('the class and the client pick alike from the same targets', async () => {
  const registry = new Registry();
  open.push(registry);
  for (const id of ['a', 'b', 'c']) {
    registry.register({ id, service: 'web', address: id });
    registry.heartbeat(id, { generation: 1 });
  }
  const draws = [0.1, 0.9, 0.4, 0.3, 0.8, 0.2, 0.6, 0.5];
  const random = () => {
    let i = 0;
    return () => draws[i++ % draws.length];
  };
  const { clock, list, state } = followed(random());
  state.route = registry.route('web');
  await clock.pass(100);
  const own = random();
  for (let i = 0; i < 20; i++) expect(list.pick()?.id).toBe(registry.pick('web', own)?.id);
});
