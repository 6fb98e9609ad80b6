/** A check that was configured has to be passed; one signal does not outvote all others. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type InstanceView, Prober, type ProberOptions } from '../../src/registry/index.js';
import { type Cleanups, cleanUp } from '../support/servers.js';
import { registryOn, targets } from './world.js';

const cleanups: Cleanups = [];
afterEach(() => cleanUp(cleanups));

type Answer = 'ok' | 'fails' | 'unreached';

/** Nodes that beat once a second and are polled as often, by a prober on the same clock. */
function polled(ids: readonly string[], options: ProberOptions = {}, registryOptions = {}) {
  const { loop, registry } = registryOn({ slowStart: 0, ...registryOptions });
  const answers: Record<string, Answer> = {};
  const kind = ({ id }: InstanceView) => {
    if (answers[id] === 'unreached')
      throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    return answers[id] !== 'fails';
  };
  const prober = new Prober(registry, { kind, interval: 1000, jitter: 0, clock: loop, ...options });
  cleanups.push(() => prober.close());
  const generations = new Map<string, number>();
  const add = (id: string, answer: Answer = 'ok') => {
    answers[id] = answer;
    const lease = registry.register({ id, service: 'api', address: `${id}:80` });
    generations.set(id, lease.generation);
  };
  const run = async (ms: number, silent: readonly string[] = []) => {
    for (const end = loop.now() + ms; loop.now() < end; ) {
      loop.runUntil(loop.now() + 100);
      if (loop.now() % 1000 < 100) {
        for (const [id, generation] of generations) {
          if (!silent.includes(id)) registry.heartbeat(id, { generation });
        }
      }
      for (let i = 0; i < 6; i++) await turn();
    }
  };
  for (const id of ids) add(id);
  const status = (id: string) => registry.get(id)?.status;
  return { loop, registry, prober, answers, add, run, status, generations };
}

