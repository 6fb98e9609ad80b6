/** Levels by silence beside levels of φ; any sequence of calls: failure-detector.model.test.ts. */
import { describe, expect, it } from 'vitest';
import { FailureDetector, type FailureDetectorOptions, type WatchOptions } from '../src/index.js';

function world(options: FailureDetectorOptions = {}) {
  const clock = { now: 0 };
  const detector = new FailureDetector({ clock: () => clock.now, timers: false, ...options });
  const told: [string, number, string | undefined, string | undefined][] = [];
  for (const event of ['suspect', 'available', 'level'] as const) {
    detector.on(event, ({ due, level, previous }) =>
      told.push([event, Math.round(due), level, previous]),
    );
  }
  const advance = (to: number) => {
    clock.now = to;
    detector.advance();
  };
  return { clock, detector, told, advance };
}

/** At an interval of 1 s and the options that are default, a silence of 2403 ms is suspicion. */
const SUSPECTED = 2403;

describe('A level by silence', () => {
  it('is crossed at its own instant, before the suspicion or after it, and falls first if it came last', () => {
    const levels = { page: { silence: 90_000 }, soon: { silence: 1500 } };
    const { detector, told, advance } = world({ levels });
    detector.heartbeat('a');
    told.length = 0;
    advance(1499);
    expect(told).toEqual([]);
    advance(100_000);
    expect(told).toEqual([
      ['level', 1500, 'soon', undefined],
      ['suspect', SUSPECTED, 'suspect', 'soon'],
      ['level', 90_000, 'page', 'suspect'],
    ]);
    expect(detector.level('a')).toBe('page');
    expect(detector.status('a')).toBe('suspect');
    told.length = 0;
    detector.heartbeat('a');
    expect(told).toEqual([
      ['level', 100_000, 'suspect', 'page'],
      ['level', 100_000, undefined, 'soon'],
      ['available', 100_000, undefined, 'suspect'],
    ]);
    expect(detector.level('a')).toBeUndefined();
  });

  it('stands between levels of φ where the interval of the peer puts it', () => {
    const levels = { slow: 1, dead: 20, minute: { silence: 60_000 } };
    const order = (heartbeatInterval: number) => {
      const { detector, told, advance } = world({ levels });
      detector.watch('a', { heartbeatInterval });
      advance(1e6);
      return told.map(([, , level]) => level);
    };
    expect(order(1000)).toEqual(['slow', 'suspect', 'dead', 'minute']);
    expect(order(30_000)).toEqual(['slow', 'minute', 'suspect', 'dead']);
  });

  it('comes with its φ or with its silence, whichever is first', () => {
    const levels = { first: { phi: 1, silence: 1200 }, second: { phi: 1, silence: 5000 } };
    const { detector, told, advance } = world({ levels });
    detector.watch('a');
    advance(1300);
    expect(told).toEqual([['level', 1200, 'first', undefined]]);
    advance(1e5);
    expect(told.slice(1)).toEqual([
      ['level', 1320, 'second', 'first'],
      ['suspect', SUSPECTED, 'suspect', 'second'],
    ]);
  });

  it('falls with the next heartbeat, also of a peer that stays suspected', () => {
    const { detector, told, advance } = world({
      recoverAfter: 3,
      levels: { slow: 1, page: { silence: 5000 } },
    });
    detector.heartbeat('a');
    advance(6000);
    told.length = 0;
    detector.heartbeat('a');
    expect(told).toEqual([['level', 6000, 'suspect', 'page']]);
    expect([detector.status('a'), detector.level('a')]).toEqual(['suspect', 'suspect']);
    advance(12_000);
    detector.heartbeat('a');
    expect(told.slice(1)).toEqual([
      ['level', 11_000, 'page', 'suspect'],
      ['level', 12_000, 'suspect', 'page'],
    ]);
  });

  it('is moved by an announced nap, and does not come while the link is down', () => {
    const { clock, detector, told, advance } = world({ levels: { page: { silence: 5000 } } });
    const link = detector.link();
    detector.heartbeat('a', 0, { next: 60_000 });
    detector.heartbeat('b', 0, { link });
    link.down();
    told.length = 0;
    advance(64_000 - 1);
    expect(told).toEqual([['suspect', 61_403, 'suspect', undefined]]);
    advance(64_000);
    expect(told.slice(1)).toEqual([['level', 64_000, 'page', 'suspect']]);
    expect(detector.level('b')).toBeUndefined();
    expect(clock.now).toBe(64_000);
  });

  it('goes on in a snapshot, and is not told again', () => {
    const options = { levels: { early: { silence: 500 }, page: { silence: 5000 }, dead: 20 } };
    const { detector, advance } = world(options);
    detector.heartbeat('a');
    advance(3000);
    expect(detector.snapshotPeer('a')).toMatchObject({
      level: 'suspect',
      crossed: ['suspect', 'early'],
    });
    const plain = JSON.parse(JSON.stringify(detector.snapshot()));
    const clock = { now: 1e6 };
    const copy = FailureDetector.restore(plain, {
      ...options,
      clock: () => clock.now,
      timers: false,
    });
    const told: (string | undefined)[] = [];
    copy.on('level', ({ level }) => told.push(level));
    clock.now += 100_000;
    copy.advance();
    expect(told).toEqual(['dead', 'page']);
    copy.heartbeat('a');
    expect(told.slice(2)).toEqual(['dead', 'suspect', undefined]);
  });

  it('is kept by its name when the options of the peer change, whatever the others are', () => {
    const { detector, told, advance } = world({
      levels: { early: { silence: 500 }, slow: 1, page: { silence: 5000 } },
    });
    detector.heartbeat('a');
    advance(1400);
    told.length = 0;
    detector.watch('a', { levels: { slow: 1, early: { silence: 700 }, half: { silence: 600 } } });
    expect(detector.level('a')).toBe('slow');
    advance(1500);
    expect(told).toEqual([['level', 600, 'half', 'slow']]);
    detector.watch('a', { levels: { slow: 1 } });
    expect(detector.level('a')).toBe('slow');
    advance(3000);
    expect(told.slice(1)).toEqual([['suspect', SUSPECTED, 'suspect', 'slow']]);
  });

  it.each<[unknown, ErrorConstructor, RegExp]>([
    [{ silence: 0 }, RangeError, /^levels\.page\.silence: /],
    [{ silence: -1 }, RangeError, /^levels\.page\.silence: /],
    [{ silence: Number.NaN }, RangeError, /^levels\.page\.silence: /],
    [{ silence: Number.POSITIVE_INFINITY }, RangeError, /^levels\.page\.silence: /],
    [{ silence: '90s' }, TypeError, /^levels\.page\.silence: /],
    [{ phi: 0, silence: 90 }, RangeError, /^levels\.page\.phi: /],
    [{ phi: '8' }, TypeError, /^levels\.page\.phi: /],
    [{ silense: 90 }, TypeError, /^levels\.page: unknown option "silense"/],
    [{}, RangeError, /^levels\.page: /],
    [{ phi: undefined, silence: undefined }, RangeError, /^levels\.page: /],
    [null, TypeError, /^levels\.page: /],
    [undefined, TypeError, /^levels\.page: /],
    ['8', TypeError, /^levels\.page: /],
    [[8], TypeError, /^levels\.page: /],
    [-1, RangeError, /^levels\.page: /],
  ])('that is %j is refused, and named', (page, error, message) => {
    const options = { levels: { page } } as unknown as WatchOptions;
    const make = () => new FailureDetector({ ...options, timers: false });
    expect(make).toThrow(error);
    expect(make).toThrow(message);
  });

  it('may leave φ or silence undefined, and be one of 30', () => {
    const page = { phi: undefined, silence: 90_000 };
    const all = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`l${i}`, i === 0 ? page : { silence: 100 + i }]),
    );
    const { detector, told, advance } = world({
      levels: { ...all, l1: { phi: 3, silence: undefined } },
    });
    detector.heartbeat('a');
    told.length = 0;
    advance(1e6);
    expect(told.length).toBe(31);
    expect(detector.level('a')).toBe('l0');
    told.length = 0;
    detector.heartbeat('a');
    expect(told.length).toBe(31);
    expect(detector.level('a')).toBeUndefined();
  });
});
