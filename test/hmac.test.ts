import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { hmac } from '../src/sources/hmac.js';

describe('the signature of a message', () => {
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength, size: 'max' });

  it('is that of createHmac, for keys and messages of every length, and for a part of one', () => {
    fc.assert(
      fc.property(bytes(200), bytes(1500), fc.nat(1500), (key, message, part) => {
        const of = (signed: Uint8Array) =>
          createHmac('sha256', key).update(signed).digest('binary');
        expect(hmac(key, message)).toBe(of(message));
        const length = Math.min(part, message.length);
        expect(hmac(key, message, length)).toBe(of(message.subarray(0, length)));
      }),
      { numRuns: 300 },
    );
  });

  it('is the same where the platform has no hash in one call', async () => {
    vi.doMock('node:crypto', async (original) => ({
      ...(await original<typeof import('node:crypto')>()),
      hash: undefined,
    }));
    vi.resetModules();
    const other = await import('../src/sources/hmac.js');
    vi.doUnmock('node:crypto');
    const [key, message] = [Buffer.alloc(32, 7), Buffer.from('beat')];
    expect(other.hmac).not.toBe(hmac);
    expect(other.hmac(key, message, 3)).toBe(hmac(key, message, 3));
  });
});
