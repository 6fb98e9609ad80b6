/**
 * The wire form of heartbeats, version 1, and of farewells, version 3 (docs/wire-format.md). All
 * numbers big-endian:
 *
 *     0  2  magic CF 86 ('φ' in UTF-8)
 *     2  1  version 1: heartbeats; version 3: farewells, a version of their own so that listeners
 *           that do not know them drop them
 *     3  1  number of heartbeats or farewells, 1 to 255
 *     then for each:
 *     0  1  length L of the id, 1 to 255
 *     1  L  id, UTF-8
 *     .  6  incarnation, 0 to 2⁴⁸ − 1
 *     .  6  sequence, 0 to 2⁴⁸ − 1; of a farewell, that of the last heartbeat
 */
import { isUtf8 } from 'node:buffer';
import { isPlainText, PLAIN_TEXT } from '../core/text.js';
import { checkNumber, checkRange } from '../core/validate.js';
import type { SourceInfo } from './heartbeat-sink.js';

const HEADER = 4;
const HEARTBEATS = 1;
const FAREWELLS = 3;
const NUMBER = 6;

/** The longest id, in bytes of UTF-8. */
export const MAX_ID_BYTES = 255;
/** The most heartbeats in one datagram. */
export const MAX_BATCH = 255;
/** The largest incarnation and sequence number. */
export const MAX_NUMBER = 2 ** 48 - 1;

const NUMBERS = { least: 0, most: MAX_NUMBER, integer: true };

/** One heartbeat, or the farewell after it, as it is sent. */
export interface WireHeartbeat extends SourceInfo {
  id: string;
}

/** Bytes that a heartbeat with an id of `idBytes` takes in a datagram. */
export const heartbeatBytes = (idBytes: number): number => 1 + idBytes + 2 * NUMBER;

/** The bytes of a datagram without heartbeats. */
export const HEADER_BYTES = HEADER;

/**
 * One datagram of heartbeats.
 *
 * @throws RangeError for none or too many heartbeats, an id that is empty or too long, or a
 * number outside 0 … 2⁴⁸ − 1
 */
export const encodeHeartbeats = (heartbeats: readonly WireHeartbeat[]): Buffer =>
  encode(HEARTBEATS, heartbeats);

/**
 * One datagram that says that peers have left: for each its id, its incarnation, and the sequence
 * of its last heartbeat.
 *
 * @throws as {@link encodeHeartbeats}
 */
export const encodeFarewells = (farewells: readonly WireHeartbeat[]): Buffer =>
  encode(FAREWELLS, farewells);

function encode(version: number, heartbeats: readonly WireHeartbeat[]): Buffer {
  if (heartbeats.length < 1 || heartbeats.length > MAX_BATCH) {
    throw new RangeError(`heartbeats: expected 1 to ${MAX_BATCH}, got ${heartbeats.length}`);
  }
  const ids = heartbeats.map(({ id }) => Buffer.from(id, 'utf8'));
  const size = ids.reduce((sum, id) => sum + heartbeatBytes(id.length), HEADER);
  const datagram = Buffer.allocUnsafe(size);
  datagram.writeUInt16BE(0xcf86, 0);
  datagram[2] = version;
  datagram[3] = heartbeats.length;
  let at = HEADER;
  for (const [i, { incarnation, sequence }] of heartbeats.entries()) {
    const id = ids[i];
    if (id.length < 1 || id.length > MAX_ID_BYTES) {
      throw new RangeError(`id: expected 1 to ${MAX_ID_BYTES} bytes of UTF-8, got ${id.length}`);
    }
    checkRange('id', PLAIN_TEXT, heartbeats[i].id, isPlainText(heartbeats[i].id));
    datagram[at] = id.length;
    checkNumber('incarnation', incarnation, NUMBERS);
    checkNumber('sequence', sequence, NUMBERS);
    id.copy(datagram, at + 1);
    at += 1 + id.length;
    at = datagram.writeUIntBE(incarnation, at, NUMBER);
    at = datagram.writeUIntBE(sequence, at, NUMBER);
  }
  return datagram;
}

const info: SourceInfo = { incarnation: 0, sequence: 0 };

/**
 * Hands each heartbeat of a datagram to `take`; returns how many there were. A datagram that is
 * malformed anywhere gives −1, and nothing of it is handed on.
 */
export function decodeHeartbeats(
  datagram: Buffer,
  take: (id: string, info: SourceInfo) => void,
): number {
  return decode(HEARTBEATS, datagram, take);
}

/** As {@link decodeHeartbeats}, for the farewells of a datagram. */
export function decodeFarewells(
  datagram: Buffer,
  take: (id: string, info: SourceInfo) => void,
): number {
  return decode(FAREWELLS, datagram, take);
}

/** Whether a datagram claims to hold farewells; it may be malformed all the same. */
export const isFarewell = (datagram: Uint8Array): boolean => datagram[2] === FAREWELLS;

function decode(
  version: number,
  datagram: Buffer,
  take: (id: string, info: SourceInfo) => void,
): number {
  if (!isWellFormed(datagram, version)) return -1;
  const count = datagram[3];
  let at = HEADER;
  for (let i = 0; i < count; i++) {
    const end = at + 1 + datagram[at];
    const id = datagram.toString('utf8', at + 1, end);
    info.incarnation = readNumber(datagram, end);
    info.sequence = readNumber(datagram, end + NUMBER);
    at = end + 2 * NUMBER;
    take(id, info);
  }
  return count;
}

function readNumber(b: Buffer, at: number): number {
  const high = b[at] * 256 + b[at + 1];
  return high * 2 ** 32 + (b[at + 2] * 2 ** 24 + (b[at + 3] << 16) + (b[at + 4] << 8) + b[at + 5]);
}

/**
 * Whether bytes are UTF-8 and may be shown. ASCII is looked at here: a view and a call out of V8 for
 * each id cost twice as much as the rest.
 */
export function isIdText(datagram: Buffer, from: number, to: number): boolean {
  let i = from;
  while (i < to && datagram[i] >= 0x20 && datagram[i] < 0x7f) i++;
  if (i === to) return true;
  const rest = datagram.subarray(i, to);
  return isUtf8(rest) && isPlainText(rest.toString('utf8'));
}

function isWellFormed(datagram: Buffer, version: number): boolean {
  const { length } = datagram;
  if (length <= HEADER || datagram[0] !== 0xcf || datagram[1] !== 0x86) return false;
  if (datagram[2] !== version || datagram[3] === 0) return false;
  let at = HEADER;
  for (let i = datagram[3]; i > 0; i--) {
    if (at >= length) return false;
    const idBytes = datagram[at];
    const end = at + heartbeatBytes(idBytes);
    if (idBytes === 0 || end > length) return false;
    // Ids that are no UTF-8 would all decode to the same replacement characters; those with control
    // characters would forge lines of logs.
    if (!isIdText(datagram, at + 1, at + 1 + idBytes)) return false;
    at = end;
  }
  return at === length;
}
