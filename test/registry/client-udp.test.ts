/** A lease that beats by datagrams: when it asks for answers, and what it does without them. */
import { createSocket, type Socket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type HeldLease, RegistryClient } from '../../src/registry/index.js';
import {
  type AckStatus,
  decodeBeat,
  encodeAck,
  hasTagOf,
  keyOf,
  type SignedBeat,
} from '../../src/sources/udp-signed.js';
import { AsyncClock } from '../support/async-clock.js';
import { FakeRegistry, SECRET } from '../support/fake-registry.js';

const KEY = keyOf(SECRET);
let socket: Socket;
let beats: SignedBeat[] = [];
let status: AckStatus | undefined = 'accepted';
let change: Partial<SignedBeat> = {};
let key: Uint8Array | undefined = KEY;
let lease: HeldLease | undefined;
let answering = Promise.resolve();

beforeEach(async () => {
  beats = [];
  status = 'accepted';
  change = {};
  key = KEY;
  socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.on('message', (datagram, { port, address }) => {
    const beat = decodeBeat(datagram);
    if (beat === undefined || !hasTagOf(datagram, KEY)) throw new Error('no beat of ours');
    beats.push(beat);
    if (!beat.ackWanted || status === undefined) return;
    const { id, generation, sequence, epoch } = { ...beat, ...change };
    const ack = encodeAck({ id, generation, sequence, epoch, status }, key);
    answering = new Promise((resolve) => socket.send(ack, port, address, () => resolve()));
  });
});
afterEach(() => {
  lease?.close();
  socket.close();
});

/** The lease, whose ttl of 9 s is asked for at every second beat, and a way to let seconds pass. */
async function held() {
  const clock = new AsyncClock();
  const registry = new FakeRegistry(clock);
  registry.udpPort = socket.address().port;
  const { fetch } = registry;
  const client = new RegistryClient({ url: 'http://127.0.0.1:1', fetch, clock });
  const registering = client.register({ id: 'a', service: 's', address: 'x', beat: 'udp' });
  await clock.pass(1);
  lease = await registering;
  const mine = lease;
  const said: string[] = [];
  for (const event of ['renewed', 'expired', 'lost', 'fenced', 'credentials', 'error'] as const) {
    mine.on(event, () => said.push(event));
  }
  /** One turn; real datagrams take their real time. */
  const turn = async (sent = 1) => {
    const before = beats.length;
    await clock.pass(1000);
    await vi.waitUntil(() => beats.length >= before + sent, { timeout: 20_000, interval: 1 });
    if (beats.at(-1)?.ackWanted && status !== undefined) await answered();
  };
  /** What was sent on loopback waits to be read: the next rounds of the event loop read it. */
  const answered = async () => {
    await answering;
    for (let round = 0; round < 3; round++) await new Promise(setImmediate);
  };
  await vi.waitUntil(() => beats.length === 1, { timeout: 20_000, interval: 1 });
  await answered();
  return { clock, registry, lease: mine, said, turn };
}

