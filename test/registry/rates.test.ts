import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Rates, SignInRates } from '../../src/registry/service/rates.js';
import { EVERYBODY } from '../../src/registry/service/tokens.js';

let now = 0;
beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const refuses = (call: () => void): boolean => {
  try {
    call();
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'rate-limited' });
    return true;
  }
};

/** What is refused of each key, by windows that begin with the first and are told from all others. */
class Plain {
  readonly #windows = new Map<string, { start: number; count: number }>();

  refuses(key: string, ms: number, most: number): boolean {
    const window = this.#windows.get(key);
    if (window === undefined || now >= window.start + ms) {
      this.#windows.set(key, { start: now, count: 1 });
      return most < 1;
    }
    return ++window.count > most;
  }
}

describe('a budget of requests', () => {
  const asker = { grant: EVERYBODY, address: '127.0.0.1' };
  const steps = fc.array(fc.tuple(fc.nat(3), fc.oneof(fc.nat(120), fc.nat(5000))), {
    minLength: 1,
    maxLength: 300,
  });

  it('is twenty in each second that begins with a request, for each instance by itself', () => {
    fc.assert(
      fc.property(steps, (all) => {
        now = 0;
        const rates = new Rates();
        const plain = new Plain();
        for (const [instance, ms] of all) {
          for (let i = 0; i < 7; i++) {
            const id = `i${instance}`;
            expect(refuses(() => rates.report(asker, id))).toBe(plain.refuses(id, 1000, 20));
          }
          now += ms;
        }
      }),
    );
  });

  it('of heartbeats is five times those of both signals, where that is more than twenty', () => {
    for (const [heartbeatInterval, most] of [
      [1000, 20],
      [500, 20],
      [300, 33],
      [10, 1000],
    ]) {
      const rates = new Rates();
      const instance = { id: 'a', generation: 1, heartbeatInterval };
      const beat = () => refuses(() => rates.beat(asker, instance, true));
      for (let i = 0; i < most; i++) expect(beat()).toBe(false);
      expect(beat()).toBe(true);
      now += 999;
      expect(beat()).toBe(true);
      now += 1;
      expect(beat()).toBe(false);
    }
  });

  it('of wrong tokens for the page is ten a minute for each address', () => {
    const rates = new SignInRates();
    const wrong = (address: string) => refuses(() => rates.wrong(address));
    for (let i = 0; i < 10; i++) expect(wrong('10.0.0.1')).toBe(false);
    expect([wrong('10.0.0.1'), wrong('10.0.0.2')]).toEqual([true, false]);
    now += 60_000;
    expect(wrong('10.0.0.1')).toBe(false);
  });
});
