import { createSocket, Socket } from 'node:dgram';
import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Registry } from '../../src/registry/registry.js';
import { Datagrams } from '../../src/registry/service/datagrams.js';
import {
  decodeAck,
  encodeBeat,
  hasTagOf,
  keyOf,
  type SignedBeat,
} from '../../src/sources/udp-signed.js';
import { encodeFarewells, encodeHeartbeats } from '../../src/sources/udp-wire.js';
import { web } from '../support/service.js';

const EPOCH = '0123456789abcdef';

let registry: Registry;
let socket: Socket;
const open: Datagrams[] = [];
beforeEach(async () => {
  registry = new Registry();
  socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
  registry.close();
  socket.close();
});

async function listen(unsigned = true): Promise<Datagrams> {
  const options = { registry, epoch: EPOCH, unsigned, port: 0, address: '127.0.0.1' };
  const datagrams = await Datagrams.open({ ...options, note: () => {} });
  open.push(datagrams);
  return datagrams;
}

const send = (to: Datagrams, ...datagrams: Uint8Array[]) => {
  for (const each of datagrams) socket.send(each, Number(to.port), '127.0.0.1');
};

const taken = (datagrams: Datagrams, count: number) =>
  vi.waitUntil(() => datagrams.stats.datagrams >= count, { interval: 5, timeout: 20_000 });

function beat(id: string, more: Partial<SignedBeat> = {}, secret?: string): Buffer {
  const { generation = 1 } = more;
  const all: SignedBeat = {
    id,
    generation,
    sequence: 1,
    epoch: EPOCH,
    signal: 'service',
    ready: true,
    ackWanted: true,
    ...more,
  };
  return encodeBeat(all, keyOf(secret ?? registry.secretOf(id, generation)));
}

/** Sends one, and waits for its answer. */
async function answerTo(datagrams: Datagrams, datagram: Buffer) {
  const answer = once(socket, 'message') as Promise<[Buffer]>;
  send(datagrams, datagram);
  const [bytes] = await answer;
  expect(bytes.length).toBeLessThanOrEqual(datagram.length);
  return { bytes, ack: decodeAck(bytes) };
}

describe('signed datagrams', () => {
  it('are heartbeats of both signals, and are acknowledged', async () => {
    const datagrams = await listen(false);
    const { secret } = registry.register(web('a'));
    const { bytes, ack } = await answerTo(datagrams, beat('a'));
    expect(ack).toMatchObject({ status: 'accepted', id: 'a', generation: 1, sequence: 1 });
    expect(hasTagOf(bytes, keyOf(secret))).toBe(true);
    expect(registry.get('a')?.status).toBe('available');
    await answerTo(datagrams, beat('a', { signal: 'process' }));
    expect(registry.get('a')?.signals).toMatchObject({ process: 'ok', service: 'ok' });
    await answerTo(datagrams, beat('a', { sequence: 2, ready: false }));
    expect(registry.get('a')?.status).toBe('not-ready');
  });

  it('are answered with what is wrong with the life that they are of', async () => {
    const datagrams = await listen(false);
    registry.register(web('a'));
    registry.register(web('a'));
    const status = async (id: string, more: Partial<SignedBeat>) =>
      (await answerTo(datagrams, beat(id, { ackWanted: false, ...more }))).ack?.status;
    expect(await status('a', { generation: 1 })).toBe('stale-generation');
    expect(await status('a', { generation: 3 })).toBe('unknown');
    expect(await status('gone', {})).toBe('unknown');
    expect(registry.get('a')?.status).toBe('starting');
    expect((await answerTo(datagrams, beat('a', { generation: 2 }))).ack?.status).toBe('accepted');
    expect(await status('a', { generation: 2 })).toBe('not-accepted'); // sent again
  });

  it('of another start of the registry are told the present one, and do not count', async () => {
    const datagrams = await listen(false);
    registry.register(web('a'));
    const { ack } = await answerTo(datagrams, beat('a', { epoch: 'f'.repeat(16) }));
    expect(ack).toMatchObject({ status: 'epoch', epoch: EPOCH });
    expect(registry.get('a')?.status).toBe('starting');
    expect(datagrams.stats.dropped.epoch).toBe(1);
  });

  it('with a wrong tag are counted, and never answered', async () => {
    const datagrams = await listen(false);
    registry.register(web('a'));
    let answers = 0;
    socket.on('message', () => answers++);
    const forged = beat('a', {}, registry.secretOf('b', 1));
    const changed = beat('a');
    changed[changed.length - 1] ^= 1;
    send(datagrams, forged, changed);
    await taken(datagrams, 2);
    expect(datagrams.stats.dropped['wrong-tag']).toBe(2);
    expect(registry.get('a')?.status).toBe('starting');
    await answerTo(datagrams, beat('a'));
    expect(answers).toBe(1);
  });

  it('that cannot be checked after a restart with another key are answered by an unsigned doubt', async () => {
    const datagrams = await listen(false);
    registry.register(web('a'));
    const strange = Buffer.alloc(32, 1).toString('base64url');
    for (const id of ['a', 'nobody']) {
      const sent = beat(id, { epoch: 'f'.repeat(16) }, strange);
      const { bytes, ack } = await answerTo(datagrams, sent);
      // The same for an id that is known and one that is not, and no longer than the question.
      expect(ack).toMatchObject({ status: 'epoch', id, generation: 1, sequence: 1 });
      expect(bytes.length).toBe(sent.length);
      expect([...bytes.subarray(-16)]).toEqual(Array(16).fill(0));
    }
    expect(datagrams.stats.dropped['wrong-tag']).toBe(2);
    expect(registry.get('a')?.status).toBe('starting');
  });

  it('are checked with the key of the life that they name, also after the next one began', async () => {
    const datagrams = await listen(false);
    registry.register(web('a'));
    await answerTo(datagrams, beat('a'));
    registry.register(web('a'));
    await answerTo(datagrams, beat('a', { generation: 2 }));
    expect((await answerTo(datagrams, beat('a', { sequence: 9 }))).ack?.status).toBe(
      'stale-generation',
    );
    registry.deregister('a');
    expect((await answerTo(datagrams, beat('a', { generation: 2 }))).ack?.status).toBe('unknown');
  });
});