describe('a lease by datagrams', () => {
  it('asks six times a ttl, and is valid from when the answered beat was sent', async () => {
    const { registry, lease, turn } = await held();
    for (let i = 0; i < 8; i++) await turn();
    const asked = beats.map(({ ackWanted }) => ackWanted);
    expect(asked.filter(Boolean).length).toBeGreaterThanOrEqual(4);
    expect(asked.filter(Boolean).length).toBeLessThan(asked.length);
    expect(beats.map(({ sequence }) => sequence)).toEqual(beats.map((_, i) => i + 1));
    expect(lease.validUntil).toBe(1 + 1000 * asked.lastIndexOf(true) + 9000);
    expect(registry.to('/heartbeat/a')).toHaveLength(0);
  });

  it('asks at every turn without an answer, and then by HTTP, once in a third of the ttl', async () => {
    const { registry, lease, turn } = await held();
    for (let i = 0; i < 4; i++) await turn();
    status = undefined;
    const before = beats.length;
    for (let i = 0; i < 8; i++) await turn();
    const asked = beats.slice(before).map(({ ackWanted }) => ackWanted);
    expect(asked.slice(2)).toEqual(asked.slice(2).map(() => true));
    const http = registry.to('/heartbeat/a');
    expect(http).toHaveLength(2);
    expect(
      http.map(({ body }) => beats.some(({ sequence }) => sequence === body.sequence)),
    ).toEqual([true, true]);
    expect(lease.isValid()).toBe(true);
  });

  it('takes a new epoch from an answer, and no answer that is forged, old or of another life', async () => {
    const { lease, said, turn } = await held();
    const next = async (count: number) => {
      for (let i = 0; i < count; i++) await turn();
    };
    await next(2); // one of the first two has been answered
    status = 'epoch';
    change = { epoch: 'ffffffffffffffff' };
    key = Buffer.alloc(16, 9); // forged
    await next(3);
    key = KEY;
    change = { epoch: 'ffffffffffffffff', sequence: 1 }; // answered long ago
    await next(3);
    change = { epoch: 'ffffffffffffffff', generation: 2 };
    await next(3);
    expect(said).not.toContain('credentials');
    change = { epoch: 'ffffffffffffffff' };
    await next(3);
    expect(said).toContain('credentials');
    expect(beats.at(-1)?.epoch).toBe('ffffffffffffffff');
    status = 'accepted';
    change = {};
    await next(2);
    expect(lease.isValid()).toBe(true);
  });

  it('registers again when it is not known, and is fenced by another life', async () => {
    const { registry, lease, said, turn } = await held();
    registry.members.delete('a');
    status = 'unknown';
    while (!said.includes('lost')) await turn();
    status = 'accepted';
    await turn();
    expect(registry.to('/register')).toHaveLength(2);
    expect(lease.isValid()).toBe(true);
    status = 'stale-generation';
    while (!said.includes('fenced')) await turn(said.includes('fenced') ? 0 : 1);
    expect([lease.isValid(), lease.ended.aborted]).toEqual([false, true]);
  });

  it('beats again at once when an answer tells of another start of the registry', async () => {
    const { said, turn } = await held();
    for (let i = 0; i < 3; i++) await turn();
    status = 'epoch';
    change = { epoch: 'ffffffffffffffff' };
    while (!said.includes('credentials')) await turn();
    // Within the same turn, under the next number, with the new epoch.
    await vi.waitUntil(() => beats.at(-1)?.epoch === 'ffffffffffffffff', { timeout: 20_000 });
    expect(beats.at(-1)?.ackWanted).toBe(true);
    expect(beats.map(({ sequence }) => sequence)).toEqual(beats.map((_, i) => i + 1));
  });

  it('asks by HTTP when the registry has started anew and cannot check its beats, once in an interval', async () => {
    const { registry, said, turn } = await held();
    for (let i = 0; i < 3; i++) await turn();
    const before = registry.to('/heartbeat/a').length;
    status = 'epoch';
    change = { epoch: 'ffffffffffffffff' };
    key = undefined; // nobody has signed it
    let turns = 0;
    while (registry.to('/heartbeat/a').length === before) {
      turns++;
      await turn();
    }
    expect(turns).toBeLessThanOrEqual(2); // every second one asks for an answer
    for (let i = 0; i < 10; i++) await turn();
    expect(registry.to('/heartbeat/a').length - before).toBeLessThanOrEqual(1 + 10);
    expect(said).not.toContain('credentials'); // what nobody has signed is not believed
    expect(beats.at(-1)?.epoch).toBe(registry.epoch);
    registry.members.delete('a');
    while (!said.includes('lost')) await turn();
    expect(registry.to('/register')).toHaveLength(2);
  });

  it('says that it has expired when what it sends is not accepted', async () => {
    const { registry, lease, said, turn } = await held();
    for (let i = 0; i < 3; i++) await turn();
    status = 'not-accepted';
    registry.answer = ({ path }) =>
      path === '/heartbeat/a'
        ? Response.json({ status: 'out-of-order', ttl: 9000, epoch: registry.epoch })
        : undefined;
    for (let i = 0; i < 10; i++) await turn();
    expect(lease.isValid()).toBe(false);
    expect(said.filter((event) => event === 'expired')).toHaveLength(1);
    expect(said).toContain('error');
  });

  it('sends figures by HTTP, under the number of the datagram beside them', async () => {
    const { registry, lease, turn } = await held();
    lease.figures({ load: 2 });
    await turn();
    const [beat, ...more] = registry.to('/heartbeat/a');
    expect(beat.body).toMatchObject({ figures: { load: 2 }, sequence: 2, generation: 1 });
    expect(more).toHaveLength(0);
  });
});
