/** The client against the real service: HTTP, datagrams, both signals, changes as they come. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { beatFromNode, RegistryClient, type WatchEvent } from '../../src/registry/index.js';
import {
  type RegistryService,
  type ServiceOptions,
  startService,
} from '../../src/registry/service/index.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const until = (condition: () => boolean) =>
  vi.waitUntil(condition, { timeout: 30_000, interval: 10 });

async function serve(options: ServiceOptions = {}): Promise<RegistryService> {
  const registry = { warmUp: 0, ...options.registry };
  const service = await startService({ port: 0, udpPort: 0, ...options, registry });
  open.push(service);
  return service;
}

const REQUEST = { id: 'a/ä', service: 'api', address: '127.0.0.1:80', heartbeatInterval: 50 };
const TOKENS = { node: 'n'.repeat(32), reader: 'r'.repeat(32), operator: 'o'.repeat(32) };

describe('with the service', () => {
  it.each(['http', 'udp'] as const)(
    'a lease beats by %s, also where tokens are needed',
    async (beat) => {
      const { url, registry } = await serve({ tokens: TOKENS });
      const client = new RegistryClient({ url, token: TOKENS.node });
      const lease = await client.register({ ...REQUEST, beat, ttl: 3000 });
      open.push(lease);
      const errors: unknown[] = [];
      lease.on('error', ({ error }) => errors.push(error));
      let renewed = 0;
      lease.on('renewed', () => renewed++);
      await until(() => registry.stats.heartbeats >= 25 && renewed > 1);
      expect(registry.get(REQUEST.id)?.signals.service).toBe('ok');
      expect(lease.isValid()).toBe(true);
      expect(errors).toEqual([]);
      lease.ready(false);
      await until(() => registry.get(REQUEST.id)?.status === 'not-ready');
      await lease.drain();
      expect(registry.get(REQUEST.id)?.draining).toBe(true);
      await lease.undrain();
      await lease.deregister();
      expect(registry.get(REQUEST.id)).toBeUndefined();
      const { reader, operator } = TOKENS;
      const reading = new RegistryClient({ url, token: reader });
      await expect(reading.register(REQUEST)).rejects.toMatchObject({ status: 403 });
      await expect(new RegistryClient({ url }).route('api')).rejects.toMatchObject({ status: 401 });
      await client.register({ ...REQUEST, beat: 'none' });
      await expect(client.remove(REQUEST.id)).rejects.toMatchObject({ status: 403 });
      await new RegistryClient({ url, token: operator }).remove(REQUEST.id);
      expect(registry.size).toBe(0);
    },
  );

  it('routes, explains and reports', async () => {
    const { url, registry } = await serve();
    const client = new RegistryClient({ url });
    const lease = await client.register({ ...REQUEST, beat: 'udp' });
    open.push(lease);
    await until(() => registry.get(REQUEST.id)?.status === 'available');
    expect(await client.route('api')).toMatchObject({
      mode: 'normal',
      targets: [{ id: REQUEST.id, address: REQUEST.address }],
    });
    expect(await client.route('nobody')).toMatchObject({ mode: 'empty', targets: [] });
    expect(await client.instances('api')).toHaveLength(1);
    expect(await client.instances('nobody')).toEqual([]);
    expect(await client.instance(REQUEST.id)).toMatchObject({ instance: { id: REQUEST.id } });
    await expect(client.instance('nobody')).rejects.toMatchObject({ status: 404, code: 'unknown' });
    await client.reportFailure(REQUEST.id, { reason: 'refused', generation: lease.generation });
    await client.drain(REQUEST.id);
    expect(registry.get(REQUEST.id)?.draining).toBe(true);
    await client.undrain(REQUEST.id);
    expect(registry.get(REQUEST.id)?.draining).toBe(false);
  });

  it('fences a lease whose id another life has registered', async () => {
    const { url } = await serve();
    const client = new RegistryClient({ url });
    for (const beat of ['http', 'udp'] as const) {
      const first = await client.register({ ...REQUEST, id: beat, beat, ttl: 3000 });
      open.push(first);
      const fenced = new Promise((resolve) => first.on('fenced', resolve));
      const second = await client.register({ ...REQUEST, id: beat, beat, ttl: 3000 });
      open.push(second);
      expect(await fenced).toEqual({ generation: 1 });
      expect([first.isValid(), second.isValid(), second.generation]).toEqual([false, true, 2]);
    }
  });

  it('hears both signals of a process, and both end with the lease', async () => {
    const { url, registry } = await serve();
    const lease = await new RegistryClient({ url }).register({ ...REQUEST, beat: 'http' });
    open.push(lease);
    open.push(beatFromNode(lease));
    const signals = () => registry.get(REQUEST.id)?.signals;
    await until(() => signals()?.process === 'ok' && signals()?.service === 'ok');
    lease.close();
    await until(() => signals()?.service === 'missing' && signals()?.process === 'missing');
  });

  it('registers again at a registry that has lost its members, and the thread follows', async () => {
    const first = await serve();
    const { port } = new URL(first.url);
    const client = new RegistryClient({ url: first.url, onError: () => {} });
    const lease = await client.register({ ...REQUEST, beat: 'udp', ttl: 600 });
    open.push(lease);
    open.push(beatFromNode(lease));
    await until(() => first.registry.get(REQUEST.id)?.signals.process === 'ok');
    const udpPort = first.udpPort ?? 0;
    await first.close();
    const lost = new Promise((resolve) => lease.on('lost', resolve));
    const second = await serve({ port: Number(port), udpPort });
    await lost;
    await until(() => second.registry.get(REQUEST.id)?.signals.process === 'ok');
    await until(() => second.registry.get(REQUEST.id)?.signals.service === 'ok');
    expect(lease.isValid()).toBe(true);
  });

  it('comes back by datagrams at once at a registry that has lost members and key', async () => {
    const first = await serve();
    const { port } = new URL(first.url);
    const client = new RegistryClient({ url: first.url, onError: () => {} });
    // Without a word of the registry it would ask by HTTP after a third of this only.
    const lease = await client.register({ ...REQUEST, beat: 'udp', ttl: 600_000 });
    open.push(lease);
    await until(() => first.registry.get(REQUEST.id)?.status === 'available');
    await lease.drain();
    const udpPort = first.udpPort ?? 0;
    await first.close();
    const second = await serve({ port: Number(port), udpPort });
    await until(() => second.registry.get(REQUEST.id)?.draining === true);
    await until(() => second.registry.get(REQUEST.id)?.status === 'available');
    expect(lease.isValid()).toBe(true);
  });

  it('never ends whoever has its id by now, when its own secret is of another key', async () => {
    const first = await serve();
    const client = new RegistryClient({ url: first.url, onError: () => {} });
    const lease = await client.register({ ...REQUEST, beat: 'none' });
    open.push(lease);
    const { port } = new URL(first.url);
    await first.close();
    const second = await serve({ port: Number(port) });
    const successor = await new RegistryClient({ url: second.url }).register(REQUEST);
    open.push(successor);
    await until(() => second.registry.get(REQUEST.id)?.status === 'available');
    const refused = new Promise((resolve) => lease.on('error', resolve));
    await expect(lease.renew()).rejects.toMatchObject({ code: 'wrong-secret' });
    expect(await refused).toMatchObject({ event: 'register', error: { code: 'id-in-use' } });
    expect([lease.isValid(), successor.isValid(), successor.generation]).toEqual([false, true, 1]);
    await successor.deregister();
    await until(() => lease.isValid());
  });

  it('of an id that another client took over and left does not come back as a ghost', async () => {
    const { url, registry } = await serve();
    const first = await new RegistryClient({ url }).register({ ...REQUEST, beat: 'none' });
    open.push(first);
    const second = await new RegistryClient({ url }).register({ ...REQUEST, beat: 'none' });
    await second.deregister();
    await expect(first.renew()).rejects.toMatchObject({ status: 409, code: 'stale-generation' });
    expect(first.ended.aborted).toBe(true);
    expect(registry.size).toBe(0);
  });

  it('watches over a restart of the registry: a snapshot, each change once, a snapshot', async () => {
    const first = await serve();
    const { port } = new URL(first.url);
    const failures: unknown[] = [];
    const client = new RegistryClient({
      url: first.url,
      random: () => 0.1,
      onError: (error) => failures.push(error),
    });
    const stop = new AbortController();
    const events: WatchEvent[] = [];
    const watching = (async () => {
      for await (const event of client.watch('api', { signal: stop.signal })) events.push(event);
    })();
    await until(() => events.length === 1);
    first.registry.register({ id: 'x', service: 'api', address: 'x:1' });
    first.registry.register({ id: 'y', service: 'other', address: 'y:1' });
    first.registry.drain('x');
    await until(() => events.length === 3);
    await first.close();
    const second = await serve({ port: Number(port) });
    await until(() => events.length === 4);
    second.registry.register({ id: 'z', service: 'api', address: 'z:1' });
    await until(() => events.length === 5);
    expect(events.map((event) => (event.type === 'change' ? event.kind : event.type))).toEqual([
      'snapshot',
      'registered',
      'draining',
      'snapshot',
      'registered',
    ]);
    stop.abort();
    await watching;
  });
});
