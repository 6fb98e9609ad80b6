import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { platform } from '../../src/core/host.js';
import type { InstanceView } from '../../src/registry/instance.js';
import { Registry } from '../../src/registry/registry.js';
import { EventStreams } from '../../src/registry/service/event-streams.js';
import { Loop } from '../support/loop.js';
import { request, start, TOKENS, web } from '../support/service.js';

const EPOCH = '0123456789abcdef';

interface Message {
  readonly id: string | undefined;
  readonly event: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the service says
  readonly data: any;
}

/** Reads a body of server-sent events as far as it is asked to. */
class Reader {
  readonly messages: Message[] = [];
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  readonly #parser = createParser({
    onEvent: ({ id, event, data }) => this.messages.push({ id, event, data: JSON.parse(data) }),
  });
  text = '';
  ended = false;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  /** One chunk. */
  async read(): Promise<void> {
    const { done, value } = await this.#reader.read();
    if (done) this.ended = true;
    else {
      const text = this.#decoder.decode(value, { stream: true });
      this.text += text;
      this.#parser.feed(text);
    }
  }

  async readUntil(event: string): Promise<Message> {
    while (!this.ended && this.messages.at(-1)?.event !== event) await this.read();
    return this.messages.at(-1) as Message;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** Bytes. */
const PART = 65_536;

/** ms since 1970. */
const WALL = 1_800_000_000_000;

function world({ most = 10, history }: { most?: number; history?: number } = {}) {
  const loop = new Loop();
  const registry = new Registry({ clock: loop, wall: () => 0, ...(history && { history }) });
  const host = {
    ...platform,
    now: loop.now,
    setTimeout: loop.setTimeout,
    clearTimeout: loop.clearTimeout,
  };
  const streams = new EventStreams({
    registry,
    epoch: EPOCH,
    most,
    partBytes: PART,
    host,
    wall: () => WALL,
  });
  open.push(() => {
    streams.close();
    registry.close();
  });
  const reader = (options: Parameters<EventStreams['open']>[0] = {}) =>
    new Reader(streams.open(options).body);
  return { loop, registry, streams, reader };
}

describe('events', () => {
  it('begin with a snapshot, and then tell each change', async () => {
    const { registry, reader } = world();
    registry.register(web('a'));
    const stream = reader();
    expect(await stream.readUntil('snapshot')).toMatchObject({
      id: `${EPOCH}-1`,
      data: { revision: 1, instances: [{ id: 'a', status: 'starting' }] },
    });
    registry.heartbeat('a', { generation: 1 });
    expect(await stream.readUntil('change')).toMatchObject({
      id: `${EPOCH}-2`,
      data: { revision: 2, kind: 'status', instance: { id: 'a', status: 'available' } },
    });
  });

  it('are those of a service, if one is asked for', async () => {
    const { registry, reader } = world();
    const stream = reader({ service: 'web' });
    await stream.readUntil('snapshot');
    registry.register(web('x', { service: 'other' }));
    registry.register(web('a'));
    expect((await stream.readUntil('change')).data.instance.id).toBe('a');
    expect(stream.messages).toHaveLength(2);
  });

  it('resume after the last id, and begin anew after a restart', async () => {
    const { registry, reader } = world();
    registry.register(web('a'));
    registry.register(web('b'));
    const same = reader({ lastEventId: `${EPOCH}-1` });
    expect((await same.readUntil('change')).data).toMatchObject({ revision: 2 });
    for (const lastEventId of ['fedcba9876543210-1', `${EPOCH}-99`, `${EPOCH}-`, 'x', '']) {
      const anew = reader({ lastEventId });
      await anew.read();
      expect(anew.messages.map(({ event }) => event)).toEqual(['snapshot']);
    }
  });

  it('give any reader, however slow, and however it reconnects, what there is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({
              act: fc.constantFrom('register', 'beat', 'drain', 'leave'),
              id: fc.nat(4),
            }),
            fc.constantFrom({ act: 'read' }, { act: 'reconnect' }),
          ),
          { maxLength: 60 },
        ),
        async (acts) => {
          const { registry, streams, reader } = world({ most: 1, history: 5 });
          const views = new Map<string, InstanceView>();
          let stream = reader();
          let lastEventId: string | undefined;
          let revision = -1;
          const take = () => {
            for (const { id, event, data } of stream.messages.splice(0)) {
              lastEventId = id;
              if (event === 'snapshot') {
                views.clear();
                for (const each of data.instances) views.set(each.id, each);
              } else {
                expect(data.revision).toBe(revision + 1); // no gap, and none twice
                const { kind, instance } = data;
                if (kind === 'deregistered' || kind === 'removed') views.delete(instance.id);
                else views.set(instance.id, instance);
              }
              revision = data.revision;
            }
          };
          for (const { act, id = 0 } of acts as { act: string; id?: number }[]) {
            const name = `i${id}`;
            const generation = registry.get(name)?.generation ?? 1;
            if (act === 'register') registry.register(web(name));
            else if (act === 'beat') registry.heartbeat(name, { generation });
            else if (act === 'drain') registry.drain(name);
            else if (act === 'leave') registry.deregister(name);
            else if (act === 'read' && revision < registry.revision) {
              await stream.read();
              take();
            } else if (act === 'reconnect') {
              await stream.cancel();
              stream = reader({ lastEventId });
            }
          }
          while (revision < registry.revision) {
            await stream.read();
            take();
          }
          const byId = (a: InstanceView, b: InstanceView) => (a.id < b.id ? -1 : 1);
          const plain = JSON.parse(JSON.stringify(registry.instances().sort(byId)));
          expect([...views.values()].sort(byId)).toEqual(plain);
          streams.close();
          registry.close();
        },
      ),
      { numRuns: 200 },
    );
  });

  it('have a frame each second, with the peak of φ before a heartbeat', async () => {
    const { loop, registry, reader, streams } = world();
    registry.register(web('a', { heartbeatInterval: 1000 }));
    const beat = () => {
      streams.note('a');
      registry.heartbeat('a', { generation: 1 });
    };
    beat();
    for (let i = 0; i < 10; i++) {
      loop.runUntil(loop.now() + 1000);
      beat();
    }
    const stream = reader({ frames: true });
    await stream.readUntil('snapshot');
    loop.runUntil(loop.now() + 1800);
    const late = registry.detectors.service.phi('a') as number;
    expect(late).toBeGreaterThan(0.5);
    beat();
    loop.runUntil(loop.now() + 250);
    const { data } = await stream.readUntil('frame');
    expect(data.wall).toBe(WALL);
    expect(stream.text).toMatch(/\n\nevent: frame\n/); // no id: a reader resumes at a change
    const [name, phi, peak, silence, mean, stdDev, suspectIn, weight] = data.rows[0];
    expect(name).toBe('a');
    expect(peak).toBeGreaterThanOrEqual(Math.round(late * 1000) / 1000);
    expect(phi).toBeLessThan(peak);
    expect(silence).toBeLessThanOrEqual(1000);
    expect(mean).toBeGreaterThan(900);
    expect(stdDev).toBeGreaterThan(0);
    expect(suspectIn).toBeGreaterThan(0);
    expect(weight).toBeGreaterThan(0);
  });

  it('tell the edges of protection', async () => {
    const { loop, registry, reader } = world();
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']) {
      registry.register(web(id));
      for (let n = 0; n < 2; n++) registry.heartbeat(id, { generation: 1 });
    }
    const stream = reader();
    await stream.readUntil('snapshot');
    const next = stream.readUntil('protection');
    for (let at = 500; at <= 60_000; at += 500) {
      loop.runUntil(at); // all of them are silent
      await new Promise(setImmediate);
    }
    expect((await next).data).toMatchObject({ active: true });
  });

  it('cut off who does not read, and hold nothing for them meanwhile', async () => {
    const { loop, registry, streams } = world();
    let cut = 0;
    streams.open({ cut: () => cut++ });
    registry.register(web('a'));
    await vi.waitUntil(() => registry.stats.watchers === 1);
    await Promise.resolve();
    for (let i = 0; i < 5000; i++) {
      registry.drain('a');
      registry.undrain('a');
    }
    loop.runUntil(9000);
    expect([cut, streams.size]).toEqual([0, 1]);
    loop.runUntil(13_000);
    expect([cut, streams.size, streams.cutOff, registry.stats.watchers]).toEqual([1, 0, 1, 0]);
  });

  it('say now and then that they are alive', async () => {
    const { loop, reader } = world();
    const stream = reader();
    await stream.readUntil('snapshot');
    const next = stream.read();
    loop.runUntil(20_000);
    await next;
    expect(stream.text).toMatch(/: alive\n\n$/);
  });

  it('have so many readers and no more, and none that are gone', async () => {
    const { registry, streams, reader } = world({ most: 2 });
    const first = reader();
    reader();
    expect(() => reader()).toThrow('there are 2 readers of events already');
    await first.cancel();
    expect([streams.size, registry.stats.watchers]).toEqual([1, 1]);
    reader();
    streams.close();
    expect([streams.size, registry.stats.watchers]).toEqual([0, 0]);
    expect(() => reader()).toThrow('the registry ends');
  });
});

