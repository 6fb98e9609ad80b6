/** Leases on the node's side: beats, what the registry's answers lead to, and validity. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type HeldLease,
  type RegistrationRequest,
  RegistryClient,
  RegistryError,
} from '../../src/registry/index.js';
import { AsyncClock, settle } from '../support/async-clock.js';
import { FakeRegistry, refuse, SECRET } from '../support/fake-registry.js';

const open: HeldLease[] = [];
afterEach(() => {
  for (const lease of open.splice(0)) lease.close();
});

const REQUEST = { id: 'a', service: 'api', address: '10.0.0.1:80' };

function world(random = () => 0.5) {
  const clock = new AsyncClock();
  const registry = new FakeRegistry(clock);
  const failures: RegistryError[] = [];
  const client = new RegistryClient({
    url: 'http://registry.test',
    fetch: registry.fetch,
    clock,
    random,
    onError: (error) => failures.push(error),
  });
  return { clock, registry, client, failures };
}

/** A lease whose first beat was sent at 1 ms, when the registration had been answered. */
async function held(change: Partial<RegistrationRequest> = {}) {
  const made = world();
  const registering = made.client.register({ ...REQUEST, ...change });
  await made.clock.pass(1);
  const lease = await registering;
  open.push(lease);
  const said: string[] = [];
  const events = ['renewed', 'expired', 'lost', 'fenced', 'credentials', 'error'] as const;
  for (const event of events) lease.on(event, () => said.push(event));
  const beats = () => made.registry.to('/heartbeat/a');
  return { ...made, lease, said, beats };
}

