/** The UDP source: its wire form, and real sockets on the loopback. */
import { createSocket } from 'node:dgram';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isPlainText } from '../src/core/text.js';
import { FailureDetector } from '../src/index.js';
import {
  decodeFarewells,
  decodeHeartbeats,
  encodeFarewells,
  encodeHeartbeats,
  type HeartbeatSink,
  listenUdp,
  type UdpListener,
  type UdpListenOptions,
  UdpSender,
  type WireHeartbeat,
} from '../src/sources/udp.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** A listener on a free port, and the heartbeats that come in. */
async function listen(options: UdpListenOptions = {}) {
  const heard: (WireHeartbeat & { at: number })[] = [];
  const left: WireHeartbeat[] = [];
  const sink: HeartbeatSink = {
    now: () => performance.now(),
    heartbeat: (id, at, info) => heard.push({ id, at, ...info }),
    leave: (id, info) => left.push({ id, ...info }),
  };
  const listener = await listenUdp(sink, { port: 0, ...options });
  open.push(listener);
  return { listener, heard, left };
}

async function sendRaw(listener: UdpListener, datagrams: Uint8Array[]): Promise<void> {
  const socket = createSocket(listener.address.includes(':') ? 'udp6' : 'udp4');
  for (const datagram of datagrams) {
    await new Promise((done) => socket.send(datagram, listener.port, listener.address, done));
  }
  socket.close();
}

const until = (condition: () => boolean) =>
  vi.waitUntil(condition, { timeout: 20_000, interval: 5 });

const id = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .filter((text) => Buffer.byteLength(text) <= 255 && isPlainText(text));
const heartbeat = fc.record({
  id,
  incarnation: fc.nat({ max: 2 ** 48 - 1 }),
  sequence: fc.nat({ max: 2 ** 48 - 1 }),
});

function decode(
  datagram: Buffer,
  by = decodeHeartbeats,
): { count: number; taken: WireHeartbeat[] } {
  const taken: WireHeartbeat[] = [];
  const count = by(datagram, (each, info) => taken.push({ id: each, ...info }));
  return { count, taken };
}

describe.each([
  ['heartbeats', encodeHeartbeats, decodeHeartbeats, 1],
  ['farewells', encodeFarewells, decodeFarewells, 3],
] as const)('wire form of %s', (_, encode, decodeThem, version) => {
  const list = fc.array(heartbeat, { minLength: 1, maxLength: 255 });

  it('carries what was encoded, and nothing for who reads another version', () => {
    fc.assert(
      fc.property(list, (all) => {
        const datagram = encode(all);
        expect(decode(datagram, decodeThem)).toEqual({ count: all.length, taken: all });
        const other = version === 1 ? decodeFarewells : decodeHeartbeats;
        expect(decode(datagram, other)).toEqual({ count: -1, taken: [] });
      }),
    );
  });

  it('is all or nothing: a datagram that is cut, or longer than it says, gives nothing', () => {
    fc.assert(
      fc.property(fc.array(heartbeat, { minLength: 1, maxLength: 5 }), fc.nat(), (all, n) => {
        const whole = encode(all);
        const cut = whole.subarray(0, n % whole.length);
        expect(decode(cut, decodeThem)).toEqual({ count: -1, taken: [] });
        const longer = Buffer.concat([whole, Buffer.from([n & 255])]);
        expect(decode(longer, decodeThem)).toEqual({ count: -1, taken: [] });
      }),
    );
  });

  it('never throws on random bytes, nor gives more than it counts', () => {
    const framed = fc
      .tuple(fc.boolean(), fc.uint8Array({ maxLength: 80 }))
      .map(([frame, bytes]) => {
        const datagram = Buffer.from(bytes);
        if (frame) datagram.set([0xcf, 0x86, version].slice(0, datagram.length));
        return datagram;
      });
    fc.assert(
      fc.property(framed, (datagram) => {
        const { count, taken } = decode(datagram, decodeThem);
        expect(taken.length).toBe(Math.max(count, 0));
      }),
      { numRuns: 5000 },
    );
  });
});

