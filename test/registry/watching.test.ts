/** A snapshot, then every change once, however slow the consumer is. */
import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change, InstanceView, WatchEvent } from '../../src/registry/index.js';
import { act, anyAction, registryOn } from './world.js';

/** What a consumer makes of what it is told; fails at a gap, at a repetition and at disorder. */
class View {
  readonly instances = new Map<string, InstanceView>();
  snapshots = 0;
  revision = -1;

  take(event: WatchEvent): void {
    expect(event.revision).toBeGreaterThan(this.revision - (event.type === 'snapshot' ? 1 : 0));
    this.revision = event.revision;
    if (event.type === 'snapshot') {
      this.snapshots++;
      this.instances.clear();
      for (const each of event.instances) this.instances.set(each.id, each);
    } else if (event.kind === 'deregistered' || event.kind === 'removed') {
      expect(this.instances.delete(event.instance.id)).toBe(true);
    } else this.instances.set(event.instance.id, event.instance);
  }
}

const byId = (a: InstanceView, b: InstanceView) => (a.id < b.id ? -1 : 1);

const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

/** Reads when it is told to; what it waits for then comes with a later change. */
class Consumer {
  readonly view = new View();
  readonly #watch: AsyncIterableIterator<WatchEvent>;
  #waits = false;

  constructor(watch: AsyncIterableIterator<WatchEvent>) {
    this.#watch = watch;
  }

  async read(most: number): Promise<void> {
    for (let n = 0; n < most && !this.#waits; n++) {
      this.#waits = true;
      this.#watch.next().then(({ done, value }) => {
        if (!done) this.view.take(value);
        this.#waits = false;
      });
      await settle();
    }
  }
}

