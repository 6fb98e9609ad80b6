/** The prober: what it tells the registry, of whom, and whom it connects to. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NotRun } from '../../src/health/check.js';
import {
  type InstanceView,
  type ProbeResult,
  Prober,
  type ProberOptions,
  type ProbeSink,
  Registry,
  type WatchEvent,
} from '../../src/registry/index.js';
import { Loop } from '../support/loop.js';
import {
  type Cleanups,
  certificate,
  cleanUp,
  closedPort,
  serve,
  serveTcp,
  serveTls,
} from '../support/servers.js';

const cleanups: Cleanups = [];
afterEach(() => cleanUp(cleanups));

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const until = (condition: () => boolean) =>
  vi.waitUntil(condition, { timeout: 20_000, interval: 2 });

/** An instance at an address, as far as a prober looks at it. */
const at = (address: string, about: Partial<InstanceView> = {}) =>
  ({ id: 'a', service: 'api', generation: 1, address, ...about }) as InstanceView;

/** Takes results, and shows what it is told to. */
class Sink implements ProbeSink {
  readonly told: string[] = [];
  readonly results: ProbeResult[] = [];
  readonly #events: WatchEvent[];
  #next: (() => void) | undefined;

  constructor(...instances: InstanceView[]) {
    this.#events = [{ type: 'snapshot', revision: 1, instances }];
  }

  say(event: WatchEvent): void {
    this.#events.push(event);
    this.#next?.();
  }

