import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StateError } from '../../src/registry/service/index.js';
import { encodeHeartbeats } from '../../src/sources/udp-wire.js';
import { Loop } from '../support/loop.js';
import { ask, start, web } from '../support/service.js';

let folder: string;
let state: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'phi-kept-'));
  state = join(folder, 'state');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const WORLD = { wall: () => 0 };

describe('a service with a state', () => {
  it('goes on where it stood: generations, secrets, drains', async () => {
    const first = await start({ state });
    const { secret } = first.registry.register(web('a'));
    first.registry.register(web('b'));
    first.registry.register(web('b'));
    first.registry.deregister('b');
    await ask(first, '/instances/a/drain', { method: 'POST' });
    await first.close();
    const second = await start({ state });
    expect(second.epoch).not.toBe(first.epoch);
    expect(second.registry.instances()).toMatchObject([{ id: 'a', generation: 1, draining: true }]);
    expect(second.registry.holds('a', 1, secret)).toBe(true);
    expect(second.registry.register(web('b')).generation).toBe(3);
  });

  it('is that of one registry at a time, by whatever path', async () => {
    const first = await start({ state });
    symlinkSync(folder, join(folder, 'here'));
    const second = start({ state: join(folder, 'here', 'state') });
    await expect(second).rejects.toThrow(/state: another registry that runs on this machine uses/);
    await expect(second).rejects.toBeInstanceOf(StateError);
    first.registry.register(web('a'));
    await first.close();
    const third = await start({ state });
    expect(third.registry.register(web('a')).generation).toBe(2);
  });

  it('is let go of where it cannot be read', async () => {
    writeFileSync(state, 'no state');
    await expect(start({ state })).rejects.toThrow(`${state}, line 1`);
    rmSync(state);
    await start({ state });
  });

  it('saves nobody as dead for the time that it takes to end', async () => {
    const loop = new Loop();
    const service = await start({ state, udpPort: 0, registry: { ...WORLD, clock: loop } });
    const socket = createSocket('udp4');
    for (const id of ['http', 'udp']) service.registry.register(web(id));
    for (let sequence = 0; sequence < 20; sequence++) {
      await ask(service, '/heartbeat/http', { body: { generation: 1 } });
      const datagram = encodeHeartbeats([{ id: 'udp', incarnation: 1, sequence }]);
      socket.send(datagram, Number(service.udpPort), '127.0.0.1');
      const heard = 2 * (sequence + 1);
      await vi.waitUntil(() => service.registry.stats.heartbeats === heard, {
        interval: 2,
        timeout: 20_000,
      });
      loop.runUntil(loop.now() + 1000);
    }
    socket.close();
    const closed = service.close();
    await new Promise(setImmediate);
    loop.runUntil(loop.now() + 20_000); // as if that took so long
    for (const { status } of service.registry.instances()) expect(status).toBe('available');
    await closed;
    // Whether or not the last checkpoint was in time.
    const next = await start({ state });
    expect(next.registry.instances().map(({ status }) => status)).toEqual([
      'available',
      'available',
    ]);
  });
});