describe('wire form', () => {
  it('of a farewell is what docs/wire-format.md says, byte by byte', () => {
    const datagram = encodeFarewells([{ id: 'aé', incarnation: 258, sequence: 2 ** 40 + 7 }]);
    expect(datagram.toString('hex')).toBe('cf8603010361c3a9000000000102010000000007');
  });

  it('is what docs/wire-format.md says, byte by byte', () => {
    const datagram = encodeHeartbeats([{ id: 'aé', incarnation: 258, sequence: 2 ** 40 + 7 }]);
    expect(datagram.toString('hex')).toBe('cf8601010361c3a9000000000102010000000007');
  });

  it('is all or nothing: a datagram cut, lengthened or altered in its frame gives nothing', () => {
    fc.assert(
      fc.property(fc.array(heartbeat, { minLength: 1, maxLength: 5 }), fc.nat(), (beats, n) => {
        const whole = encodeHeartbeats(beats);
        expect(decode(whole.subarray(0, n % whole.length))).toEqual({ count: -1, taken: [] });
        expect(decode(Buffer.concat([whole, Buffer.from([n & 255])])).count).toBe(-1);
        for (const [at, value] of [
          [0, 0],
          [1, 0],
          [2, 2],
          [3, 0],
          [4, 0],
        ]) {
          const altered = Buffer.from(whole);
          altered[at] = value;
          expect(decode(altered)).toEqual({ count: -1, taken: [] });
        }
      }),
    );
  });

  it('refuses ids that are no UTF-8: they would all be the same', () => {
    const datagram = encodeHeartbeats([{ id: 'ab', incarnation: 0, sequence: 0 }]);
    datagram[5] = 0xff;
    expect(decode(datagram)).toEqual({ count: -1, taken: [] });
  });

  it.each([
    [[]],
    [Array.from({ length: 256 }, () => ({ id: 'a', incarnation: 0, sequence: 0 }))],
    [[{ id: '', incarnation: 0, sequence: 0 }]],
    [[{ id: 'x'.repeat(256), incarnation: 0, sequence: 0 }]],
    [[{ id: 'a', incarnation: -1, sequence: 0 }]],
    [[{ id: 'a', incarnation: 0, sequence: 2 ** 48 }]],
  ])('cannot carry %#', (heartbeats) => {
    expect(() => encodeHeartbeats(heartbeats)).toThrow(RangeError);
  });
});