describe('watching', () => {
  it('gives every consumer the view of the registry, gap-free and without repetition', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyAction, { maxLength: 80 }),
        fc.constantFrom(2, 5, 10_000),
        fc.constantFrom(undefined, 'x'),
        fc.constantFrom(undefined, 1, 3),
        async (steps, history, service, limit) => {
          const { loop, registry } = registryOn({ history });
          const changes: Change[] = [];
          registry.on('change', (change) => changes.push(change));
          const options = limit === undefined ? {} : { limit };
          const consumer = new Consumer(registry.watch(service, options));
          const { view } = consumer;
          for (const step of steps) {
            loop.runUntil(loop.now() + step.wait);
            act(registry, loop, step);
            if (step.do === 'read') await consumer.read(Infinity);
            if (step.do === 'read one') await consumer.read(1);
            await settle();
          }
          await consumer.read(Infinity);
          expect(view.revision).toBeGreaterThan(-1);
          expect([...view.instances.values()].sort(byId)).toEqual(
            registry.instances(service).sort(byId),
          );
          expect(changes.map(({ revision }) => revision)).toEqual(changes.map((_, i) => i + 1));
          if (history === 10_000 && limit === undefined) expect(view.snapshots).toBe(1);
          registry.close();
        },
      ),
      { numRuns: 200 },
    );
  });

  it('tells a waiting consumer at once, and only of its service', async () => {
    const { registry } = registryOn();
    const seen: WatchEvent[] = [];
    const done = (async () => {
      for await (const event of registry.watch('x')) seen.push(event);
    })();
    await Promise.resolve();
    registry.register({ id: 'b', service: 'y', address: 'z' });
    registry.register({ id: 'a', service: 'x', address: 'z' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toMatchObject([
      { type: 'snapshot', revision: 0, instances: [] },
      { type: 'change', revision: 2, kind: 'registered', instance: { id: 'a' } },
    ]);
    registry.close();
    await done;
  });

  it('resumes after a revision that is still known, else begins with a snapshot', async () => {
    const { registry } = registryOn({ history: 3 });
    for (let i = 0; i < 5; i++) registry.register({ id: `${i}`, service: 'x', address: 'z' });
    const first = async (after: number) => (await registry.watch('x', { after }).next()).value;
    expect(await first(1)).toMatchObject({ type: 'snapshot', revision: 5 });
    expect(await first(2)).toMatchObject({ type: 'change', revision: 3 });
    expect(await first(4)).toMatchObject({ type: 'change', revision: 5 });
    expect(await first(6)).toMatchObject({ type: 'snapshot', revision: 5 }); // of another life
    const live = registry.watch('x', { after: 5 });
    const next = live.next();
    registry.drain('0');
    expect((await next).value).toMatchObject({ type: 'change', revision: 6, kind: 'draining' });
  });

  it('gives a snapshot to who is farther behind than its limit', async () => {
    const { registry } = registryOn();
    const watch = registry.watch(undefined, { limit: 2 });
    expect((await watch.next()).value).toMatchObject({ type: 'snapshot', revision: 0 });
    for (const id of ['a', 'b']) registry.register({ id, service: 'x', address: 'z' });
    expect((await watch.next()).value).toMatchObject({ type: 'change', revision: 1 });
    for (const id of ['c', 'd']) registry.register({ id, service: 'x', address: 'z' });
    expect((await watch.next()).value).toMatchObject({ type: 'snapshot', revision: 4 });
  });

  it('of a quiet service does not fall behind by the changes of others', async () => {
    const { registry } = registryOn({ history: 3 });
    const watch = registry.watch('x');
    expect((await watch.next()).value).toMatchObject({ type: 'snapshot', revision: 0 });
    for (let i = 0; i < 50; i++) registry.register({ id: 'b', service: 'y', address: 'z' });
    registry.register({ id: 'a', service: 'x', address: 'z' });
    expect((await watch.next()).value).toMatchObject({ type: 'change', revision: 51 });
  });

  it('ends with its signal, with return, and with the registry, and leaves nothing behind', async () => {
    const { registry } = registryOn();
    const { signal, abort } = (() => {
      const controller = new AbortController();
      return { signal: controller.signal, abort: () => controller.abort() };
    })();
    const aborted = registry.watch(undefined, { signal });
    await aborted.next();
    const waiting = [aborted.next(), aborted.next()];
    abort();
    expect(await Promise.all(waiting)).toEqual(Array(2).fill({ done: true, value: undefined }));
    expect((await registry.watch('x', { signal }).next()).done).toBe(true);
    for await (const { type } of registry.watch()) {
      expect(type).toBe('snapshot');
      break;
    }
    expect(registry.stats.watchers).toBe(0);
    const last = registry.watch();
    registry.close();
    expect((await last.next()).done).toBe(true);
    expect((await registry.watch().next()).done).toBe(true);
  });

  it('puts one listener on a signal, however many it ends, and takes it away with the last', async () => {
    const { registry } = registryOn();
    const controller = new AbortController();
    const { signal } = controller;
    const listening = () => getEventListeners(signal, 'abort').length;
    const watchers = Array.from({ length: 20 }, () => registry.watch('s', { signal }));
    expect(listening()).toBe(1);
    for (const each of watchers.slice(1)) await each.return?.();
    expect([listening(), registry.stats.watchers]).toEqual([1, 1]);
    await watchers[0].return?.();
    expect([listening(), registry.stats.watchers]).toEqual([0, 0]);
    const again = [1, 2, 3].map(() => registry.watch(undefined, { signal }));
    await Promise.all(again.map((each) => each.next()));
    const waiting = again.map((each) => each.next());
    controller.abort();
    expect((await Promise.all(waiting)).every(({ done }) => done)).toBe(true);
    expect([listening(), registry.stats.watchers]).toEqual([0, 0]);
  });

  it('refuses options that are none', () => {
    const { registry } = registryOn();
    expect(() => registry.watch('x', { after: -1 })).toThrow(RangeError);
    expect(() => registry.watch('x', { limit: 0 })).toThrow(RangeError);
    expect(() => registry.watch('x', { from: 1 } as never)).toThrow(/unknown option "from"/);
    for (const service of [{ signal: new AbortController().signal }, null, 1]) {
      expect(() => registry.watch(service as never)).toThrow(/^service/);
    }
    expect(registry.stats.watchers).toBe(0);
  });
});