describe('datagrams of version 1', () => {
  const old = (incarnation: number, sequence = 1) =>
    encodeHeartbeats([{ id: 'a', incarnation, sequence }]);

  it('are taken without tokens, their incarnation being the generation', async () => {
    const datagrams = await listen();
    registry.register(web('a'));
    send(datagrams, old(1), old(0), old(Date.now()));
    await taken(datagrams, 3);
    expect(registry.get('a')?.status).toBe('available');
    expect(datagrams.stats.dropped.unregistered).toBe(2);
  });

  it('end no lease by a farewell, which anybody could send', async () => {
    const datagrams = await listen();
    registry.register(web('a'));
    send(datagrams, old(1), encodeFarewells([{ id: 'a', incarnation: 1, sequence: 1 }]), old(1, 2));
    await taken(datagrams, 3);
    expect(registry.get('a')?.status).toBe('available');
    expect(datagrams.stats).toMatchObject({
      heartbeats: 2,
      dropped: { unsigned: 1, malformed: 0 },
    });
  });

  it('neither count nor make signed ones old or duplicates, whatever their numbers say', async () => {
    const datagrams = await listen();
    registry.register(web('a'));
    const furthest = 2 ** 48 - 1;
    send(datagrams, old(1, furthest)); // before the holder has shown anything
    await taken(datagrams, 1);
    const statuses = [];
    for (let sequence = 1; sequence <= 3; sequence++) {
      statuses.push((await answerTo(datagrams, beat('a', { sequence }))).ack?.status);
      const before = datagrams.stats.datagrams;
      send(datagrams, old(1, furthest - sequence), old(1, sequence + 1));
      await taken(datagrams, before + 2);
    }
    expect(statuses).toEqual(['accepted', 'accepted', 'accepted']);
    expect(registry.dropped).toMatchObject({ unverified: 6, duplicate: 0, 'out-of-order': 0 });
    registry.register(web('a')); // the next incarnation may be one of a node that never signs
    const before = registry.stats.heartbeats;
    send(datagrams, old(2, 1), old(2, 2));
    await vi.waitUntil(() => registry.stats.heartbeats > before, { interval: 5, timeout: 20_000 });
  });

  it('are refused where there are tokens', async () => {
    const datagrams = await listen(false);
    registry.register(web('a'));
    send(datagrams, old(1));
    await taken(datagrams, 1);
    expect(registry.get('a')?.status).toBe('starting');
    expect(datagrams.stats.dropped.unsigned).toBe(1);
  });
});

describe('a socket', () => {
  it('that dies is no silence of those who were heard by it, and another takes its place', async () => {
    const datagrams = await listen();
    registry.register(web('a'));
    await answerTo(datagrams, beat('a'));
    const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
    const ours = handles.find(
      (each): each is Socket => each instanceof Socket && each.address().port === datagrams.port,
    );
    ours?.emit('error', new Error('the network is gone'));
    expect([datagrams.down, registry.protection.links.down]).toEqual([true, 1]);
    expect(registry.get('a')?.signals.service).toBe('ok');
    expect(datagrams.stats.errors).toBe(1);
    await vi.waitUntil(() => !datagrams.down, { timeout: 20_000 });
    expect(registry.protection.links.down).toBe(0);
    expect((await answerTo(datagrams, beat('a', { sequence: 2 }))).ack?.status).toBe('accepted');
  });

  it('takes whatever comes, and counts it', async () => {
    const datagrams = await listen(false);
    const genuine = () => beat('a');
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 300 }),
            fc.record({ at: fc.nat(50), value: fc.nat(255) }).map(({ at, value }) => {
              const bytes = genuine();
              bytes[at % bytes.length] = value;
              return bytes;
            }),
          ),
          { minLength: 1, maxLength: 20 },
        ),
        async (all) => {
          const before = datagrams.stats;
          send(datagrams, ...all);
          await taken(datagrams, before.datagrams + all.length);
          const after = datagrams.stats;
          const sum = (drops: object) =>
            Object.values(drops).reduce((n: number, each: number) => n + each, 0);
          const counted =
            sum(after.dropped) - sum(before.dropped) + after.heartbeats - before.heartbeats;
          expect(counted).toBe(all.length);
        },
      ),
      { numRuns: 100 },
    );
  });
});
