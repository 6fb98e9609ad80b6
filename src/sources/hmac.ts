/** HMAC-SHA256 of short messages, as heartbeats are. */
import * as crypto from 'node:crypto';

/** In bytes: of a block of SHA-256, and of what it gives. */
const BLOCK = 64;
export const MAC_BYTES = 32;
/** Longer messages are as well served by the platform's own HMAC. */
const MOST = 1024;

/** A part of Node since 20.12. */
const hash: typeof crypto.hash | undefined = crypto.hash;
const inner = Buffer.alloc(BLOCK + MOST);
const outer = Buffer.alloc(BLOCK + MAC_BYTES);

/**
 * The digest of a message, or of its first bytes, a character a byte (latin1). Two hashes in one call each: an object
 * of createHmac costs more than twice as much, and as much again when it is collected.
 */
export function hmac(key: Uint8Array, message: Uint8Array, length = message.length): string {
  if (hash === undefined || key.length > BLOCK || length > MOST) {
    const signed = message.subarray(0, length);
    return crypto.createHmac('sha256', key).update(signed).digest('binary');
  }
  for (let i = 0; i < BLOCK; i++) {
    const byte = i < key.length ? key[i] : 0;
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  for (let i = 0; i < length; i++) inner[BLOCK + i] = message[i];
  outer.write(hash('sha256', inner.subarray(0, BLOCK + length), 'binary'), BLOCK, 'latin1');
  return hash('sha256', outer, 'binary');
}
