/**
 * Signed datagrams, version 2 (docs/wire-format.md): a beat of one lease, and the registry's
 * answer to it. All numbers big-endian:
 *
 *     0  2  magic CF 86
 *     2  1  version 2
 *     3  1  kind: 1 beat, 2 acknowledgement
 *     4  1  beat: flags; acknowledgement: status
 *     5  1  length L of the id, 1 to 255
 *     6  L  id, UTF-8
 *     .  6  generation
 *     .  6  sequence
 *     .  8  epoch
 *     .  16 tag: the first half of HMAC-SHA256(secret, all bytes before it)
 *
 * Both kinds have one layout, so an answer is as long as the question: nobody can use a registry
 * to amplify traffic towards a forged sender.
 */
import { timingSafeEqual } from 'node:crypto';
import { isPlainText, PLAIN_TEXT } from '../core/text.js';
import { checkNumber, checkRange, checkType } from '../core/validate.js';
import { hmac, MAC_BYTES } from './hmac.js';
import { isIdText, MAX_ID_BYTES, MAX_NUMBER } from './udp-wire.js';

const VERSION = 2;
const BEAT = 1;
const ACK = 2;
const HEAD = 6;
const NUMBER = 6;
const EPOCH = 8;
const TAG = 16;
const REST = 2 * NUMBER + EPOCH + TAG;
const PROCESS = 1;
const NOT_READY = 2;
const ACK_WANTED = 4;
const ALL_FLAGS = PROCESS | NOT_READY | ACK_WANTED;

/** What became of a beat, in the order of the numbers that stand for it on the wire. */
export const ACK_STATUSES = [
  'accepted',
  'unknown',
  'stale-generation',
  'epoch',
  'not-accepted',
] as const;

/**
 * `unknown`: register again; `stale-generation`: another life holds the id; `epoch`: use the one
 * that came with the answer; `not-accepted`: a duplicate, or older than one that was heard.
 */
export type AckStatus = (typeof ACK_STATUSES)[number];

interface Numbered {
  readonly id: string;
  /** The generation of the lease, 1 to 2⁴⁸ − 1. */
  readonly generation: number;
  /** The number of the beat in that generation and for that signal, 0 to 2⁴⁸ − 1. */
  readonly sequence: number;
  /** 8 bytes as 16 lower-case hexadecimal digits: the start of the registry that it is meant for. */
  readonly epoch: string;
}

/** One beat of one lease. */
export interface SignedBeat extends Numbered {
  readonly signal: 'service' | 'process';
  /** Whether the instance wants traffic. */
  readonly ready: boolean;
  /** Whether the registry is asked for an answer. */
  readonly ackWanted: boolean;
}

/** The registry's answer; `sequence` is that of the beat, `epoch` the registry's own. */
export interface SignedAck extends Numbered {
  readonly status: AckStatus;
}

/**
 * The key that a lease's secret (base64url) stands for.
 *
 * @throws TypeError, RangeError for what is no base64url of at least 16 bytes
 */
export function keyOf(secret: string): Buffer {
  checkType('secret', 'a string', secret, typeof secret === 'string');
  const key = Buffer.from(secret, 'base64url');
  // The secret itself is not shown.
  const fits = key.length >= 16 && /^[\w-]+$/.test(secret);
  checkRange('secret', 'base64url of at least 16 bytes', fits ? secret : '…', fits);
  return key;
}

/** The version that a datagram of ours claims to be of, 1 to 3; 0 for what is not ours. */
export function versionOf(datagram: Uint8Array): 0 | 1 | 2 | 3 {
  if (datagram.length < HEAD || datagram[0] !== 0xcf || datagram[1] !== 0x86) return 0;
  const version = datagram[2];
  return version === 1 || version === VERSION || version === 3 ? version : 0;
}

const expected = Buffer.alloc(MAC_BYTES);
const expectedTag = expected.subarray(0, TAG);
const givenTag = Buffer.alloc(TAG);

/** Whether who signed the datagram holds `key`; takes the same time for every wrong tag. */
export function hasTagOf(datagram: Uint8Array, key: Uint8Array): boolean {
  const end = datagram.length - TAG;
  if (end < HEAD) return false;
  expected.write(hmac(key, datagram, end), 'latin1');
  for (let i = 0; i < TAG; i++) givenTag[i] = datagram[end + i];
  return timingSafeEqual(expectedTag, givenTag);
}

/** Whether a datagram has no tag: sixteen zeros, which no key gives. */
export const isUnsigned = (datagram: Uint8Array): boolean =>
  datagram.length > TAG && datagram.subarray(-TAG).every((byte) => byte === 0);

