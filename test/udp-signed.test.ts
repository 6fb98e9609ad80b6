/** Wire version 2: what was signed comes back, what was altered does not, and nothing throws. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHeartbeats } from '../src/sources/udp.js';
import {
  ACK_STATUSES,
  decodeAck,
  decodeBeat,
  encodeAck,
  encodeBeat,
  hasTagOf,
  keyOf,
  type SignedAck,
  type SignedBeat,
  versionOf,
} from '../src/sources/udp-signed.js';
import { textOf } from './support/snippets.js';

const id = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .filter((text) => Buffer.byteLength(text) <= 255 && !/\p{Surrogate}/u.test(text));
const numbered = {
  id,
  generation: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
  sequence: fc.nat({ max: 2 ** 48 - 1 }),
  epoch: fc
    .uint8Array({ minLength: 8, maxLength: 8 })
    .map((bytes) => Buffer.from(bytes).toString('hex')),
};
const beat: fc.Arbitrary<SignedBeat> = fc.record({
  ...numbered,
  signal: fc.constantFrom('service' as const, 'process' as const),
  ready: fc.boolean(),
  ackWanted: fc.boolean(),
});
const ack: fc.Arbitrary<SignedAck> = fc.record({
  ...numbered,
  status: fc.constantFrom(...ACK_STATUSES),
});
const keys = fc.uint8Array({ minLength: 16, maxLength: 64 });

/** The key of the examples in the document: the bytes 0 to 31. */
const EXAMPLE_KEY = keyOf('AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8');
const example = { id: 'aé', generation: 3, sequence: 258, epoch: '0011223344556677' };

