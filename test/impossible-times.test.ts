/** Times that a heartbeat cannot have, and clocks that run back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FailureDetector, type FailureDetectorOptions } from '../src/index.js';

/** A detector with timers that are never called: the world advances it. */
function world(options: FailureDetectorOptions = {}, start = 5000) {
  const time = { now: start };
  const clock = {
    now: () => time.now,
    setTimeout: () => 0,
    clearTimeout: () => {},
    setImmediate: () => {},
  };
  const detector = new FailureDetector({ clock, stallGuard: false, ...options });
  return { time, detector };
}

describe('a time that lies too far ahead', () => {
  it('is refused, and changes nothing', () => {
    const { time, detector } = world();
    for (let n = 0; n < 20; n++, time.now += 1000) detector.heartbeat('a');
    const before = detector.snapshot();
    const suspectAt = detector.peer('a')?.suspectAt();
    for (const at of [time.now + 1001, 1.8e12, 1e300, Number.MAX_VALUE]) {
      expect(detector.heartbeat('a', at)).toBe('in-the-future');
      expect(detector.heartbeat('a', at, { incarnation: 7, sequence: 9 })).toBe('in-the-future');
      expect(detector.heartbeat('unknown', at)).toBe('in-the-future');
    }
    expect(detector.size).toBe(1);
    expect(detector.peer('a')?.suspectAt()).toBe(suspectAt);
    expect(detector.dropped['in-the-future']).toBe(12);
    expect(detector.explain('a')?.dropped['in-the-future']).toBe(8);
    const { journal, ...rest } = detector.snapshot().peers[0];
    expect(journal).toMatchObject({ received: 0, restarts: 0, dropped: [0, 0, 0, 0, 8] });
    expect(rest).toEqual(before.peers[0]);
    expect(detector.heartbeat('a')).toBe('accepted');
  });

  it('of a wall clock is refused where the detector goes by a monotonic one', () => {
    const detector = new FailureDetector();
    expect(detector.heartbeat('a', Date.now())).toBe('in-the-future');
    expect(detector.heartbeat('a', Date.now() / 1000)).toBe('in-the-future');
    expect(detector.heartbeat('a', performance.now())).toBe('accepted');
    detector.close();
  });

  it.each([0, 1, 1000, 60_000])(
    'begins %s ms ahead of the clock, by option maxAhead',
    (maxAhead) => {
      const { time, detector } = world({ maxAhead });
      expect(detector.heartbeat('a', time.now + maxAhead)).toBe('accepted');
      expect(detector.heartbeat('b', time.now + maxAhead + 0.5)).toBe('in-the-future');
      expect(detector.heartbeat('a', time.now + maxAhead + 1)).toBe('in-the-future');
      time.now += 2;
      expect(detector.heartbeat('a', time.now + maxAhead)).toBe('accepted');
    },
  );

  it('is none where the caller owns the time', () => {
    const detector = new FailureDetector({ clock: () => 0, timers: false });
    expect(detector.heartbeat('a', 1e9)).toBe('accepted');
    const bounded = new FailureDetector({ clock: () => 0, timers: false, maxAhead: 5 });
    expect(bounded.heartbeat('a', 6)).toBe('in-the-future');
  });

  it.each([-1, Number.NaN, '7', null, 7n])('cannot be set to %s ms', (maxAhead) => {
    expect(() => new FailureDetector({ maxAhead: maxAhead as never })).toThrow(/maxAhead/);
  });

  it('is found at any heartbeat, whatever came before it', () => {
    const beats = fc.record({
      wait: fc.integer({ min: 0, max: 3000 }),
      ahead: fc.integer({ min: -5000, max: 5000 }),
      peer: fc.constantFrom('a', 'b', 'c'),
      info: fc.constantFrom(undefined, {}, { incarnation: 3 }),
      stallGuard: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(beats), fc.boolean(), (all, stallGuard) => {
        const { time, detector } = world({ maxAhead: 500, stallGuard });
        for (const { wait, ahead, peer, info } of all) {
          time.now += wait;
          const outcome = detector.heartbeat(peer, time.now + ahead, info);
          expect(outcome === 'in-the-future').toBe(ahead > 500);
          expect(detector.phi(peer) ?? 0).toBeGreaterThanOrEqual(0);
          expect(detector.explain(peer)?.silence ?? 0).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});

describe('a time that is none', () => {
  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    7n,
    '7',
    new Date(),
    null,
    {},
    [7],
    true,
  ])('%s is refused, and watches nobody', (at) => {
    for (const options of [{}, { maxAhead: Number.POSITIVE_INFINITY }, { stallGuard: true }]) {
      const { detector } = world(options);
      expect(detector.heartbeat('a', at as never)).toBe('invalid-time');
      expect(detector.size).toBe(0);
      detector.watch('b');
      expect(detector.heartbeat('b', at as never)).toBe('invalid-time');
      expect(detector.heartbeat('b', at as never, { sequence: 1 })).toBe('invalid-time');
      expect(detector.dropped['invalid-time']).toBe(3);
    }
  });
});

describe('a time within maxAhead', () => {
  it('makes no silence negative', () => {
    const { time, detector } = world();
    const silences: number[] = [];
    for (const event of ['late', 'suspect', 'available'] as const) {
      detector.on(event, ({ silence }) => silences.push(silence));
    }
    for (let n = 0; n < 20; n++, time.now += 1000) detector.heartbeat('a', time.now + 900);
    time.now -= 1000;
    expect(detector.explain('a')).toMatchObject({ silence: 0, status: 'available' });
    expect(detector.phi('a')).toBeGreaterThanOrEqual(0);
    expect(detector.snapshot().peers[0].silence).toBe(0);
    time.now += 20_000;
    detector.advance();
    detector.heartbeat('a', time.now + 900);
    expect(silences.every((silence) => silence >= 0)).toBe(true);
    expect(silences.length).toBeGreaterThan(1);
  });

  it('of a snapshot is not restored as a silence that is negative for years', () => {
    const { detector } = world();
    detector.heartbeat('a');
    const snapshot = detector.snapshot();
    const peers = [{ ...snapshot.peers[0], silence: -1e12 }];
    const time = { now: 0 };
    const restored = FailureDetector.restore({ ...snapshot, peers }, { clock: () => time.now });
    time.now = 10_000;
    restored.advance();
    expect(restored.status('a')).toBe('suspect');
    restored.close();
  });
});

describe('a time that lies far back', () => {
  it('counts as it stands: who was heard last then is suspected', () => {
    const { time, detector } = world();
    const said: string[] = [];
    detector.on('suspect', ({ peer }) => said.push(`${peer} suspect`));
    expect(detector.heartbeat('a', -1e12)).toBe('accepted');
    detector.advance();
    expect(said).toEqual(['a suspect']);
    expect(detector.explain('a')?.silence).toBe(1e12 + time.now);
    expect(detector.heartbeat('a')).toBe('accepted');
    expect(detector.status('a')).toBe('available');
    expect(detector.explain('a')?.mean).toBe(1000); // nothing was learnt from it
  });
});
