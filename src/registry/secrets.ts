/** The secrets of leases: worked out from one key, never stored, compared in constant time. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { checkRange, checkType } from '../core/validate.js';
import { hmac } from '../sources/hmac.js';

const LEAST_BYTES = 16;

export class Secrets {
  readonly #key: Uint8Array;

  /** @throws TypeError, RangeError for what is no key */
  constructor(key: Uint8Array = randomBytes(32)) {
    checkType('secretKey', 'a Uint8Array', key, key instanceof Uint8Array);
    const fits = key.length >= LEAST_BYTES;
    checkRange('secretKey', `at least ${LEAST_BYTES} bytes`, key.length, fits);
    this.#key = Uint8Array.from(key); // whoever gave it may wipe it
  }

  /** What the secret of a lease is, in bytes: the key by which its datagrams are signed. */
  keyOf(id: string, generation: number): Buffer {
    return Buffer.from(hmac(this.#key, Buffer.from(`${id}\0${generation}`)), 'latin1');
  }
}

/** Whether a text is the secret that a key stands for; takes as long for wrong ones as for the right one. */
export function isSecretOf(key: Uint8Array, secret: unknown): boolean {
  if (typeof secret !== 'string') return false;
  const given = Buffer.from(secret, 'base64url');
  return given.length === key.length && timingSafeEqual(given, key);
}