describe('signed datagrams', () => {
  it('carry what was signed, and only its key fits', () => {
    fc.assert(
      fc.property(beat, ack, keys, keys, (said, answer, key, other) => {
        const datagram = encodeBeat(said, key);
        const reply = encodeAck(answer, key);
        expect(decodeBeat(datagram)).toEqual(said);
        expect(decodeAck(reply)).toEqual(answer);
        expect(hasTagOf(datagram, key) && hasTagOf(reply, key)).toBe(true);
        fc.pre(!Buffer.from(key).equals(other));
        expect(hasTagOf(datagram, other)).toBe(false);
      }),
    );
  });

  it('are what docs/wire-format.md shows, byte by byte', () => {
    const said = encodeBeat(
      { ...example, signal: 'process', ready: true, ackWanted: true },
      EXAMPLE_KEY,
    );
    const answer = encodeAck({ ...example, status: 'accepted' }, EXAMPLE_KEY);
    expect(versionOf(said)).toBe(2);
    const text = textOf('docs/wire-format.md');
    expect(text).toContain(said.toString('hex'));
    expect(text).toContain(answer.toString('hex'));
  });

  it('have one bit, wherever it is turned, that breaks the tag or the form', () => {
    fc.assert(
      fc.property(beat, keys, fc.nat(), fc.nat({ max: 7 }), (said, key, where, bit) => {
        const datagram = encodeBeat(said, key);
        datagram[where % datagram.length] ^= 1 << bit;
        expect(hasTagOf(datagram, key)).toBe(false);
      }),
    );
  });

  it('are not mistaken for one another: no beat is an answer, and none is of version 1', () => {
    fc.assert(
      fc.property(beat, keys, (said, key) => {
        const datagram = encodeBeat(said, key);
        expect(decodeAck(datagram)).toBeUndefined();
        const first = encodeHeartbeats([{ id: said.id, incarnation: 1, sequence: 1 }]);
        expect(versionOf(first)).toBe(1);
        expect(decodeBeat(first)).toBeUndefined();
      }),
    );
  });

  it('answer with no byte more than they were asked with', () => {
    fc.assert(
      fc.property(beat, fc.constantFrom(...ACK_STATUSES), keys, (said, status, key) => {
        const { generation, sequence, epoch } = said;
        const reply = encodeAck({ id: said.id, generation, sequence, epoch, status }, key);
        expect(reply.length).toBeLessThanOrEqual(encodeBeat(said, key).length);
      }),
    );
  });

  it('are refused in every malformed shape, and nothing throws', () => {
    const made = fc.tuple(beat, keys).map(([said, key]) => encodeBeat(said, key));
    const bytes = fc.uint8Array({ maxLength: 400 }).map((each) => Buffer.from(each));
    const framed = fc
      .tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 320 }))
      .map(([kind, rest]) => Buffer.from([0xcf, 0x86, 2, kind, ...rest]));
    const cut = fc.tuple(made, fc.nat()).map(([all, at]) => all.subarray(0, at % all.length));
    const longer = fc.tuple(made, fc.uint8Array({ minLength: 1, maxLength: 9 }));
    fc.assert(
      fc.property(fc.oneof(bytes, framed), keys, (datagram, key) => {
        const said = decodeBeat(datagram) ?? decodeAck(datagram);
        if (said !== undefined) expect(Buffer.byteLength(said.id) + 42).toBe(datagram.length);
        hasTagOf(datagram, key);
        versionOf(datagram);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(cut, longer, (short, [all, more]) => {
        expect(decodeBeat(short)).toBeUndefined();
        expect(decodeBeat(Buffer.concat([all, more]))).toBeUndefined();
      }),
    );
  });

  it.each([
    ['an unknown flag', 4, 0x08],
    ['no id', 5, 0],
    ['an unknown kind', 3, 3],
    ['an unknown version', 2, 3],
    ['another magic', 0, 0xce],
    ['an id that is no UTF-8', 6, 0xff],
  ])('are refused with %s', (_, at, byte) => {
    const datagram = encodeBeat(
      { ...example, signal: 'service', ready: true, ackWanted: false },
      EXAMPLE_KEY,
    );
    expect(decodeBeat(datagram)).toBeDefined();
    datagram[at] = byte;
    expect(decodeBeat(datagram)).toBeUndefined();
  });

  it('are refused with generation 0, and with an unknown status', () => {
    const datagram = encodeBeat(
      { ...example, signal: 'service', ready: true, ackWanted: false },
      EXAMPLE_KEY,
    );
    datagram.fill(0, 9, 15);
    expect(decodeBeat(datagram)).toBeUndefined();
    const reply = encodeAck({ ...example, status: 'epoch' }, EXAMPLE_KEY);
    expect(reply[4]).toBe(3);
    reply[4] = ACK_STATUSES.length;
    expect(decodeAck(reply)).toBeUndefined();
  });

  it.each([
    ['an empty id', { id: '' }],
    ['a long id', { id: 'x'.repeat(256) }],
    ['half a surrogate pair', { id: '\ud800' }],
    ['generation 0', { generation: 0 }],
    ['a sequence that is too large', { sequence: 2 ** 48 }],
    ['an epoch in capitals', { epoch: '00112233445566AA' }],
    ['no epoch', { epoch: undefined as unknown as string }],
  ])('are not made of %s', (_, change) => {
    const said = {
      ...example,
      signal: 'service',
      ready: true,
      ackWanted: true,
      ...change,
    } as const;
    expect(() => encodeBeat(said, EXAMPLE_KEY)).toThrow(
      /^(id|generation|sequence|epoch): expected/,
    );
  });

  it('have keys of at least 16 bytes in base64url, which no error shows', () => {
    expect(keyOf('AAECAwQFBgcICQoLDA0ODw')).toHaveLength(16);
    expect(() => keyOf('AAECAwQFBgcICQoLDA0O')).toThrow('secret: expected base64url');
    expect(() => keyOf('AAECAwQFBgcICQoLDA0ODw==')).toThrow(
      'secret: expected base64url of at least 16 bytes, got "…"',
    );
    expect(() => keyOf(1 as unknown as string)).toThrow(TypeError);
  });
});
