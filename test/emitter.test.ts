/** A detector as an EventEmitter: the whole interface, Node's helpers on it, and what it adds. */
import { getEventListeners, type EventEmitter as NodeEmitter, on, once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { EventEmitter } from 'eventemitter3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Producer } from '../src/health/deep.js';
import { createHealth } from '../src/health/health.js';
import { FailureDetector } from '../src/index.js';
import { Registry } from '../src/registry/registry.js';

function world() {
  let now = 0;
  const detector = new FailureDetector({ clock: () => now, timers: false });
  /** Makes a peer suspect. */
  const suspect = (id: string) => {
    detector.watch(id);
    now += 1e6;
    detector.advance();
  };
  return { detector, suspect };
}

/** What Node's types ask for beyond what its helpers use. */
const asNode = (detector: object) => detector as unknown as NodeEmitter;

const printed = () => vi.spyOn(console, 'error').mockImplementation(() => {});
afterEach(() => vi.restoreAllMocks());

describe('A detector is an EventEmitter', () => {
  it('of eventemitter3, with each of its methods', () => {
    const { detector, suspect } = world();
    expect(detector).toBeInstanceOf(EventEmitter);
    const heard: string[] = [];
    const each = ({ peer }: { peer: string }) => heard.push(`on ${peer}`);
    const next = ({ peer }: { peer: string }) => heard.push(`once ${peer}`);
    expect(detector.on('suspect', each)).toBe(detector);
    expect(detector.addListener('suspect', each)).toBe(detector);
    expect(detector.once('suspect', next)).toBe(detector);
    expect(detector.listeners('suspect')).toEqual([each, each, next]);
    expect(detector.listenerCount('suspect')).toBe(3);
    expect(detector.eventNames()).toEqual(['suspect']);
    suspect('a');
    expect(heard).toEqual(['on a', 'on a', 'once a']);
    expect(detector.listeners('suspect')).toEqual([each, each]);
    expect(detector.removeListener('suspect', each)).toBe(detector);
    expect([detector.listenerCount('suspect'), detector.eventNames()]).toEqual([0, []]);
    detector.on('suspect', each).on('level', each).on('late', each);
    expect(detector.off('suspect')).toBe(detector);
    expect(detector.removeAllListeners('level')).toBe(detector);
    expect(detector.eventNames()).toEqual(['late']);
    expect(detector.removeAllListeners()).toBe(detector);
    expect(detector.eventNames()).toEqual([]);
    suspect('b');
    expect(heard).toHaveLength(3);
  });

  it('whose listeners are called on the emitter, or on the context that they were given', () => {
    const { detector, suspect } = world();
    const contexts: unknown[] = [];
    const listener = function (this: unknown) {
      contexts.push(this);
    };
    class Context {
      readonly signal = AbortSignal.abort(); // an object of a class is a context, whatever it has
    }
    const context = new Context();
    const empty = {};
    detector
      .on('suspect', listener)
      .on('suspect', listener, context)
      .on('suspect', listener, empty)
      .once('suspect', listener, { signal: new AbortController().signal, context });
    suspect('a');
    expect(contexts).toEqual([detector, context, empty, context]);
    detector.off('suspect', listener, empty);
    expect(detector.listenerCount('suspect')).toBe(2);
    detector.once('suspect', listener);
    detector.off('suspect', listener, undefined, true);
    expect(detector.listenerCount('suspect')).toBe(2);
    detector.off('suspect', listener, { context });
    detector.off('suspect', listener, detector);
    expect(detector.listenerCount('suspect')).toBe(0);
  });

  it('that refuses a listener that is none, and a signal that is none', () => {
    const { detector } = world();
    expect(() => detector.on('suspect', undefined as never)).toThrow(
      'listener: expected a function, got undefined',
    );
    expect(() => detector.on('suspect', () => {}, { signal: 1 })).toThrow(
      'signal: expected an AbortSignal, got 1',
    );
    expect(detector.eventNames()).toEqual([]);
  });

  it('that emits what it is told to after the present event', () => {
    const { detector, suspect } = world();
    const heard: unknown[] = [];
    const stall = { at: 1, duration: 2 };
    detector.on('suspect', () => heard.push(detector.emit('stall', stall)));
    detector.on('suspect', ({ peer }) => heard.push(peer));
    detector.on('stall', (payload) => heard.push(payload));
    suspect('a');
    expect(heard).toEqual([true, 'a', stall]);
    expect(detector.emit('late', undefined as never)).toBe(false);
  });
});

describe("Node's helpers on a detector", () => {
  it('iterate over an event, and leave no listener when the loop is left early', async () => {
    const { detector, suspect } = world();
    const iterator = on(asNode(detector), 'suspect');
    suspect('a');
    suspect('b');
    const heard: string[] = [];
    for await (const [{ peer }] of iterator) {
      heard.push(peer);
      if (heard.length === 2) break;
    }
    expect(heard).toEqual(['a', 'b']);
    expect(detector.eventNames()).toEqual([]);
  });

  it('iterate until their signal is aborted', async () => {
    const { detector, suspect } = world();
    const stop = new AbortController();
    const heard: string[] = [];
    const iterator = on(asNode(detector), 'suspect', { signal: stop.signal });
    const loop = (async () => {
      for await (const [{ peer }] of iterator) heard.push(peer);
    })();
    suspect('a');
    await turn();
    stop.abort();
    await expect(loop).rejects.toMatchObject({ name: 'AbortError' });
    expect([heard, detector.eventNames()]).toEqual([['a'], []]);
  });

  it('wait for one event, and leave no listener of errors behind', async () => {
    const print = printed();
    const { detector, suspect } = world();
    const waiting = once(asNode(detector), 'suspect');
    suspect('a');
    expect(await waiting).toMatchObject([{ peer: 'a' }]);
    expect(detector.eventNames()).toEqual([]);
    detector.on('suspect', () => {
      throw new Error('bug');
    });
    suspect('b');
    expect(print).toHaveBeenCalledTimes(1); // nobody listens for errors, so it is printed
  });

  it('stop waiting for an event at an error, and when their signal is aborted', async () => {
    const { detector, suspect } = world();
    const bug = new Error('bug');
    const failing = once(asNode(detector), 'available');
    detector.once('suspect', () => {
      throw bug;
    });
    suspect('a');
    await expect(failing).rejects.toEqual({ error: bug, event: 'suspect' });
    const stop = new AbortController();
    const aborted = once(asNode(detector), 'available', { signal: stop.signal });
    stop.abort();
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    expect(detector.eventNames()).toEqual([]);
  });

  it('see its listeners', () => {
    const { detector } = world();
    const listener = () => {};
    detector.on('suspect', listener);
    expect(getEventListeners(asNode(detector), 'suspect')).toEqual([listener]);
  });
});

describe('A listener whose promise is rejected', () => {
  it('is an error event, and the listeners after it are called at once', async () => {
    const { detector, suspect } = world();
    const bug = new Error('bug');
    const heard: unknown[] = [];
    detector.on('error', (error) => heard.push(error));
    detector.on('suspect', async () => {
      await turn();
      throw bug;
    });
    detector.once('suspect', () => Promise.reject(bug));
    detector.on('suspect', ({ peer }) => heard.push(peer));
    suspect('a');
    expect(heard).toEqual(['a']);
    await turn();
    await turn();
    expect(heard).toEqual([
      'a',
      { error: bug, event: 'suspect' },
      { error: bug, event: 'suspect' },
    ]);
  });

  it('is printed where nobody listens for errors, as is one of an error listener', async () => {
    const print = printed();
    const { detector, suspect } = world();
    detector.on('suspect', async () => {
      throw new Error('bug');
    });
    suspect('a');
    await turn();
    expect(print).toHaveBeenCalledTimes(1);
    detector.on('error', async () => {
      throw new Error('bug in the error listener');
    });
    suspect('b');
    await turn();
    expect(print).toHaveBeenCalledTimes(2);
  });

  it('may return any thenable, or something that pretends to be one', async () => {
    const { detector, suspect } = world();
    const heard: unknown[] = [];
    detector.on('error', ({ error }) => heard.push(error));
    const withThen = (descriptor: PropertyDescriptor) =>
      detector.on('suspect', () => Object.defineProperty({}, 'then', descriptor));
    withThen({ value: (_: unknown, no: (error: unknown) => void) => no(1) });
    withThen({ value: 2 });
    withThen({
      get() {
        throw 3;
      },
    });
    suspect('a');
    await turn();
    expect(heard.sort()).toEqual([1, 3]);
  });

  it('is an error event of a registry, a health object and a producer too', async () => {
    const bug = new Error('bug');
    const errors: string[] = [];
    const fail = async () => {
      throw bug;
    };
    const registry = new Registry();
    registry.on('error', ({ event }) => errors.push(event));
    registry.on('change', fail);
    registry.register({ id: 'a', service: 's', address: '127.0.0.1:1' });
    const health = createHealth({ sink: fail });
    health.on('error', ({ event }) => errors.push(event));
    health.on('ready', fail);
    health.add('readyz', 'x', () => true);
    await health.probe('readyz');
    const producer = new Producer();
    const made = new Promise((resolve) => producer.once('run', resolve));
    producer.on('error', ({ event }) => errors.push(event));
    producer.on('state', fail);
    producer.deepCheck(() => ({ ok: true }), { interval: 1000 });
    await made;
    await turn();
    registry.close();
    health.close();
    producer.close();
    expect(errors.sort()).toEqual(['change', 'ready', 'result', 'state']);
  });
});
