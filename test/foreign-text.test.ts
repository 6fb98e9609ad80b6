/** Names of strangers: none that moves a cursor, breaks a line or turns the order of characters is kept. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { printable, printableError } from '../src/cli/format.js';
import { escaped, isPlainText } from '../src/core/text.js';
import { oneLine } from '../src/health/check.js';
import { FailureDetector } from '../src/index.js';
import { Registry } from '../src/registry/index.js';
import {
  decodeBeat,
  encodeBeat,
  encodeHeartbeats,
  listenUdp,
  UdpSender,
} from '../src/sources/udp.js';
import { ask, start, web } from './support/service.js';

const closed: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of closed.splice(0)) await each.close();
});

const NAMES: readonly [string, string][] = [
  ['a line feed', 'a\nb'],
  ['a return', 'a\rb'],
  ['a tab', 'a\tb'],
  ['a null', 'a\0b'],
  ['an escape sequence', '\u001b[2J'],
  ['DEL', 'a\u007f'],
  ['a control of C1', '\u009b31m'],
  ['NEL', 'a\u0085b'],
  ['a line separator', 'a\u2028b'],
  ['a paragraph separator', 'a\u2029b'],
  ['an override of direction', 'a\u202eb'],
  ['an isolate', 'a\u2066b'],
  ['a mark of direction', 'a\u200fb'],
];
const FINE = ['a', 'web-1', 'é', 'ü/ö', '日本', '😀', ' ', 'a b', '%0a', '\\n'];

describe.each(NAMES)('a name with %s', (_, name) => {
  it('is refused by a registry, as id, service, address and meta', () => {
    const registry = new Registry();
    closed.push(registry);
    for (const bad of [
      { ...web(name) },
      { ...web('a'), service: name },
      { ...web('a'), address: name },
      { ...web('a'), meta: { [name]: 'x' } },
      { ...web('a'), meta: { x: name } },
    ]) {
      let message = '';
      try {
        registry.register(bad);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toMatch(/expected text without control characters, got "/);
      expect(isPlainText(message)).toBe(true); // what is said of it may be shown
    }
    expect(registry.size).toBe(0);
  });

  it('is refused by the service', async () => {
    const service = await start();
    for (const body of [web(name), web('a', { service: name }), web('a', { meta: { x: name } })]) {
      const { status, json } = await ask(service, '/register', { body });
      expect([status, json.error.code]).toEqual([400, 'invalid']);
    }
  });

  it('is sent by no sender', () => {
    const beat = { id: name, generation: 1, sequence: 1, epoch: '0'.repeat(16) } as const;
    const signal = { signal: 'service', ready: true, ackWanted: false } as const;
    const key = Buffer.alloc(32);
    for (const make of [
      () => encodeHeartbeats([{ id: name, incarnation: 1, sequence: 1 }]),
      () => encodeBeat({ ...beat, ...signal }, key),
      () => new UdpSender({ id: name, to: '127.0.0.1:1' }),
    ]) {
      expect(make).toThrow('id: expected text without control characters');
    }
  });

  it('is no heartbeat by UDP, signed or not, and is counted as malformed', async () => {
    // As encodeHeartbeats would make it.
    const id = Buffer.from(name);
    const numbers = Buffer.from('000000000001000000000001', 'hex');
    const head = Buffer.from([0xcf, 0x86, 1, 1, id.length]);
    const datagram = Buffer.concat([head, id, numbers]);
    const detector = new FailureDetector();
    const listener = await listenUdp(detector, { port: 0 });
    const socket = createSocket('udp4');
    closed.push(listener, detector, { close: () => socket.close() });
    socket.send(datagram, listener.port, '127.0.0.1');
    socket.send(
      encodeHeartbeats([{ id: 'x'.repeat(name.length), incarnation: 1, sequence: 1 }]),
      listener.port,
      '127.0.0.1',
    );
    await once(socket, 'listening');
    await vi.waitUntil(() => listener.stats.datagrams === 2, { timeout: 20_000 });
    expect(listener.stats).toMatchObject({ malformed: 1, heartbeats: 1 });
    expect(detector.size).toBe(1);
    const fields = { id: 'x'.repeat(id.length), generation: 1, sequence: 1 } as const;
    const rest = {
      epoch: '0'.repeat(16),
      signal: 'service',
      ready: true,
      ackWanted: false,
    } as const;
    const signed = encodeBeat({ ...fields, ...rest }, Buffer.alloc(32));
    id.copy(signed, signed.indexOf('x'));
    expect(decodeBeat(signed)).toBeUndefined();
  });

  it('is escaped wherever it is printed', () => {
    for (const shown of [escaped(name), oneLine(name), printable(name, ' ')]) {
      expect(isPlainText(shown)).toBe(true);
    }
    const error = new Error(`no instance ${name}`);
    const lines = printableError(error).split('\n');
    expect(lines[0]).toMatch(/^Error: no instance/);
    for (const line of lines) expect(isPlainText(line)).toBe(true);
    for (const line of lines.slice(1)) expect(line).toMatch(/^ {4}at /);
  });
});

it('names in any language are taken', () => {
  const registry = new Registry();
  closed.push(registry);
  for (const id of FINE) {
    registry.register({ id, service: id, address: id, meta: { [id]: id } });
    expect(encodeHeartbeats([{ id, incarnation: 1, sequence: 1 }]).length).toBeGreaterThan(0);
  }
  expect(registry.size).toBe(FINE.length);
});

it('what is escaped is one line of plain text, and the same text if it was that', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(isPlainText(escaped(text))).toBe(true);
      if (isPlainText(text)) expect(escaped(text)).toBe(text);
    }),
  );
});