  async *watch(_service?: string, { signal }: { signal?: AbortSignal } = {}) {
    signal?.addEventListener('abort', () => this.#next?.());
    while (!signal?.aborted) {
      const event = this.#events.shift();
      if (event !== undefined) yield event;
      else
        await new Promise<void>((resolve) => {
          this.#next = resolve;
        });
    }
  }

  probe(id: string, generation: number, result: ProbeResult): void {
    this.told.push(`${id} ${generation} ${result.outcome}`);
    this.results.push(result);
  }
}

function probing(sink: ProbeSink, options: ProberOptions = {}) {
  const prober = new Prober(sink, { interval: 50, timeout: 50, jitter: 0, fall: 1, ...options });
  cleanups.push(() => prober.close());
  return prober;
}

/** What the first poll of an address comes to. */
async function outcome(address: string, options: ProberOptions = {}) {
  const sink = new Sink(at(address));
  const prober = probing(sink, { interval: 5000, timeout: 5000, ...options });
  await until(() => sink.results.length > 0);
  const { outcome, error } = sink.results[0];
  prober.close();
  return error === undefined ? outcome : `${outcome}: ${error}`;
}

describe('a poll', () => {
  it('over HTTP: by status, at its path, without redirects', async () => {
    const asked: string[] = [];
    const { port } = await serve((request, response) => {
      asked.push(`${request.headers.host} ${request.url}`);
      const status = Number(request.url?.slice(1)) || 200;
      response.writeHead(status, { location: '/200' }).end('a body');
    }, cleanups);
    const address = `127.0.0.1:${port}`;
    expect(await outcome(address)).toBe('answered');
    expect(await outcome(`http://user:secret@${address}/elsewhere?x`)).toBe('answered');
    expect(await outcome(address, { path: '/503' })).toBe('failed: status 503');
    expect(await outcome(address, { path: '/302' })).toBe('failed: status 302');
    expect(await outcome(address, { path: '/404', status: [200, 499] })).toBe('answered');
    expect(asked).toEqual([
      `${address} /livez`,
      `${address} /livez`,
      `${address} /503`,
      `${address} /302`,
      `${address} /404`,
    ]);
  });

  it('over TCP, and by a function', async () => {
    const { port } = await serveTcp(() => {}, cleanups);
    expect(await outcome(`127.0.0.1:${port}`, { kind: 'tcp' })).toBe('answered');
    expect(await outcome('127.0.0.1:1', { kind: 'tcp', port })).toBe('answered');
    const seen: string[] = [];
    const kind = (instance: InstanceView) => {
      seen.push(String(instance.address));
      return instance.address === 'anything';
    };
    expect(await outcome('anything', { kind })).toBe('answered');
    expect(await outcome('else', { kind })).toBe('failed: failed');
    const fetching = (code: string) => async () => {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error(), { code }) });
    };
    expect(await outcome('x', { kind: fetching('EAI_AGAIN') })).toBe('unreached: fetch failed');
    expect(await outcome('x', { kind: fetching('ECONNREFUSED') })).toBe('failed: fetch failed');
    const cannot = () => {
      throw new NotRun('no credentials');
    };
    expect(await outcome('x', { kind: cannot })).toBe('unreached: no credentials');
    const mean = {
      get ok(): boolean {
        throw new Error('mean');
      },
    };
    expect(await outcome('x', { kind: () => mean })).toBe('failed: mean');
  });

  it('fails where it was reached and was not answered: refused, cut off, silent, slow', async () => {
    expect(await outcome(`127.0.0.1:${await closedPort()}`)).toMatch(/^failed: .*ECONNREFUSED/);
    const cut = await serveTcp((socket) => socket.resetAndDestroy(), cleanups);
    expect(await outcome(`127.0.0.1:${cut.port}`)).toMatch(/^failed: .*(ECONNRESET|hang up)/);
    const deaf = await serveTcp(() => {}, cleanups);
    const brief = { interval: 60, timeout: 60 };
    expect(await outcome(`127.0.0.1:${deaf.port}`, brief)).toBe('failed: timeout after 60ms');
    const garbage = await serveTcp((socket) => socket.end('220 smtp\r\n'), cleanups);
    expect(await outcome(`127.0.0.1:${garbage.port}`)).toMatch(/^failed: /);
  });

  it('reads a few kB of an endless answer, and closes', async () => {
    let sent = 0;
    const { port, sockets } = await serve((_, response) => {
      const timer = setInterval(() => {
        sent += 1000;
        response.write('x'.repeat(1000));
      }, 1);
      response.on('close', () => clearInterval(timer));
    }, cleanups);
    expect(await outcome(`127.0.0.1:${port}`)).toBe('answered');
    await until(() => sockets.size === 0);
    expect(sent).toBeLessThan(1_000_000);
  });

  it('did not reach its target where the name has no address, or looking it up takes too long', async () => {
    const fails = async () => {
      throw Object.assign(new Error('getaddrinfo EAI_AGAIN node'), { code: 'EAI_AGAIN' });
    };
    expect(await outcome('node:80', { lookup: fails })).toMatch(/^unreached: .*EAI_AGAIN/);
    const ends: (() => void)[] = [];
    const hangs = () => new Promise<never>((_, reject) => ends.push(() => reject(new Error())));
    cleanups.push(() => {
      for (const end of ends) end();
    });
    const brief = { interval: 40, timeout: 40 };
    expect(await outcome('node:80', { lookup: hangs, ...brief })).toBe(
      'unreached: timeout after 40ms',
    );
  });

  it('by https: a certificate that we do not trust is our verdict, not its failure', async (context) => {
    const tls = certificate('node.test', cleanups);
    if (tls === undefined) return context.skip('no openssl here');
    const { port } = await serveTls(tls, (_, response) => response.end(), cleanups);
    const lookup = async () => [{ address: '127.0.0.1', family: 4 }];
    const options = { lookup, allow: ['127.0.0.0/8'] };
    const trusting = { ...options, tls: { ca: tls.cert } };
    expect(await outcome(`https://node.test:${port}`, trusting)).toBe('answered');
    expect(await outcome(`node.test:${port}`, trusting)).toBe('answered');
    expect(await outcome(`https://node.test:${port}`, options)).toMatch(
      /^unreached: .*self.signed/,
    );
  });

  it('by https: who takes connections and says nothing has failed, also when all do', async () => {
    const { port } = await serveTcp(() => {}, cleanups);
    const address = `https://127.0.0.1:${port}`;
    const sink = new Sink(at(address), at(address, { id: 'b' }));
    const prober = probing(sink, { interval: 100, timeout: 100 });
    await until(() => sink.told.length > 3);
    prober.close();
    expect(new Set(sink.told)).toEqual(new Set(['a 1 failed', 'b 1 failed']));
  });

  it('did not reach its target where what looks names up answers no address', async () => {
    const lookup = async () => [{ address: 'nowhere', family: 4 }];
    expect(await outcome('node:80', { lookup })).toBe('unreached: not allowed: nowhere');
  });

  it.runIf(process.platform === 'linux')(
    'a connection that nobody takes: the host, if others are reached; else the path',
    async () => {
      // Stopped, with the queue of its kernel full: SYNs are dropped.
      const code =
        "require('net').createServer().listen({port:0,host:'127.0.0.1',backlog:1},function(){console.log(this.address().port)})";
      const child = spawn(process.execPath, ['-e', code]);
      cleanups.push(() => child.kill('SIGKILL'));
      const port = Number(await new Promise((resolve) => child.stdout.once('data', resolve)));
      child.kill('SIGSTOP');
      const pending = Array.from({ length: 8 }, () => connect({ port, host: '127.0.0.1' }));
      cleanups.push(() => {
        for (const socket of pending) socket.on('error', () => {}).destroy();
      });
      await until(() => pending.some((socket) => !socket.connecting));
      await new Promise((resolve) => setTimeout(resolve, 50));
      const silent = at(`127.0.0.1:${port}`, { id: 'silent' });
      const other = await serveTcp(() => {}, cleanups);
      const alive = at(`127.0.0.1:${other.port}`, { id: 'alive' });
      const brief: ProberOptions = { kind: 'tcp', interval: 100, timeout: 100 };
      const ends = async (...instances: InstanceView[]) => {
        const sink = new Sink(...instances);
        const prober = probing(sink, brief);
        const own = () => sink.told.filter((each) => each.startsWith('silent 1'));
        await until(() => own().length > 1);
        prober.close();
        return own()[1];
      };
      // Alone there is nobody to compare it with.
      expect(await ends(silent)).toBe('silent 1 failed');
      expect(await ends(silent, alive)).toBe('silent 1 failed');
      const unreachable = at(silent.address as string, { id: 'silent too' });
      expect(await ends(silent, unreachable)).toBe('silent 1 unreached');
    },
  );
});