describe('listenUdp', () => {
  it('hands heartbeats on, several in a datagram, and counts and drops what is malformed', async () => {
    const { listener, heard } = await listen();
    const beats = ['a', 'b', 'c'].map((each, i) => ({ id: each, incarnation: 5, sequence: i }));
    const before = performance.now();
    await sendRaw(listener, [
      encodeHeartbeats(beats),
      Buffer.from('hello'),
      Buffer.alloc(0),
      encodeHeartbeats(beats.slice(0, 1)).subarray(0, 9),
      Buffer.alloc(60_000, 0xcf),
      encodeHeartbeats(beats.slice(1, 2)),
    ]);
    await until(() => listener.stats.datagrams === 6);
    expect(listener.stats).toEqual({ datagrams: 6, heartbeats: 4, malformed: 4, errors: 0 });
    expect(heard.map(({ at, ...beat }) => beat)).toEqual([...beats, beats[1]]);
    expect(new Set(heard.slice(0, 3).map(({ at }) => at)).size).toBe(1);
    for (const { at } of heard) expect(at).toBeGreaterThan(before);
  });

  it('takes the loopback only, unless told otherwise, and IPv6', async () => {
    expect((await listen()).listener.address).toBe('127.0.0.1');
    const { listener, heard } = await listen({ address: '::1' });
    expect(listener.address).toBe('::1');
    const sender = new UdpSender({ id: 'six', to: `[::1]:${listener.port}`, interval: 20 });
    open.push(sender);
    await until(() => heard.length >= 3);
  });

  it('asks for a large buffer, and says what it got', async () => {
    const small = await listen({ receiveBufferBytes: 4096 });
    const large = await listen();
    expect(large.listener.receiveBufferBytes).toBeGreaterThan(small.listener.receiveBufferBytes);
  });

  it('rejects a port that is taken, with the system’s reason', async () => {
    const { listener } = await listen();
    const taken = listenUdp({ heartbeat() {}, now: () => 0 }, { port: listener.port });
    await expect(taken).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it.each([
    [{ port: -1 }, RangeError, /^port: expected .* got -1/],
    [{ port: 65536 }, RangeError, /^port/],
    [{ port: '7946' }, TypeError, /^port: .* got "7946"/],
    [{ port: null }, TypeError, /^port/],
    [{ address: '' }, TypeError, /^address/],
    [{ receiveBufferBytes: 0 }, RangeError, /^receiveBufferBytes/],
    [{ prot: 1 }, TypeError, /unknown option "prot"/],
  ])('rejects %o', async (options, type, message) => {
    const attempt = listenUdp({ heartbeat() {}, now: () => 0 }, options as never);
    await expect(attempt).rejects.toThrow(type);
    await expect(attempt).rejects.toThrow(message);
    await expect(listenUdp({} as never)).rejects.toThrow(/^sink: expected/);
  });

  it('closes by signal, and hands nothing on after it', async () => {
    const stop = new AbortController();
    const { listener, heard } = await listen({ signal: stop.signal });
    const { port } = listener;
    stop.abort();
    await listener.close();
    await listener.close();
    const again = await listen({ port }); // the port is free
    const beat = encodeHeartbeats([{ id: 'a', incarnation: 0, sequence: 0 }]);
    await sendRaw(again.listener, [beat]);
    await until(() => again.heard.length === 1);
    expect(heard).toEqual([]);
  });

  it('gives the heartbeats of one datagram in one call to a sink that takes them so', async () => {
    const calls: { id: string; incarnation: number; sequence: number }[][] = [];
    const one: string[] = [];
    const sink: HeartbeatSink = {
      heartbeat: (name) => one.push(name),
      heartbeats: (ids, _at, infos) => {
        calls.push(ids.map((name, i) => ({ id: name, ...infos[i], link: undefined })));
      },
      now: () => 0,
    };
    const listener = await listenUdp(sink, { port: 0 });
    open.push(listener);
    const beats = (n: number, incarnation: number) =>
      Array.from({ length: n }, (_, i) => ({ id: `n${i}`, incarnation, sequence: 10 * n + i }));
    const datagrams = [beats(3, 1), beats(1, 2), beats(2, 3)].map(encodeHeartbeats);
    for (const datagram of datagrams) await sendRaw(listener, [datagram]);
    await until(() => listener.stats.heartbeats === 6);
    expect(calls).toEqual(
      [beats(3, 1), beats(2, 3)].map((all) => all.map((each) => ({ ...each, link: undefined }))),
    );
    expect(one).toEqual(['n0']);
  });
});

describe('UdpSender', () => {
  it('beats for its ids with rising sequence, on a schedule that does not drift', async () => {
    const { listener, heard } = await listen();
    const sender = new UdpSender({
      id: ['a', 'b'],
      to: `127.0.0.1:${listener.port}`,
      interval: 25,
      incarnation: 42,
    });
    open.push(sender);
    await until(() => heard.length >= 80);
    const ours = heard.filter((beat) => beat.id === 'b');
    expect(ours.map(({ sequence }) => sequence)).toEqual(ours.map((_, i) => i + 1));
    expect(new Set(heard.map(({ incarnation }) => incarnation))).toEqual(new Set([42]));
    expect(listener.stats.datagrams * 2).toBe(listener.stats.heartbeats);
    // Beats come at start + k·25 ms or later, never earlier; a late one is not made up for.
    const turns = ours.map(({ at }) => (at - ours[0].at) / 25);
    for (const [i, turn] of turns.entries()) expect(turn).toBeGreaterThan(i - 1);
    expect(sender.errors).toBe(0);
  });

  it('splits what does not fit in one datagram', async () => {
    const { listener, heard } = await listen();
    const ids = Array.from({ length: 600 }, (_, i) => `node-${i}`);
    open.push(new UdpSender({ id: ids, to: `127.0.0.1:${listener.port}`, interval: 60_000 }));
    await until(() => heard.length === 600);
    expect(heard.map((beat) => beat.id)).toEqual(ids);
    expect(listener.stats.datagrams).toBeGreaterThan(5);
  });

  it('feeds a detector, which sees it stop', async () => {
    const detector = new FailureDetector({ heartbeatInterval: 25 });
    open.push(detector);
    const listener = await listenUdp(detector, { port: 0 });
    open.push(listener);
    const to = `127.0.0.1:${listener.port}`;
    const sender = new UdpSender({ id: 'a', to, interval: 25, jitter: 0.2, farewell: false });
    open.push(sender);
    await until(() => detector.watch('a').sampleCount > 10);
    const suspect = new Promise((resolve) => detector.once('suspect', resolve));
    void sender.close();
    await sender.close();
    expect(await suspect).toMatchObject({ peer: 'a', reason: 'silence' });
  });

  it('says farewell for all its ids at its end, three times, in the numbers of its last heartbeats', async () => {
    const { listener, heard, left } = await listen();
    const ids = Array.from({ length: 300 }, (_, i) => `node-${i}`);
    const to = `127.0.0.1:${listener.port}`;
    const sender = new UdpSender({ id: ids, to, interval: 20, incarnation: 7 });
    open.push(sender);
    await until(() => heard.length >= 600);
    const ended = sender.close();
    expect(sender.close()).toBe(ended);
    const sequence = sender.sent;
    await ended;
    await until(() => left.length >= 900);
    const each = ids.map((one) => ({ id: one, incarnation: 7, sequence, link: undefined }));
    expect(left).toEqual([...each, ...each, ...each]);
    expect(sender.sent).toBe(sequence);
    expect(listener.stats).toMatchObject({ heartbeats: heard.length, malformed: 0 });
  });

  it('makes a detector emit left once, and nothing else; its next incarnation is watched', async () => {
    const detector = new FailureDetector({ heartbeatInterval: 20 });
    open.push(detector);
    const said: string[] = [];
    for (const event of ['available', 'suspect', 'left'] as const) {
      detector.on(event, ({ peer }) => said.push(`${event} ${peer}`));
    }
    const listener = await listenUdp(detector, { port: 0 });
    open.push(listener);
    const about = { id: 'a', to: `127.0.0.1:${listener.port}`, interval: 20 };
    const stop = new AbortController();
    const first = new UdpSender({ ...about, incarnation: 1, signal: stop.signal });
    await until(() => detector.size === 1);
    stop.abort();
    await first.close();
    await until(() => listener.stats.datagrams >= first.sent + 3);
    expect(said).toEqual(['available a', 'left a']);
    expect(detector.size).toBe(0);
    await sendRaw(listener, [encodeHeartbeats([{ id: 'a', incarnation: 1, sequence: 1e6 }])]);
    await until(() => detector.dropped['stale-incarnation'] === 1);
    const second = new UdpSender({ ...about, incarnation: 2 });
    open.push(second);
    await until(() => detector.size === 1);
    expect(said).toEqual(['available a', 'left a', 'available a']);
  });

  it('says no farewell if it never beat or is told not to, and a sink without leave takes no notice of one', async () => {
    const { listener, heard, left } = await listen();
    const to = `127.0.0.1:${listener.port}`;
    const silent = new UdpSender({ id: 'a', to, interval: 20, farewell: false });
    await until(() => heard.length > 0);
    await silent.close();
    await new UdpSender({ id: 'b', to, signal: AbortSignal.abort() }).close();
    const deaf = await listenUdp({ heartbeat() {}, now: () => 0 }, { port: 0 });
    open.push(deaf);
    const goodbye = encodeFarewells([{ id: 'c', incarnation: 1, sequence: 1 }]);
    await sendRaw(deaf, [goodbye, goodbye.subarray(1)]);
    await sendRaw(listener, [goodbye]);
    await until(() => left.length > 0 && deaf.stats.datagrams === 2);
    expect(left.map((each) => each.id)).toEqual(['c']);
    expect(deaf.stats).toMatchObject({ heartbeats: 0, malformed: 1, errors: 0 });
  });

  it('ends though its farewell cannot be sent', async () => {
    const sender = new UdpSender({ id: 'a', to: 'no.such.host.invalid:9', interval: 60_000 });
    await sender.close();
    expect(sender.sent).toBe(1);
  });

  it.each([
    [{ id: '' }, RangeError, /^id: expected 1 to 255 bytes/],
    [{ farewell: 1 }, TypeError, /^farewell/],
    [{ id: [] }, RangeError, /^id/],
    [{ id: 5 }, TypeError, /^id/],
    [{ id: 'é'.repeat(128) }, RangeError, /^id/],
    [{ to: 7946 }, TypeError, /^to/],
    [{ to: 'localhost' }, RangeError, /^to: expected 'host:port'/],
    [{ to: 'a:b:1' }, RangeError, /^to/],
    [{ to: 'localhost:0' }, RangeError, /^to/],
    [{ interval: 0 }, RangeError, /^interval/],
    [{ jitter: 2 }, RangeError, /^jitter/],
    [{ incarnation: 1.5 }, RangeError, /^incarnation/],
    [{ keepAlive: 1 }, TypeError, /^keepAlive/],
    [{ intervall: 5 }, TypeError, /unknown option "intervall"/],
  ])('refuses %o', (options, type, message) => {
    const make = () => new UdpSender({ id: 'a', to: '127.0.0.1:9', ...options } as never);
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });
});