function encode(
  kind: number,
  mark: number,
  numbered: Numbered,
  key: Uint8Array | undefined,
): Buffer {
  const { generation, sequence, epoch } = numbered;
  const id = Buffer.from(numbered.id, 'utf8');
  const fits = id.length >= 1 && id.length <= MAX_ID_BYTES;
  checkRange('id', `1 to ${MAX_ID_BYTES} bytes of UTF-8`, numbered.id, fits);
  checkRange('id', PLAIN_TEXT, numbered.id, isPlainText(numbered.id));
  checkNumber('generation', generation, { least: 1, most: MAX_NUMBER, integer: true });
  checkNumber('sequence', sequence, { least: 0, most: MAX_NUMBER, integer: true });
  const isEpoch = typeof epoch === 'string' && /^[0-9a-f]{16}$/.test(epoch);
  checkRange('epoch', '16 lower-case hexadecimal digits', epoch, isEpoch);
  const datagram = Buffer.allocUnsafe(HEAD + id.length + REST);
  datagram.writeUInt16BE(0xcf86, 0);
  datagram[2] = VERSION;
  datagram[3] = kind;
  datagram[4] = mark;
  datagram[5] = id.length;
  id.copy(datagram, HEAD);
  let at = HEAD + id.length;
  at = datagram.writeUIntBE(generation, at, NUMBER);
  at = datagram.writeUIntBE(sequence, at, NUMBER);
  at += datagram.write(epoch, at, 'hex');
  if (key === undefined) datagram.fill(0, at);
  else datagram.write(hmac(key, datagram, at), at, TAG, 'latin1');
  return datagram;
}

function decode(datagram: Buffer, kind: number): (Numbered & { mark: number }) | undefined {
  if (versionOf(datagram) !== VERSION || datagram[3] !== kind) return undefined;
  const idBytes = datagram[5];
  const end = HEAD + idBytes;
  if (idBytes === 0 || datagram.length !== end + REST) return undefined;
  if (!isIdText(datagram, HEAD, end)) return undefined;
  const generation = datagram.readUIntBE(end, NUMBER);
  if (generation === 0) return undefined;
  return {
    mark: datagram[4],
    id: datagram.toString('utf8', HEAD, end),
    generation,
    sequence: datagram.readUIntBE(end + NUMBER, NUMBER),
    epoch: datagram.toString('hex', end + 2 * NUMBER, end + 2 * NUMBER + EPOCH),
  };
}

/**
 * A beat as a datagram, signed with `key`.
 *
 * @throws TypeError, RangeError for an id, a number or an epoch that does not fit
 */
export function encodeBeat(beat: SignedBeat, key: Uint8Array): Buffer {
  const flags =
    (beat.signal === 'process' ? PROCESS : 0) |
    (beat.ready ? 0 : NOT_READY) |
    (beat.ackWanted ? ACK_WANTED : 0);
  return encode(BEAT, flags, beat, key);
}

/**
 * What a datagram says if it is a well-formed beat, else undefined; never throws. It says nothing
 * of who sent it: {@link hasTagOf} does.
 */
export function decodeBeat(datagram: Buffer): SignedBeat | undefined {
  const decoded = decode(datagram, BEAT);
  if (decoded === undefined || (decoded.mark & ~ALL_FLAGS) !== 0) return undefined;
  // Field by field: the rest of an object, and a spread of it, cost more than all the other decoding.
  const { mark, id, generation, sequence, epoch } = decoded;
  return {
    id,
    generation,
    sequence,
    epoch,
    signal: mark & PROCESS ? 'process' : 'service',
    ready: (mark & NOT_READY) === 0,
    ackWanted: (mark & ACK_WANTED) !== 0,
  };
}

/**
 * An answer as a datagram, signed with `key`, as long as the beat that it answers. Without a key it
 * is unsigned, and no more than a reason for the sender to ask in another way.
 *
 * @throws TypeError, RangeError for an id, a number, an epoch or a status that does not fit
 */
export function encodeAck(ack: SignedAck, key: Uint8Array | undefined): Buffer {
  const status = ACK_STATUSES.indexOf(ack.status);
  checkRange('status', `one of ${ACK_STATUSES.join(', ')}`, ack.status, status >= 0);
  return encode(ACK, status, ack, key);
}

/** As {@link decodeBeat}, of an answer. */
export function decodeAck(datagram: Buffer): SignedAck | undefined {
  const decoded = decode(datagram, ACK);
  const status = ACK_STATUSES[decoded?.mark ?? -1];
  if (decoded === undefined || status === undefined) return undefined;
  const { mark: _, ...numbered } = decoded;
  return { ...numbered, status };
}