describe('a lease', () => {
  it('registers, and beats at start + n · interval whatever the answers take', async () => {
    const { clock, registry, lease, beats } = await held({ meta: { zone: 'x' } });
    expect(registry.to('/register')[0].body).toEqual({ ...REQUEST, meta: { zone: 'x' } });
    expect(lease).toMatchObject({ id: 'a', service: 'api', address: '10.0.0.1:80', generation: 1 });
    expect(lease).toMatchObject({ secret: SECRET, heartbeatInterval: 1000, ttl: 9000 });
    registry.latency = 700;
    await clock.pass(60_000);
    expect(beats().map(({ at }) => at)).toEqual(Array.from({ length: 61 }, (_, i) => 1 + i * 1000));
    expect(beats().map(({ body }) => body.sequence)).toEqual(beats().map((_, i) => i + 1));
    expect(beats()[0].body).toMatchObject({ generation: 1, secret: SECRET, signal: 'service' });
  });

  it('skips the turns that a blocked process missed, and keeps to its schedule', async () => {
    const { clock, beats } = await held();
    await clock.pass(500);
    clock.block(3700);
    await clock.pass(2000);
    // The turn that was due at 1001 is taken when the process runs again, the others not at all.
    expect(beats().map(({ at }) => at)).toEqual([1, 4201, 5001, 6001]);
  });

  it('has one beat under way at a time', async () => {
    const { clock, registry, lease, beats } = await held();
    registry.mute = true;
    await clock.pass(1500);
    expect(beats()).toHaveLength(2);
    await clock.pass(1400);
    expect(beats()).toHaveLength(2); // that of 1001 is given up at 3001
    expect(lease.skipped).toBe(1);
    await clock.pass(10_000);
    const errors = lease.skipped + beats().length;
    expect(errors).toBe(13); // turns at 1, 1001, …, 12001: each was sent or skipped
  });

  it('is valid for its ttl from when the last beat that was heard had been sent', async () => {
    const { clock, registry, lease } = await held();
    registry.latency = 400;
    await clock.pass(2999); // 3000: the beat of 2001 has been answered
    expect(lease.validUntil).toBe(2001 + 9000);
    registry.away = true;
    await clock.pass(8000);
    expect([lease.isValid(), lease.isValid(11_000.9), lease.isValid(11_001)]).toEqual([
      true,
      true,
      false,
    ]);
    await clock.pass(1);
    expect(lease.isValid()).toBe(false);
    registry.away = false;
    await clock.pass(1500);
    expect(lease.isValid()).toBe(true); // the registry still knew it
    expect(lease.generation).toBe(1);
  });

  it('is not valid when the process wakes from a freeze longer than the ttl, before it asks anybody', async () => {
    const { clock, lease } = await held();
    await clock.pass(5000);
    expect(lease.isValid()).toBe(true);
    clock.block(9001);
    expect(lease.isValid()).toBe(false);
  });

  it('registers again, once at a time, when the registry does not know it', async () => {
    const { clock, registry, lease, said } = await held();
    await clock.pass(1500);
    said.length = 0;
    registry.members.delete('a');
    registry.latency = 600;
    await clock.pass(1200);
    expect(said).toEqual(['lost']);
    expect(lease.isValid()).toBe(false);
    await clock.pass(1500);
    expect(registry.to('/register')).toHaveLength(2);
    expect(said).toEqual(['lost', 'credentials', 'renewed']);
    expect(lease.isValid()).toBe(true);
    expect(registry.to('/heartbeat/a').at(-1)?.body).toMatchObject({ generation: 1, sequence: 2 });
  });

  it('stops for good when another life holds the id, and never fights it', async () => {
    const { clock, registry, lease, said, beats } = await held();
    await clock.pass(500);
    registry.takeOver('a');
    await clock.pass(1000);
    expect(said).toEqual(['renewed', 'fenced']);
    expect([lease.isValid(), lease.ended.aborted, lease.generation]).toEqual([false, true, 1]);
    const before = beats().length;
    await clock.pass(60_000);
    expect(beats()).toHaveLength(before);
    expect(registry.to('/register')).toHaveLength(1);
    expect(clock.timers).toBe(0);
    await lease.deregister(); // says nothing to the registry: the id is not ours
    expect(registry.heard.some(({ method }) => method === 'DELETE')).toBe(false);
  });

  it('goes on beating at its schedule while the registry is away or fails', async () => {
    const { clock, registry, lease, said, beats } = await held();
    registry.away = true;
    await clock.pass(4500);
    registry.away = false;
    registry.answer = () => refuse(503, 'overloaded');
    await clock.pass(1000);
    registry.answer = () => new Response('<html>', { status: 502, statusText: 'Bad Gateway' });
    await clock.pass(1000);
    registry.answer = () => new Response('no JSON');
    await clock.pass(1000);
    expect(beats().map(({ at }) => at)).toEqual([1, 1001, 2001, 3001, 4001, 5001, 6001, 7001]);
    expect(said.filter((event) => event === 'error')).toHaveLength(8 - 1);
    expect(lease.generation).toBe(1);
  });

  it('says whether it is ready, and its figures, with the next beat', async () => {
    const { clock, lease, beats } = await held();
    lease.ready(false).figures({ load: 0.5 });
    await clock.pass(1000);
    expect(beats()[0].body.ready).toBe(true);
    expect(beats()[1].body).toMatchObject({ ready: false, figures: { load: 0.5 } });
  });

  it('wants no traffic from its first beat on if it says so when it registers', async () => {
    const { clock, registry, lease, beats } = await held({ ready: false });
    expect(registry.to('/register')[0].body).toEqual({ ...REQUEST, ready: false });
    lease.ready(true);
    await clock.pass(1000);
    expect(beats().map(({ body }) => body.ready)).toEqual([false, true]);
  });

  it('registers with all that it was asked for, and says anew at the next time whether it is ready', async () => {
    const wanted = { ready: false, goneAfter: 90_000, ttl: 20_000, group: 'rack-1' };
    const { clock, registry, lease } = await held({ ...wanted, meta: { zone: 'eu' } });
    expect(registry.to('/register')[0].body).toEqual({
      ...REQUEST,
      ...{ ...wanted, meta: { zone: 'eu' } },
    });
    lease.ready(true);
    registry.members.delete('a');
    await clock.pass(3000);
    expect(registry.to('/register')[1]?.body).toMatchObject({ ...wanted, ready: true });
  });

  it('proves that it is the holder when it drains or ends', async () => {
    const { clock, registry, lease } = await held();
    const done = Promise.all([lease.drain(), lease.undrain(), lease.deregister()]);
    await clock.pass(10);
    await done;
    const [drain] = registry.to('/instances/a/drain');
    expect(drain.body).toEqual({ generation: 1, secret: SECRET });
    expect(registry.to('/instances/a/undrain')).toHaveLength(1);
    const [end] = registry.to('/instances/a');
    expect([end.method, end.headers.get('x-lease-secret')]).toEqual(['DELETE', SECRET]);
    expect([lease.isValid(), lease.ended.aborted]).toEqual([false, true]);
  });

  it('is closed by its signal, which leaves no timer', async () => {
    const stop = new AbortController();
    const { clock, lease, beats } = await held({ signal: stop.signal });
    stop.abort();
    await clock.pass(5000);
    expect([beats().length, clock.timers, lease.isValid()]).toEqual([1, 0, false]);
  });

  it('beats only when told to with beat: none', async () => {
    const { clock, lease, beats } = await held({ beat: 'none' });
    await clock.pass(5000);
    expect(beats()).toHaveLength(0);
    const renewing = lease.renew();
    await clock.pass(10);
    expect(await renewing).toBe('accepted');
    expect(lease.validUntil).toBe(5001 + 9000);
  });

  it.each(['out-of-order', 'duplicate', 'invalid-time', 'in-the-future'])(
    'is not extended by a heartbeat that was %s, which is told, and expires',
    async (status) => {
      const { clock, registry, lease, said } = await held();
      const errors: unknown[] = [];
      lease.on('error', ({ error }) => errors.push(error));
      await clock.pass(1500);
      const { validUntil } = lease;
      registry.answer = ({ path }) =>
        path === '/register'
          ? undefined
          : Response.json({ status, ttl: 9000, epoch: '00000000000000aa' });
      said.length = 0;
      await clock.pass(validUntil - clock.now() - 1);
      expect([lease.validUntil, lease.isValid()]).toEqual([validUntil, true]);
      expect(errors[0]).toMatchObject({ code: status });
      expect(new Set(said)).toEqual(new Set(['error']));
      await clock.pass(1);
      expect([lease.isValid(), said.at(-1)]).toEqual([false, 'expired']);
      registry.answer = undefined;
      await clock.pass(5000);
      expect(lease.isValid()).toBe(true);
      expect(said.filter((event) => event === 'expired')).toHaveLength(1);
    },
  );

  it('says that it has expired once, at that instant, and again after a renewal', async () => {
    const { clock, registry, lease, said } = await held({ beat: 'none' });
    const at: number[] = [];
    lease.on('expired', () => at.push(clock.now()));
    await clock.pass(30_000);
    void lease.renew();
    await clock.pass(30_000);
    expect(at).toEqual([9000, 30_001 + 9000]);
    registry.away = true;
    await clock.pass(30_000);
    lease.close();
    expect(said.filter((event) => event === 'expired')).toHaveLength(2);
    expect(clock.timers).toBe(0);
  });

  it('registers again when its secret is not good any more, once and then with growing delays', async () => {
    const { clock, registry, lease, said } = await held();
    const wrong = (path: string) => path.startsWith('/heartbeat') && refuse(403, 'wrong-secret');
    await clock.pass(1500);
    registry.answer = ({ path }) => wrong(path) || undefined;
    said.length = 0;
    await clock.pass(1000);
    expect(said.slice(0, 2)).toEqual(['lost', 'credentials']);
    expect(registry.to('/register')[1].at).toBe(2002);
    expect(registry.to('/register')[1].body.secret).toBe(SECRET);
    await clock.pass(120_000);
    const again = registry.to('/register').length;
    expect(again).toBeGreaterThan(5);
    expect(again).toBeLessThan(20); // of 122 turns
    registry.answer = undefined;
    await clock.pass(40_000);
    expect(lease.isValid()).toBe(true);
    expect(registry.to('/register').length).toBeLessThan(again + 3);
  });

  it('never fights whoever has the id, though its own secret is not good any more', async () => {
    const { clock, registry, lease, said } = await held();
    await clock.pass(1500);
    let inUse = true;
    registry.answer = ({ path }) => {
      if (path.startsWith('/heartbeat')) return refuse(403, 'wrong-secret');
      return path === '/register' && inUse ? refuse(409, 'id-in-use') : undefined;
    };
    await clock.pass(20_000);
    expect([lease.isValid(), lease.ended.aborted, lease.generation]).toEqual([false, false, 1]);
    expect(registry.members.get('a')).toBe(1);
    inUse = false;
    registry.answer = undefined;
    await clock.pass(5000);
    expect([lease.isValid(), said.includes('fenced')]).toEqual([true, false]);
  });

  it('of an id that its client registers again is over at once, and nothing comes back of it', async () => {
    const { clock, registry, client, lease, said } = await held();
    const registering = client.register(REQUEST);
    await clock.pass(10);
    const second = await registering;
    open.push(second);
    expect(registry.to('/register')[1].body.secret).toBe(SECRET);
    expect(said).toContain('fenced');
    expect([lease.isValid(), second.isValid(), second.generation]).toEqual([false, true, 2]);
    const ending = second.deregister();
    await clock.pass(10);
    await ending;
    await clock.pass(60_000);
    expect(registry.to('/register')).toHaveLength(2);
    expect(registry.members.size).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('that drains says so again when it is registered again, and asks for no traffic before', async () => {
    const { clock, registry, lease, beats } = await held();
    const draining = lease.drain();
    await clock.pass(1500);
    await draining;
    let refusals = 3;
    registry.answer = ({ path }) =>
      path.endsWith('/drain') && refusals-- > 0 ? refuse(503, 'state-unwritable') : undefined;
    registry.members.clear();
    registry.members.set('a', 6);
    registry.members.delete('a');
    await clock.pass(10_000);
    const drains = registry.to('/instances/a/drain');
    expect(drains).toHaveLength(1 + 4);
    const heard = drains.at(-1)?.at as number;
    const registeredAt = registry.to('/register')[1].at;
    const early = beats().filter(({ at }) => at > registeredAt && at < heard);
    expect(early.length).toBeGreaterThan(0);
    expect(early.map(({ body }) => body.ready)).toEqual(early.map(() => false));
    expect(beats().at(-1)?.body.ready).toBe(true);
    const undraining = lease.undrain();
    await clock.pass(100);
    await undraining;
    registry.members.delete('a');
    await clock.pass(5000);
    expect(registry.to('/register')).toHaveLength(3);
    expect(registry.to('/instances/a/drain')).toHaveLength(5);
  });

  it('drains at a registry that has just lost it by being registered again', async () => {
    const { clock, registry, lease, said } = await held();
    await clock.pass(1500);
    registry.members.delete('a');
    const draining = lease.drain();
    await clock.pass(10);
    await draining;
    expect(said).toContain('lost');
    expect(registry.to('/instances/a/drain').map(({ at }) => at)).toHaveLength(2);
    expect(lease.isValid()).toBe(true);
  });

  it('tells of listeners that throw, and goes on', async () => {
    const { clock, lease, said, beats } = await held();
    lease.on('renewed', () => {
      throw new Error('mine');
    });
    await clock.pass(2000);
    expect(beats()).toHaveLength(3);
    expect(said.filter((event) => event === 'error').length).toBeGreaterThan(1);
  });
});

describe('registering', () => {
  it('waits for a registry that is away, at most the doubling limit with full jitter', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0.01, max: 0.999, noNaN: true }), { minLength: 6 }),
        async (draws) => {
          let drawn = 0;
          const { clock, registry, client, failures } = world(() => draws[drawn++ % draws.length]);
          registry.away = true;
          const stop = new AbortController();
          const registering = client.register({ ...REQUEST, signal: stop.signal });
          const ended = registering.catch((error) => error);
          await clock.pass(40_000);
          const at = registry.heard.map((each) => each.at);
          const gaps = at.slice(1).map((each, i) => each - at[i]);
          for (const [i, gap] of gaps.entries()) {
            const limit = Math.min(500 * 2 ** i, 30_000);
            expect(gap).toBeCloseTo(draws[i % draws.length] * limit, 6);
          }
          expect(failures.length).toBe(at.length);
          expect(failures[0]).toMatchObject({ status: 0, code: 'unreachable' });
          stop.abort(new Error('enough'));
          await settle();
          expect(await ended).toMatchObject({ message: 'enough' });
          expect(clock.timers).toBe(0);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('succeeds once the registry is there', async () => {
    const { clock, registry, client } = world();
    registry.away = true;
    const registering = client.register(REQUEST);
    await clock.pass(3000);
    registry.away = false;
    await clock.pass(10_000);
    const lease = await registering;
    open.push(lease);
    expect(lease.isValid()).toBe(true);
  });

  it('waits while a living instance holds the id, a few seconds at most between two tries', async () => {
    const { clock, registry, client, failures } = world(() => 0.99);
    registry.answer = ({ path }) => (path === '/register' ? refuse(409, 'id-in-use') : undefined);
    const registering = client.register(REQUEST);
    await clock.pass(60_000);
    const at = registry.heard.map((each) => each.at);
    expect(at.length).toBeGreaterThan(30);
    expect(Math.max(...at.slice(1).map((each, i) => each - at[i]))).toBeLessThan(2500);
    expect(failures[0]).toMatchObject({ status: 409, code: 'id-in-use', isTransient: true });
    registry.answer = undefined;
    await clock.pass(2500);
    open.push(await registering);
  });

  it('does not wait for an id that is in use if it is told not to', async () => {
    const { clock, registry, client } = world();
    registry.answer = () => refuse(409, 'id-in-use');
    const registering = client.register({ ...REQUEST, wait: false }).catch((error) => error);
    await clock.pass(10);
    expect(await registering).toMatchObject({ status: 409, code: 'id-in-use' });
    expect(registry.heard).toHaveLength(1);
    expect(registry.heard[0].body).toEqual(REQUEST);
  });

  it.each([
    [400, 'bad-request'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [413, 'too-large'],
  ])('is not tried again after %i', async (status, code) => {
    const { clock, registry, client } = world();
    registry.answer = () => refuse(status, code);
    const registering = client.register(REQUEST).catch((error) => error);
    await clock.pass(10);
    const error = await registering;
    expect(error).toBeInstanceOf(RegistryError);
    expect(error).toMatchObject({
      status,
      code,
      message: `POST /register: ${status} it is ${code}`,
    });
    expect(registry.heard).toHaveLength(1);
  });

  it('refuses an answer that is no lease, and datagrams to nowhere', async () => {
    const { clock, registry, client } = world();
    registry.answer = () => Response.json({ id: 'a', generation: 0 }, { status: 201 });
    const bad = client.register(REQUEST).catch((error) => error);
    await clock.pass(10);
    expect(await bad).toMatchObject({ code: 'bad-answer' });
    registry.answer = undefined;
    const nowhere = client.register({ ...REQUEST, beat: 'udp' }).catch((error) => error);
    await clock.pass(10);
    expect(await nowhere).toMatchObject({ code: 'no-udp' });
  });

  it.each([
    [{ id: '' }, 'id: expected at least one character'],
    [{ service: 1 }, 'service: expected a string'],
    [{ ttl: 0 }, 'ttl: expected ms from 1'],
    [{ beat: 'tcp' }, 'beat: expected one of http, udp, none'],
    [{ udp: 'nowhere' }, "udp: expected 'host:port'"],
    [{ wait: 1 }, 'wait: expected'],
    [{ adress: 'x' }, 'unknown option "adress"'],
  ])('refuses %o before anything is sent', async (change, message) => {
    const { client, registry } = world();
    const request = { ...REQUEST, ...change } as RegistrationRequest;
    await expect(client.register(request)).rejects.toThrow(message);
    expect(registry.heard).toHaveLength(0);
  });
});
