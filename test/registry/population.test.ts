/** Every number of the rules about shares, at equality and for the smallest populations. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freezes, panics, removable } from '../../src/registry/population.js';

const census = (available: number, n: number, down = n - available) => ({ n, available, down });

describe('panic', () => {
  it.each([
    [0, 0, false],
    [1, 1, false],
    [0, 1, true],
    [1, 2, false],
    [0, 2, true],
    [1, 3, true],
    [2, 3, false],
    [49, 100, true],
    [50, 100, false],
  ])('%i available of %i: %s', (available, n, panic) => {
    expect(panics(census(available, n), 50, false)).toBe(panic);
  });

  it('is left at 60, and not before', () => {
    expect(panics(census(59, 100), 50, true)).toBe(true);
    expect(panics(census(60, 100), 50, true)).toBe(false);
    expect(panics(census(5, 10), 50, true)).toBe(true);
    expect(panics(census(6, 10), 50, true)).toBe(false);
    // One alone holds none that it would not begin.
    expect(panics(census(1, 2), 50, true)).toBe(false);
    expect(panics(census(2, 4), 50, true)).toBe(true);
    expect(panics(census(3, 4), 70, true)).toBe(false);
    expect(panics(census(99, 100), 100, true)).toBe(true);
    expect(panics(census(100, 100), 100, true)).toBe(false);
  });

  it('is left by everybody, and with one missing where that begins none, however few they are', () => {
    for (let n = 1; n <= 30; n++) {
      for (const below of [10, 50, 75, 100]) {
        expect(panics(census(n, n), below, true)).toBe(false);
        if (n > 1) expect(panics(census(n - 1, n), below, true)).toBe((100 * (n - 1)) / n < below);
        for (let available = 0; available <= n; available++) {
          const begins = panics(census(available, n), below, false);
          if (begins) expect(panics(census(available, n), below, true)).toBe(true);
        }
      }
    }
  });

  it('is off at 0', () => {
    expect(panics(census(0, 10), 0, false)).toBe(false);
    expect(panics(census(0, 10), 0, true)).toBe(false);
  });
});

describe('removal', () => {
  it.each([
    [0, 1],
    [1, 1],
    [2, 1],
    [3, 1],
    [6, 1],
    [7, 2],
    [20, 3],
    [100, 15],
  ])('of %i at most %i in one sweep', (n, most) => {
    expect(removable(n)).toBe(most);
  });

  const silent = { received: 0, expected: 100 };
  const heard = { received: 86, expected: 100 };

  it('is allowed for a few though heartbeats are missing: one of three must not freeze it', () => {
    for (const n of [1, 2, 3]) expect(freezes(census(n - 1, n), silent)).toBe(undefined);
    expect(freezes(census(1, 3), silent)).toBe('too-few-heartbeats');
    expect(freezes(census(8, 10), silent)).toBe(undefined);
    expect(freezes(census(7, 10), silent)).toBe('too-few-heartbeats');
  });

  it('of more than a few needs more than 0.85 of the heartbeats, not as many', () => {
    expect(freezes(census(7, 10), heard)).toBe(undefined);
    expect(freezes(census(7, 10), { received: 85, expected: 100 })).toBe('too-few-heartbeats');
  });

  it('stops at 55 percent, from three on', () => {
    expect(freezes(census(45, 100), heard)).toBe('too-many-down');
    expect(freezes(census(46, 100), heard)).toBe(undefined);
    expect(freezes(census(0, 2), heard)).toBe(undefined);
    expect(freezes(census(0, 3), heard)).toBe('too-many-down');
  });

  it('never allows more with more of them down', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(300), fc.nat(300), (n, a, received) => {
        const down = Math.min(a, n - 1);
        const beats = { received, expected: 300 };
        const fewer = freezes({ n, available: n - down, down }, beats);
        const more = freezes({ n, available: n - down - 1, down: down + 1 }, beats);
        expect(fewer !== undefined && more === undefined).toBe(false);
      }),
    );
  });
});