describe('readers that do not read', () => {
  const BIG = {
    meta: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`, 'é'.repeat(900)])),
  };

  it('hold a part of a snapshot each, which they share, and not the whole', async () => {
    const { registry, streams } = world({ most: 60 });
    for (let i = 0; i < 200; i++) registry.register(web(`i${i}`, BIG));
    const whole = JSON.stringify(registry.instances()).length;
    const held = new Set<ArrayBufferLike>();
    let bytes = 0;
    for (let i = 0; i < 60; i++) {
      const reader = streams.open({}).body.getReader();
      for (let part = 0; part < 3; part++) {
        const { value } = await reader.read();
        expect(value?.length).toBeLessThanOrEqual(PART);
        if (value && !held.has(value.buffer)) bytes += value.buffer.byteLength;
        if (value) held.add(value.buffer);
      }
    }
    expect(whole).toBeGreaterThan(5_000_000);
    expect(bytes).toBeLessThan(5 * PART);
  });

  it('are cut off in the middle of a snapshot, and in the middle of a frame', async () => {
    const { loop, registry, streams } = world();
    for (let i = 0; i < 20; i++) registry.register(web(`i${i}`, BIG));
    let cut = 0;
    const slow = streams.open({ cut: () => cut++ }).body.getReader();
    await slow.read();
    loop.runUntil(loop.now() + 5000);
    await slow.read(); // it has a part now and then: that is reading
    loop.runUntil(loop.now() + 9000);
    expect([cut, streams.size]).toEqual([0, 1]);
    loop.runUntil(loop.now() + 3000);
    expect([cut, streams.size]).toEqual([1, 0]);
  });

  it('are given parts that make the same events, whatever the size of a part', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 600 }),
        async (texts, size) => {
          const registry = new Registry({ clock: new Loop(), wall: () => 0 });
          const host = { ...platform, now: () => 0, setTimeout: () => 0, clearTimeout: () => {} };
          const options = { epoch: EPOCH, most: 2, partBytes: size, wall: () => WALL };
          const streams = new EventStreams({ ...options, registry, host });
          const clean = texts.map((text) => text.replace(/[^\p{L}\p{N}]/gu, ''));
          clean.forEach((text, i) => {
            registry.register(web(`i${i}`, { meta: { text } }));
          });
          for (let again = 0; again < 2; again++) {
            const stream = new Reader(streams.open({}).body);
            const { data } = await stream.readUntil('snapshot');
            expect(data).toEqual({
              revision: clean.length,
              instances: JSON.parse(JSON.stringify(registry.instances())),
            });
            await stream.cancel();
          }
          const stream = new Reader(streams.open({ lastEventId: `${EPOCH}-0` }).body);
          for (let i = 0; i < clean.length; i++) {
            stream.messages.length = 0;
            const { data } = await stream.readUntil('change');
            expect([data.revision, data.instance.meta.text]).toEqual([i + 1, clean[i]]);
          }
          streams.close();
          registry.close();
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('places of readers', () => {
  it('are kept for operators when all others are taken', () => {
    const { streams } = world({ most: 3 });
    for (let i = 0; i < 3; i++) streams.open({ asker: 'reader' });
    expect(() => streams.open({ asker: 'reader' })).toThrow('there are 3 readers');
    for (let i = 0; i < 2; i++) streams.open({ asker: 'operator', privileged: true });
    expect(streams.size).toBe(5);
    // There is an end to that as well.
    const more = () => streams.open({ asker: 'operator', privileged: true });
    expect(() => Array.from({ length: 20 }, more)).toThrow('there are 3 readers');
  });

  it('that one asker has taken are given up to others, until all have as many', () => {
    const { streams } = world({ most: 4 });
    const cut: string[] = [];
    const open = (asker: string, name = asker) =>
      streams.open({ asker, cut: () => cut.push(name) });
    for (let i = 1; i <= 4; i++) open('a', `a${i}`);
    open('b', 'b1');
    expect(cut).toEqual(['a4']);
    open('b', 'b2');
    expect(cut).toEqual(['a4', 'a3']);
    expect(() => open('b')).toThrow('there are 4 readers');
    expect(() => open('a')).toThrow('there are 4 readers');
    expect([streams.size, streams.cutOff]).toEqual([4, 2]);
  });

  it('are told apart by token, and kept for operators, over HTTP', async () => {
    const readers = ['first-reader-0123456789', 'second-reader-0123456789'];
    const service = await start({ maxStreams: 2, tokens: { ...TOKENS, reader: readers } });
    const status = async (token: string) =>
      (await service.fetch(request('/events', { token }))).status;
    expect([await status(readers[0]), await status(readers[0])]).toEqual([200, 200]);
    expect(await status(readers[0])).toBe(503);
    expect(await status(TOKENS.operator)).toBe(200);
    expect(await status(readers[1])).toBe(200); // one of the first reader's two
    expect(await status(readers[1])).toBe(503);
  });

  it('are kept for the page where nobody needs a token', async () => {
    const service = await start({ maxStreams: 2 });
    const status = async (query: string) =>
      (await service.fetch(request(`/events${query}`))).status;
    expect([await status(''), await status(''), await status('')]).toEqual([200, 200, 503]);
    expect(await status('?frames=1')).toBe(200);
  });
});

describe('GET /events', () => {
  it('is a stream that no proxy holds back', async () => {
    const service = await start();
    service.registry.register(web('a'));
    const response = await service.fetch(request('/events?service=web&frames=1'));
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store, no-transform');
    const stream = new Reader(response.body as ReadableStream<Uint8Array>);
    const { id, data } = await stream.readUntil('snapshot');
    expect(id).toBe(`${service.epoch}-1`);
    expect(data.instances).toHaveLength(1);
    await stream.cancel();
    const resumed = await service.fetch(
      request('/events', { headers: { 'last-event-id': `${service.epoch}-0` } }),
    );
    const again = new Reader(resumed.body as ReadableStream<Uint8Array>);
    expect((await again.readUntil('change')).data.kind).toBe('registered');
    await again.cancel();
  });
  it('by HEAD takes nobody the place', async () => {
    const service = await start({ maxStreams: 1 });
    for (let i = 0; i < 3; i++) {
      const { status, headers } = await service.fetch(request('/events', { method: 'HEAD' }));
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    }
    const response = await service.fetch(request('/events'));
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });
});
