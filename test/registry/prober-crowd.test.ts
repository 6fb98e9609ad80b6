/** However many instances register at one address, it is polled no oftener than for a few. */

import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { platform } from '../../src/core/host.js';
import { Prober, Registry } from '../../src/registry/index.js';
import { HostTurns, SharedPolls } from '../../src/registry/probe/crowd.js';
import { Loop } from '../support/loop.js';
import { web } from '../support/service.js';

const closed: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of closed.splice(0)) await each.close();
});

/** A port that counts who connects. */
async function target(host = '127.0.0.1') {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on('error', () => {}).end();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  closed.push({ close: () => new Promise((resolve) => server.close(resolve)) });
  const { port } = server.address() as AddressInfo;
  return { port, connections: () => connections };
}

describe('many instances at one host and port', () => {
  it('share their polls, and each has its answer', async () => {
    const { port, connections } = await target();
    const registry = new Registry();
    const prober = new Prober(registry, { kind: 'tcp', interval: 60_000, timeout: 20_000 });
    closed.push(prober, registry);
    for (let i = 0; i < 60; i++) registry.register(web(`i${i}`, { address: `127.0.0.1:${port}` }));
    await vi.waitUntil(() => prober.stats.answered === 60, { timeout: 30_000 });
    expect([prober.limited.shared, connections()]).toEqual([59, 1]);
    expect(registry.instances().every(({ signals }) => signals.process === 'ok')).toBe(true);
  });

  it('are not thought dead because one of them, which asked for all, is gone', async () => {
    const controller = new AbortController();
    const polls = new SharedPolls(() => 0, 10);
    const ask = () =>
      new Promise<true>((_, reject) => {
        controller.signal.addEventListener('abort', () => reject(controller.signal.reason));
      });
    const first = polls.ask('t', controller.signal, ask);
    const second = polls.ask('t', new AbortController().signal, ask);
    controller.abort(new Error('no longer checked'));
    await expect(first).rejects.toThrow('no longer checked');
    await expect(second).rejects.toMatchObject({ name: 'NotRun' });
    expect(polls.has('t')).toBe(false);
    expect(await polls.ask('t', new AbortController().signal, async () => true)).toBe(true);
  });

  it('share failures as well, for half a round and no longer', async () => {
    let now = 0;
    let asked = 0;
    const polls = new SharedPolls(() => now, 500);
    const { signal } = new AbortController();
    const ask = () =>
      polls.ask('t', signal, async () => {
        asked++;
        throw new Error('refused');
      });
    for (let i = 0; i < 5; i++) await expect(ask()).rejects.toThrow('refused');
    expect([asked, polls.shared]).toEqual([1, 4]);
    now = 500;
    await expect(ask()).rejects.toThrow('refused');
    expect(asked).toBe(2);
  });
});

describe('many instances at one host', () => {
  const host = (loop: Loop) => ({
    ...platform,
    now: loop.now,
    setTimeout: loop.setTimeout,
    clearTimeout: loop.clearTimeout,
  });

  it('are polled so often a second and no oftener, in their order, whatever their ports', () => {
    const loop = new Loop();
    const turns = new HostTurns(10, host(loop));
    const entered: number[] = [];
    for (let i = 0; i < 45; i++)
      turns.take(
        'h',
        () => entered.push(i),
        () => false,
      );
    let other = 0;
    turns.take(
      'other',
      () => other++,
      () => false,
    );
    expect([entered.length, other, turns.delayed]).toEqual([10, 1, 35]);
    for (let second = 1; second <= 5; second++) {
      loop.runUntil(second * 1000 + 1);
      expect(entered.length).toBe(Math.min(45, 10 * (second + 1)));
    }
    expect(entered).toEqual(Array.from({ length: 45 }, (_, i) => i));
    turns.close();
  });

  it('give up their turn when they are gone, and need none for an answer that is there', () => {
    const loop = new Loop();
    const turns = new HostTurns(1, host(loop));
    const entered: string[] = [];
    let isThere = false;
    turns.take(
      'h',
      () => entered.push('a'),
      () => false,
    );
    turns.take(
      'h',
      () => entered.push('b'),
      () => false,
    )();
    for (const name of ['c', 'd', 'e'])
      turns.take(
        'h',
        () => entered.push(name),
        () => isThere,
      );
    expect(entered).toEqual(['a']);
    isThere = true;
    turns.take(
      'h',
      () => entered.push('f'),
      () => isThere,
    );
    loop.runUntil(1001);
    expect(entered).toEqual(['a', 'f', 'c', 'd', 'e']);
    turns.close();
  });

  it('are limited together, though they register by many ports', async () => {
    const targets = await Promise.all(Array.from({ length: 8 }, () => target()));
    const registry = new Registry();
    const loop = new Loop();
    const options = { kind: 'tcp', interval: 60_000, timeout: 20_000, perHost: 3 } as const;
    const prober = new Prober(registry, { ...options, clock: loop });
    closed.push(prober, registry);
    targets.forEach(({ port }, i) => {
      registry.register(web(`i${i}`, { address: `127.0.0.1:${port}` }));
    });
    const polled = () => targets.reduce((sum, { connections }) => sum + connections(), 0);
    await vi.waitUntil(() => {
      loop.runUntil(loop.now() + 1);
      return prober.stats.answered === 3;
    });
    expect([polled(), prober.limited.delayed]).toEqual([3, 5]);
    loop.runUntil(loop.now() + 1000);
    await vi.waitUntil(() => prober.stats.answered === 6);
    expect(polled()).toBe(6);
  });
});