describe('an instance that is polled', () => {
  it('gets no traffic before its first poll is answered, though it beats', async () => {
    const { registry, answers, add, run, status } = polled(['a', 'b']);
    expect(registry.heartbeat('a', { generation: 1 })).toBe('accepted');
    expect([status('a'), targets(registry)]).toEqual(['starting', []]);
    await run(3000);
    expect(targets(registry)).toEqual(['a', 'b']);
    add('c', 'fails');
    await run(20_000);
    expect(status('c')).toBe('starting');
    expect(registry.route('api').excluded).toEqual([{ id: 'c', reason: 'starting' }]);
    expect(registry.explain('c')?.held).toEqual(['first-poll']);
    answers.c = 'ok';
    await run(3000);
    expect(targets(registry)).toEqual(['a', 'b', 'c']);
    // Once passed, it is passed: what follows is for the table.
    answers.c = 'unreached';
    await run(20_000);
    expect(targets(registry)).toEqual(['a', 'b', 'c']);
  });

  it('has to pass anew in each life, and is out while it says that it is not ready', async () => {
    const { registry, answers, add, run, status, loop } = polled(['a', 'b']);
    await run(3000);
    add('a', 'fails');
    await run(10_000);
    expect(targets(registry)).toEqual(['b']);
    answers.a = 'ok';
    await run(3000);
    expect(targets(registry)).toEqual(['a', 'b']);
    registry.heartbeat('a', { generation: 2, ready: false, at: loop.now() });
    expect([status('a'), targets(registry)]).toEqual(['not-ready', ['b']]);
    await run(3000);
    expect(status('a')).toBe('not-ready');
  });

  it('goes by its beats where no poll reaches anybody: it is the way of the polls then', async () => {
    const { registry, answers, add, run } = polled([]);
    for (const id of ['a', 'b', 'c']) add(id, 'unreached');
    await run(1500);
    expect(targets(registry)).toEqual([]);
    await run(10_000);
    expect(targets(registry)).toEqual(['a', 'b', 'c']);
    // The way is back, but not to a: its address is wrong.
    answers.b = 'ok';
    answers.c = 'ok';
    await run(6000);
    expect(targets(registry)).toEqual(['b', 'c']);
    answers.a = 'ok';
    await run(3000);
    expect(targets(registry)).toEqual(['a', 'b', 'c']);
  });

  it('that is never reached stays starting while its neighbours are', async () => {
    const { registry, add, run, status } = polled(['a', 'b', 'c']);
    await run(3000);
    for (const answer of ['unreached', 'fails'] as const) {
      add(`wrong ${answer}`, answer);
      for (let i = 0; i < 40; i++) {
        await run(1000);
        expect(targets(registry)).toEqual(['a', 'b', 'c']);
      }
      expect(status(`wrong ${answer}`)).toBe('starting');
    }
  });

  it('is out when its polls fail and those of its neighbours do not, and back when they are answered', async () => {
    const { registry, answers, run, status } = polled(['a', 'b', 'c', 'd']);
    await run(3000);
    answers.a = 'fails';
    await run(8000);
    expect(status('a')).toBe('probe-failing');
    expect(registry.get('a')?.routable).toBe(false);
    expect(registry.route('api')).toMatchObject({
      mode: 'normal',
      excluded: [{ id: 'a', reason: 'probe-failing' }],
    });
    answers.a = 'ok';
    await run(4000);
    expect(targets(registry)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('keeps its traffic when the polls of many fail at once: that is not their fault', async () => {
    const { registry, answers, run, status } = polled(['a', 'b', 'c', 'd']);
    await run(3000);
    for (const failing of [
      ['a', 'b'],
      ['a', 'b', 'c', 'd'],
    ]) {
      for (const id of failing) answers[id] = 'fails';
      await run(10_000);
      expect(failing.map(status)).toEqual(failing.map(() => 'probe-failing'));
      expect(targets(registry)).toEqual(['a', 'b', 'c', 'd']);
    }
    // All but one are back.
    for (const id of ['b', 'c', 'd']) answers[id] = 'ok';
    await run(6000);
    expect(targets(registry)).toEqual(['b', 'c', 'd']);
  });

  it('that waits is found dead when it falls silent, and is no target of a panic', async () => {
    const { registry, answers, add, run, status } = polled([]);
    for (const id of ['a', 'b', 'c']) add(id, 'fails');
    answers.c = 'ok';
    await run(8000);
    expect(targets(registry)).toEqual(['c']);
    await run(12_000, ['a', 'b', 'c']);
    expect(['a', 'b'].map(status)).toEqual(['dead', 'dead']);
    expect(targets(registry)).not.toContain('a');
  });

  it('goes by its beats when the prober is closed, and so does one that it does not poll', async () => {
    const { registry, prober, add, run } = polled([], { services: ['api'] });
    registry.register({ id: 'x', service: 'other', address: 'x:1' });
    registry.heartbeat('x', { generation: 1 });
    expect(targets(registry, 'other')).toEqual(['x']);
    add('a', 'fails');
    await run(5000);
    expect(targets(registry)).toEqual([]);
    prober.close();
    expect(targets(registry)).toEqual(['a']);
    add('b', 'fails');
    await run(1500);
    expect(targets(registry)).toEqual(['a', 'b']);
  });

  it('and served before there was a prober, goes on to serve', async () => {
    const { loop, registry } = registryOn({ slowStart: 0 });
    registry.register({ id: 'a', service: 'api', address: 'a:80' });
    registry.heartbeat('a', { generation: 1 });
    const prober = new Prober(registry, { kind: () => true, clock: loop });
    cleanups.push(() => prober.close());
    expect(targets(registry)).toEqual(['a']);
  });
});

describe('an address that no poll could ever reach', () => {
  it('is known by itself: no port, no server, or not what is allowed', () => {
    const { registry } = registryOn();
    const refusals = (options: ProberOptions, addresses: readonly string[]) => {
      const prober = new Prober(registry, options);
      cleanups.push(() => prober.close());
      return addresses.map((address) => prober.refusal({ id: 'a', service: 's', address }));
    };
    const wrong = [
      '127.0.0.1:99999',
      '127.0.0.1',
      'host',
      '0.0.0.0:80',
      '[::]:80',
      'http://0.0.0.0/',
    ];
    const never = [...wrong, '[::ffff:0.0.0.0]:80', '169.254.169.254:80', 'host:0', '', '::1:80:'];
    for (const why of refusals({ kind: 'tcp' }, never)) expect(why).toBeTypeOf('string');
    const right = ['127.0.0.1:80', '[::1]:80', 'host:80', 'https://host/', 'localhost:1'];
    for (const kind of ['tcp', 'http'] as const) {
      expect(refusals({ kind }, right)).toEqual(right.map(() => undefined));
    }
    expect(
      refusals({ kind: 'tcp', allow: ['10.0.0.0/8'] }, ['10.1.1.1:80', '127.0.0.1:80']),
    ).toEqual([undefined, 'not allowed: 127.0.0.1']);
    // A port of the prober's own is all that is missing.
    expect(refusals({ port: 8080 }, ['host', '127.0.0.1', '[::1]', 'host:1'])).toEqual(
      Array(4).fill(undefined),
    );
    expect(refusals({ kind: () => true }, wrong)).toEqual(wrong.map(() => undefined));
    expect(refusals({ services: ['other'] }, wrong)).toEqual(wrong.map(() => undefined));
  });

  it('is said by the prober, and what registers with it goes by its beats', async () => {
    const { registry } = registryOn({ slowStart: 0 });
    const prober = new Prober(registry, { kind: 'tcp' });
    cleanups.push(() => prober.close());
    registry.register({ id: 'a', service: 'api', address: 'no port' });
    registry.heartbeat('a', { generation: 1 });
    expect(targets(registry)).toEqual(['a']);
    for (let i = 0; i < 10; i++) await turn();
    expect(prober.unpollable).toBe(1);
    expect(prober.get('a')?.refused).toMatch(/neither host:port nor a URL/);
  });
});