describe('whom it connects to', () => {
  it('by default the host that was registered, but nobody who is no server', async () => {
    for (const address of [
      '169.254.169.254:80',
      'http://169.254.169.254/latest/meta-data/',
      '[fe80::1]:80',
      '[::ffff:169.254.169.254]:80',
      '0.0.0.0:80',
      '0:80',
      '[::]:80',
      '224.0.0.1:80',
      '255.255.255.255:80',
      '2852039166:80', // 169.254.169.254 as one number
      '[fd00:ec2::254]:80',
    ]) {
      expect(await outcome(address)).toMatch(/^unreached: not allowed: /);
    }
    for (const address of ['', 'no port', 'a:b:80', 'ftp://host:21', 'host:99999', 'file:///etc']) {
      expect(await outcome(address)).toBe('unreached: the address is neither host:port nor a URL');
    }
  });

  it('a name that turns out to be this machine is refused, unless it says so', async () => {
    const { port, sockets } = await serveTcp(() => {}, cleanups);
    let connections = 0;
    const lookup = async () => [{ address: '127.0.0.1', family: 4 }];
    const options: ProberOptions = { kind: 'tcp', lookup };
    for (const mapped of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.9.9.9']) {
      const family = mapped.includes(':') ? 6 : 4;
      const found = { ...options, lookup: async () => [{ address: mapped, family }] };
      expect(await outcome(`evil.test:${port}`, found)).toBe(`unreached: not allowed: ${mapped}`);
    }
    connections += sockets.size;
    expect(connections).toBe(0);
    expect(await outcome(`localhost:${port}`, options)).toBe('answered');
    expect(await outcome(`evil.test:${port}`, { ...options, allow: ['127.0.0.0/8'] })).toBe(
      'answered',
    );
  });

  it('what was vetted is what is connected to: a second answer is never asked for', async () => {
    const good = await serveTcp(() => {}, cleanups);
    let asked = 0;
    const lookup = async () => {
      asked++;
      return [{ address: asked === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }];
    };
    const options: ProberOptions = { kind: 'http', lookup, allow: ['127.0.0.1'] };
    const server = await serve((_, response) => response.end(), cleanups);
    expect(await outcome(`rebinding.test:${server.port}`, options)).toBe('answered');
    expect(asked).toBe(1);
    expect(await outcome(`rebinding.test:${good.port}`, options)).toBe(
      'unreached: not allowed: 127.0.0.2',
    );
  });

  it('with a list what it admits, of several addresses those that it admits', async () => {
    const { port } = await serveTcp(() => {}, cleanups);
    const kind = 'tcp' as const;
    const address = `127.0.0.1:${port}`;
    expect(await outcome(address, { kind, allow: ['127.0.0.1'] })).toBe('answered');
    expect(await outcome(address, { kind, allow: ['10.0.0.0/8', '127.0.0.0/8'] })).toBe('answered');
    expect(await outcome(address, { kind, allow: [] })).toMatch(/^unreached: not allowed/);
    expect(await outcome(address, { kind, allow: ['10.0.0.0/8'] })).toMatch(/^unreached: not/);
    const lookup = async () => [
      { address: '10.1.1.1', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    expect(await outcome(`n:${port}`, { kind, lookup, allow: ['127.0.0.1'] })).toBe('answered');
  });

  it('where it is known who registered, nobody else', async () => {
    const { port } = await serveTcp(() => {}, cleanups);
    const address = `127.0.0.1:${port}`;
    const from = (source: string | undefined): ProberOptions => ({
      kind: 'tcp',
      source: () => source,
    });
    expect(await outcome(address, from('127.0.0.1'))).toBe('answered');
    expect(await outcome(address, from('::ffff:127.0.0.1'))).toBe('answered');
    expect(await outcome(address, from(undefined))).toBe('answered');
    expect(await outcome(address, from('127.0.0.2'))).toMatch(/^unreached: not allowed/);
    expect(await outcome(address, from('nonsense'))).toMatch(/^unreached: not allowed/);
  });

  it('does not follow a redirect to a third party', async () => {
    let visits = 0;
    const third = await serve((_, response) => {
      visits++;
      response.end();
    }, cleanups);
    const { port } = await serve((_, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${third.port}/` }).end();
    }, cleanups);
    expect(await outcome(`127.0.0.1:${port}`)).toBe('failed: status 307');
    expect(visits).toBe(0);
  });

  it('counts and shows what it refuses', async () => {
    const sink = new Sink(at('169.254.169.254:80'));
    const prober = probing(sink);
    await until(() => prober.stats.refused > 1);
    expect(prober.stats).toMatchObject({ targets: 1, answered: 0, failed: 0 });
    expect(prober.get('a')).toMatchObject({ generation: 1, state: 'unknown', failures: 0 });
    expect(prober.get('a')?.polls[0].outcome).toBe('unreached');
    expect(prober.get('b')).toBeUndefined();
  });
});

/** A prober on a clock of its own; a poll answers with the next word of `says`. */
async function scripted(says: readonly ('p' | 'f' | 'u')[], options: ProberOptions = {}) {
  const loop = new Loop();
  const sink = new Sink(at('x'));
  let next = 0;
  const kind = () => {
    const what = says[next++];
    if (what === 'u') throw new NotRun('no route');
    return what === 'p';
  };
  const prober = probing(sink, { kind, clock: loop, interval: 100, timeout: 100, ...options });
  const outcomes: string[] = [];
  prober.on('probe', ({ outcome }) => outcomes.push(outcome[0]));
  await turn();
  while (outcomes.length < says.length) {
    loop.runUntil(loop.now() + 50);
    await turn();
  }
  prober.close();
  return { told: sink.told.map((each) => each.split(' ')[2][0]).join(''), outcomes, sink };
}

describe('what it tells', () => {
  it('a single miss between answers is not told; with fall 1 it is', async () => {
    const alternating = [...'pfpfpfpfpf'] as ('p' | 'f')[];
    expect((await scripted(alternating, { fall: 2 })).told).toBe('aaaaa');
    expect((await scripted(alternating, { fall: 1 })).told).toBe('afafafafaf');
  });

  it('all misses are told when so many came in a row, so that the ladder counts polls', async () => {
    expect((await scripted([...'pffpfff'] as 'p'[], { fall: 3 })).told).toBe('aafff');
    expect((await scripted([...'ffffff'] as 'f'[], { fall: 3 })).told).toBe('ffffff');
    expect((await scripted([...'pffpfpp'] as 'p'[], { fall: 2, rise: 2 })).told).toBe('afffa');
  });

  it('what did not reach its target is told at once, and counts for nothing', async () => {
    expect((await scripted([...'pfufup'] as 'p'[], { fall: 3 })).told).toBe('auua');
    expect((await scripted([...'uuuuu'] as 'u'[], { fall: 1 })).told).toBe('uuuuu');
  });

  it('says how often polls come, and when they were known', async () => {
    const { sink } = await scripted(['p', 'p'], { jitter: 0.2, random: () => 0 });
    expect(sink.results[0].interval).toBeCloseTo(110, 9);
    expect(sink.results[1].at! - sink.results[0].at!).toBeGreaterThanOrEqual(100);
  });

  it('the counts hold for any answers: nothing is told that was not so, and no run is longer', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom('p', 'f', 'u') as fc.Arbitrary<'p' | 'f' | 'u'>, {
        minLength: 1,
        maxLength: 25,
      }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      async (says, fall, rise) => {
        // The plain sum of what is to be told.
        let [expected, up, passes, fails] = ['', true, 0, 0];
        for (const what of says) {
          if (what === 'u') expected += 'u';
          if (what === 'f') {
            [passes, fails] = [0, fails + 1];
            if (!up) expected += 'f';
            else if (fails === fall) [expected, up] = [expected + 'f'.repeat(fall), false];
          }
          if (what === 'p') {
            [passes, fails] = [passes + 1, 0];
            up ||= passes >= rise;
            if (up) expected += 'a';
          }
        }
        // Before the first state one answer is enough: nothing was told yet.
        const first = says.find((what) => what !== 'u');
        fc.pre(first === 'p');
        expect((await scripted(says, { fall, rise })).told).toBe(expected);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
});

describe('with a registry', () => {
  function world(options: ProberOptions = {}, n = 10, heartbeatInterval = 1000) {
    const loop = new Loop();
    const registry = new Registry({ clock: loop, wall: () => 1.7e12 + loop.now() });
    const ids = Array.from({ length: n }, (_, i) => `n${i}`);
    const register = (id: string, address = `${id}.test:80`) =>
      registry.register({ id, service: 'api', address, heartbeatInterval });
    for (const id of ids) register(id);
    // What promises caused comes before an immediate, as it does with a clock that is real.
    const { now, setTimeout, clearTimeout } = loop;
    const prober = new Prober(registry, {
      clock: { now, setTimeout, clearTimeout, setImmediate },
      interval: 1000,
      timeout: 500,
      random: () => 0.5,
      ...options,
    });
    const events: string[] = [];
    for (const name of ['suspect', 'available'] as const) {
      registry.on(name, ({ peer, signal }) => events.push(`${name} ${signal} ${peer}`));
    }
    cleanups.push(() => registry.close());
    const routed = () => registry.route('api').targets.map(({ id }) => id);
    const beating = new Set(ids);
    let beats = 0;
    /** Runs on for `ms`; each node beats once a second. What polls wait for comes in between. */
    const run = async (ms: number, each: () => unknown = () => {}) => {
      const end = loop.now() + ms;
      while (loop.now() < end) {
        loop.runUntil(Math.min(loop.now() + 100, end));
        if (loop.now() >= beats * 1000) {
          beats++;
          for (const id of beating) {
            registry.heartbeat(id, { generation: registry.get(id)?.generation as number });
          }
        }
        await turn();
        await each();
      }
    };
    return { loop, registry, prober, ids, register, events, routed, run, beating };
  }

  it.each(['fails', 'hangs'])(
    'the resolver %s: nobody loses traffic, for a minute',
    async (how) => {
      let broken = false;
      const ends: (() => void)[] = [];
      cleanups.push(() => {
        for (const end of ends) end();
      });
      const lookup = async () => {
        if (!broken) return [{ address: '127.0.0.1', family: 4 }];
        if (how === 'fails') throw Object.assign(new Error('EAI_AGAIN'), { code: 'EAI_AGAIN' });
        return new Promise<never>((_, reject) => ends.push(() => reject(new Error('ended'))));
      };
      const server = await serve((_, response) => response.end(), cleanups);
      const { registry, prober, run, routed, events, ids } = world({
        lookup,
        allow: ['127.0.0.1'],
        port: server.port,
      });
      // Real connections on a clock of our own: it stands still while they last.
      await run(5000, () => until(() => prober.stats.running === 0));
      expect(prober.stats.answered).toBeGreaterThan(30);
      expect(registry.instances().map(({ signals }) => signals.process)).toEqual(
        Array(10).fill('ok'),
      );
      broken = true;
      const missing: string[] = [];
      await run(60_000, () => {
        const targets = new Set(routed());
        missing.push(...ids.filter((id) => !targets.has(id)));
      });
      expect(prober.stats.unreached).toBeGreaterThan(200);
      expect(prober.stats.failed).toBe(0);
      expect(missing).toEqual([]);
      expect(events).toEqual([]);
      expect(registry.protection.panic).toEqual([]);
      expect(registry.instances().map(({ signals }) => signals.process)).toEqual(
        Array(10).fill('unknown'),
      );
      expect(new Set(registry.instances().map(({ status }) => status))).toEqual(
        new Set(['available']),
      );
    },
  );

  it('S4: fail and pass alternate: no transition, and no change at all', async () => {
    let turns = 0;
    const kind = (instance: InstanceView) => instance.id !== 'n0' || turns++ % 2 === 0;
    const { registry, run, events, routed } = world({ kind });
    await run(5000);
    const changes: string[] = [];
    registry.on('change', ({ instance }) => changes.push(`${instance.id} ${instance.status}`));
    await run(60_000, () => expect(routed()).toHaveLength(10));
    expect(turns).toBeGreaterThan(40);
    expect(changes).toEqual([]);
    expect(events).toEqual([]);
  });

  it('S7: the result of a poll that comes after re-registration is ignored', async () => {
    const waiting: ((answer: boolean) => void)[] = [];
    const generations: number[] = [];
    const kind = (instance: InstanceView) => {
      if (instance.id !== 'n0') return true;
      generations.push(instance.generation);
      if (instance.generation === 2) return true;
      return new Promise<boolean>((resolve) => waiting.push(resolve));
    };
    const { registry, run, register } = world({ kind });
    const told = vi.spyOn(registry, 'probe');
    const ofOldLife = () => told.mock.calls.filter(([id, life]) => id === 'n0' && life === 1);
    await run(300);
    expect(generations).toEqual([1]); // it is on its way
    register('n0');
    await run(300);
    waiting[0](false);
    await run(5000);
    expect(ofOldLife()).toEqual([]);
    expect(generations.slice(1).every((life) => life === 2)).toBe(true);
    expect(generations.length).toBeGreaterThan(2);
    // Were it told all the same, the registry would refuse it.
    expect(registry.probe('n0', 1, { outcome: 'failed' })).toBe('stale-generation');
  });

  it('who answers nobody loses its traffic at the fourth poll, if nothing else is heard of it', async () => {
    let dead = false;
    const kind = (instance: InstanceView) => !(dead && instance.id === 'n0');
    const { registry, run, beating, routed } = world({ kind, fall: 2 });
    beating.clear();
    await run(20_000);
    expect(routed()).toHaveLength(10);
    dead = true;
    const statuses: string[] = [];
    await run(8000, () => {
      const status = registry.get('n0')?.status as string;
      if (statuses.at(-1) !== status) statuses.push(status);
    });
    expect(statuses.at(0)).toBe('available');
    expect(statuses.at(-1)).toBe('dead');
    expect(routed()).toHaveLength(9);
    dead = false;
    await run(8000);
    expect(routed()).toHaveLength(10);
  });

  it('follows the registry: who comes, goes, moves, and other services', async () => {
    const asked: string[] = [];
    const kind = ({ id, address }: InstanceView) => {
      asked.push(`${id} ${address}`);
      return true;
    };
    const { registry, prober, run, register } = world({ kind, services: ['api'] }, 1);
    registry.register({ id: 'x', service: 'other', address: 'x:1' });
    await run(300);
    expect(prober.stats.targets).toBe(1);
    register('n1');
    await run(300);
    expect(prober.stats.targets).toBe(2);
    register('n0', 'moved:1');
    registry.deregister('n1');
    await run(300);
    expect(prober.stats.targets).toBe(1);
    expect(new Set(asked)).toEqual(new Set(['n0 n0.test:80', 'n1 n1.test:80', 'n0 moved:1']));
    const before = asked.length;
    registry.drain('n0'); // still there
    await run(3000);
    expect(asked.length).toBeGreaterThan(before);
  });

  it('polls no more at once than it may, however many there are', async () => {
    let [running, most, polls] = [0, 0, 0];
    const kind = async () => {
      polls++;
      most = Math.max(most, ++running);
      await turn();
      running--;
      return true;
    };
    const { run } = world({ kind, concurrency: 7 }, 300);
    await run(15_000);
    expect(polls).toBeGreaterThan(600);
    expect(most).toBe(7);
  });

  it('ends with close(), with its signal, and with the registry', async () => {
    for (const how of ['close', 'signal', 'registry'] as const) {
      const ending = new AbortController();
      const kind = (_: InstanceView, signal: AbortSignal) =>
        new Promise<boolean>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
      const { registry, prober, run } = world({ kind, signal: ending.signal });
      await run(200);
      expect(prober.stats).toMatchObject({ targets: 10, running: 10 });
      if (how === 'close') prober.close();
      if (how === 'signal') ending.abort();
      if (how === 'registry') registry.close();
      await run(2000);
      expect(prober.stats).toEqual({
        targets: 0,
        running: 0,
        waiting: 0,
        answered: 0,
        failed: 0,
        unreached: 0,
        refused: 0,
      });
      if (how !== 'registry') expect(registry.stats.watchers).toBe(0);
    }
  });

  it('a sink that throws is told as an error, and the polls go on', async () => {
    const sink = new Sink(at('x'));
    sink.probe = () => {
      throw new Error('a sink that is broken');
    };
    const prober = probing(sink, { kind: () => true, interval: 5, timeout: 5 });
    const errors: string[] = [];
    prober.on('error', ({ error, event }) => errors.push(`${event}: ${(error as Error).message}`));
    await until(() => errors.length > 2);
    expect(errors[0]).toBe('probe: a sink that is broken');
  });

  it('refuses wrong options', () => {
    const sink = new Sink();
    for (const [options, text] of [
      [{ interval: 100, timeout: 101 }, 'timeout: expected at most the interval, 100, got 101'],
      [{ kind: 'udp' }, 'kind: expected one of http, tcp'],
      [{ path: 'livez' }, 'path: expected'],
      [{ path: '//elsewhere/' }, 'path: expected'],
      [{ path: '/\\elsewhere/' }, 'path: expected'],
      [{ port: 0 }, 'port: expected'],
      [{ headers: { 'a b': 'c' } }, 'headers: expected what node:http takes, got "Header name'],
      [{ headers: { a: ['b', 'c\nd'] } }, 'headers: expected what node:http takes'],
      [{ tls: { ca: 'not a PEM', cert: 'x', key: 'y' } }, 'tls: expected what node:tls takes'],
      [{ allow: ['10.0.0.0/33'] }, 'allow[0]: expected'],
      [{ allow: ['::1', 'localhost'] }, 'allow[1]: expected'],
      [{ allow: ['10.0.0.0/8/8'] }, 'allow[0]: expected'],
      [{ allow: '10.0.0.0/8' }, 'allow: expected a list'],
      [{ services: 'api' }, 'services: expected a list'],
      [{ source: 'x' }, 'source: expected a function'],
      [{ lookup: 'x' }, 'lookup: expected a function'],
      [{ clock: 7 }, 'clock: expected'],
      [{ intervall: 7 }, 'unknown option "intervall"'],
    ] as const) {
      expect(() => new Prober(sink, options as never)).toThrow(text);
    }
    expect(() => new Prober({} as never)).toThrow('sink: expected a Registry');
  });
});
