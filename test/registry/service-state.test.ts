import { createSocket } from 'node:dgram';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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

  it('keeps at once that an operator has taken back the drain of an id that is gone', async () => {
    const copied = () => {
      const copy = mkdtempSync(join(folder, 'crashed-'));
      for (const name of readdirSync(folder)) {
        if (name.startsWith('state'))
          writeFileSync(join(copy, name), readFileSync(join(folder, name)));
      }
      return join(copy, 'state');
    };
    const service = await start({ state });
    for (const id of ['a', 'b']) {
      service.registry.register(web(id));
      await ask(service, `/instances/${id}/drain`, { method: 'POST' });
      service.registry.deregister(id);
    }
    const { status } = await ask(service, '/instances/a/undrain', { method: 'POST' });
    expect(status).toBe(200);
    const after = await start({ state: copied() }); // as a crash at this instant leaves it
    expect(after.registry.register(web('a'))).toMatchObject({ generation: 2 });
    after.registry.register(web('b'));
    expect(after.registry.get('a')?.draining).toBe(false);
    expect(after.registry.get('b')?.draining).toBe(true);
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

  it('that is damaged tells so, keeps what is damaged, and gives nobody a generation twice', async () => {
    const first = await start({ state });
    for (let n = 0; n < 3; n++) first.registry.register(web('a'));
    const { secret } = first.registry.register(web('b'));
    await first.close();
    const damaged = readFileSync(state, 'utf8').replace('"id":"a"', '"id":"x"');
    writeFileSync(state, damaged);
    const refused = start({ state, refuseDamagedState: true });
    await expect(refused).rejects.toThrow(`${state}, line 2: its checksum is another`);
    await expect(refused).rejects.toBeInstanceOf(StateError);

    const told: string[] = [];
    const onNotice = ({ kind, message }: { kind: string; message: string }) => {
      told.push(`${kind}: ${message}`);
    };
    const second = await start({ state, onNotice });
    expect(second.registry.instances().map(({ id }) => id)).toEqual(['b']);
    expect(second.registry.holds('b', 1, secret)).toBe(true);
    expect(second.registry.register(web('a')).generation).toBeGreaterThan(3);
    const copy = readdirSync(folder).find((name) => name.includes('damaged')) ?? '';
    expect(readFileSync(join(folder, copy), 'utf8')).toBe(damaged);
    expect(told).toEqual([
      `state-damaged: ${state}, line 2: its checksum is another`,
      `state-damaged: the rest of the state is used: 1 instances; what is damaged is kept in ${join(folder, copy)}`,
    ]);
    await second.close();
    told.length = 0;
    await start({ state, onNotice });
    expect(told).toEqual([]);
  });

  it('whose key is lost has a new one, and says so', async () => {
    const first = await start({ state });
    const { secret } = first.registry.register(web('a'));
    await first.close();
    for (const name of readdirSync(folder)) {
      const file = join(folder, name);
      writeFileSync(file, readFileSync(file, 'utf8').replace(/"secretKey":"./, '"secretKey":"!'));
    }
    const told: string[] = [];
    const second = await start({ state, onNotice: ({ message }) => told.push(message) });
    expect(told.join()).toContain("the key of the leases' secrets is lost");
    expect(second.registry.get('a')?.generation).toBe(1);
    expect(second.registry.holds('a', 1, secret)).toBe(false);
    const lease = second.registry.register(web('a'));
    expect(second.registry.holds('a', lease.generation, lease.secret)).toBe(true);
  });

  it('of a version before is read: no checksums, a status by its former name, a clock before 1970', async () => {
    const record = (id: string, more: object) => ({
      ...{
        id,
        service: 'web',
        address: '10.0.0.1:80',
        meta: {},
        heartbeatInterval: 1000,
        ttl: 30000,
      },
      ...{
        generation: 2,
        registeredAt: -5e9,
        changedAt: -5e9,
        status: 'available',
        draining: false,
      },
      ...{ ready: true, polled: false, heard: ['service'], missing: [], ...more },
    });
    const head = {
      format: 'phi-accrual registry',
      version: 1,
      secretKey: 'A'.repeat(43),
      journal: 3,
    };
    const lines = [
      { ...head, writtenAt: -5e9 },
      record('a', { learnt: {} }),
      record('b', { status: 'probe-blind', learnt: {} }),
      { id: 'c', generation: 4, gone: true, learnt: {} },
      // As a checkpoint wrote it that was under way when it went and came back.
      record('a', { generation: 3, learnt: {} }),
      { end: 4 },
    ];
    const text = (all: object[]) => all.map((each) => `${JSON.stringify(each)}\n`).join('');
    writeFileSync(state, text(lines));
    writeFileSync(
      `${state}.journal.3`,
      text([record('b', { draining: true, status: 'probe-blind' })]),
    );
    const told: string[] = [];
    const service = await start({ state, onNotice: ({ message }) => told.push(message) });
    expect(told).toEqual([]);
    expect(service.registry.get('a')).toMatchObject({ generation: 3, status: 'available' });
    expect(service.registry.get('b')).toMatchObject({ draining: true, status: 'probe-failing' });
    expect(service.registry.register(web('c')).generation).toBe(5);
    expect(readFileSync(state, 'utf8')).toContain('"version":2');
  });

  it('starts again when a checkpoint was given up at the end', async () => {
    // The patience is over at once, long before the disk is done.
    const loop = new Loop();
    const first = await start({ state, registry: { ...WORLD, clock: loop } });
    for (let n = 0; n < 300; n++) first.registry.register(web(`i${n}`));
    for (let n = 0; n < 300; n += 2) first.registry.deregister(`i${n}`);
    const closed = first.close();
    for (let n = 0; n < 300; n += 4) first.registry.register(web(`i${n}`));
    await new Promise(setImmediate);
    loop.runUntil(loop.now() + 2000);
    await closed;
    const told: string[] = [];
    const onNotice = ({ kind, message }: { kind: string; message: string }) => {
      if (kind === 'state-damaged') told.push(message);
    };
    const second = await start({ state, onNotice });
    expect(told).toEqual([]);
    expect(second.registry.size).toBeGreaterThanOrEqual(150);
    for (let n = 1; n < 300; n += 2) expect(second.registry.get(`i${n}`)?.generation).toBe(1);
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
