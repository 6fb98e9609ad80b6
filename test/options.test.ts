import { describe, expect, it } from 'vitest';
import { FailureDetector, PhiAccrualDetector } from '../src/index.js';

const wrong: [string, unknown, ErrorConstructor | TypeErrorConstructor][] = [
  ['threshold', Number.NaN, RangeError],
  ['threshold', -1, RangeError],
  ['threshold', Number.POSITIVE_INFINITY, RangeError],
  ['threshold', null, TypeError],
  ['heartbeatInterval', 0, RangeError],
  ['heartbeatInterval', '1s', TypeError],
  ['windowSize', 0, RangeError],
  ['windowSize', 2.5, RangeError],
  ['windowSize', 262_145, RangeError],
  ['minStdDev', -1, RangeError],
  ['minStdDev', 'x', TypeError],
  ['minStdDev', { absolut: 1 }, TypeError],
  ['minStdDev', { relative: -0.1 }, RangeError],
  ['minStdDev', [1], TypeError],
  ['acceptablePause', -1, RangeError],
  ['acceptablePause', Number.POSITIVE_INFINITY, RangeError],
  ['model', 'gauss', RangeError],
  ['model', 3, TypeError],
  ['model', '__proto__', RangeError],
  ['learn', 'never', RangeError],
  ['maxSilence', 0, RangeError],
];
const wrongForMany: typeof wrong = [
  ['levels', { '': 1 }, RangeError],
  ['levels', { a: Number.NaN }, RangeError],
  [
    'levels',
    Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`l${i}`, i + 1])),
    RangeError,
  ],
  ['recoverAfter', 0, RangeError],
  ['clock', 5, TypeError],
  ['clock', { now: 5 }, TypeError],
  ['timers', 'no', TypeError],
  ['autoWatch', 1, TypeError],
  ['maxPeers', 0, RangeError],
  ['maxPeers', 1.5, RangeError],
  ['signal', {}, TypeError],
  ['signal', null, TypeError],
  ['stallGuard', 5, TypeError],
  ['stallGuard', { slack: 0 }, RangeError],
  ['stallGuard', { slak: 100 }, TypeError],
  ['massSilence', { fraction: 1.5 }, RangeError],
  ['massSilence', null, TypeError],
  ['flapDamping', { maxBeats: 1.5 }, RangeError],
  ['flapDamping', 1, TypeError],
];

describe('options', () => {
  it.each(wrong)('of one peer: %s may not be %o', (name, value, type) => {
    const make = () => new PhiAccrualDetector({ [name]: value });
    expect(make).toThrow(type);
    // RangeError is what it says, not merely some Error.
    expect(make).toThrow(new RegExp(`^${name}(\\.\\w+)?: (expected .* got |unknown option)`));
  });

  it.each([...wrong, ...wrongForMany])('of a detector: %s may not be %o', (name, value, type) => {
    const make = () => new FailureDetector({ [name]: value });
    expect(make).toThrow(type);
    expect(make).toThrow(new RegExp(`^${name}(\\.\\w+)?: (expected .* got |unknown option)`));
  });

  it('that are unknown are named, whatever their value', () => {
    expect(() => new PhiAccrualDetector({ levels: {} } as never)).toThrow(
      /unknown option "levels"/,
    );
    expect(() => new FailureDetector({ minStdDevMs: undefined } as never)).toThrow(TypeError);
    expect(() => new FailureDetector(5 as never)).toThrow(/^options: expected an object, got 5/);
    expect(() => new FailureDetector(null as never)).toThrow(TypeError);
    expect(() => new FailureDetector([] as never)).toThrow(TypeError);
  });

  it('that are undefined take their defaults; guards accept false', () => {
    const detector = new FailureDetector({
      threshold: undefined,
      clock: undefined,
      stallGuard: false,
      massSilence: false,
      flapDamping: false,
      timers: false,
    });
    const due = detector.watch('a').suspectAt();
    expect(due - detector.now()).toBeCloseTo(2403, -2);
    new PhiAccrualDetector(undefined);
    for (const clock of [Date, performance, () => 5, { now: () => 5 }]) {
      const at = new FailureDetector({ clock, timers: false });
      expect(at.heartbeat('a')).toBe('accepted');
      expect(at.now()).toBeTypeOf('number');
    }
  });

  it('are read once: later changes of the object change nothing', () => {
    const levels: Record<string, number> = { slow: 1 };
    const options = {
      clock: () => 0,
      timers: false,
      levels,
      minStdDev: { absolute: 50, relative: 0 },
    };
    const detector = new FailureDetector(options);
    levels.slow = 5;
    options.minStdDev.absolute = 1;
    const peer = detector.watch('a');
    expect(peer.suspectAt(1)).toBeCloseTo(1000 + 1.2815515655446004 * 250, 6);
    expect(detector.advance(peer.suspectAt(1) + 1e-6)).toBeCloseTo(peer.suspectAt(), 6);
    expect(peer.level).toBe('slow');
  });

  it('may be as many and as different as there are peers', () => {
    const detector = new FailureDetector({ clock: () => 0, timers: false });
    for (let i = 0; i < 5000; i++) detector.watch(`p${i}`, { heartbeatInterval: 100 + i });
    for (let i = 0; i < 5000; i += 2) detector.forget(`p${i}`);
    for (let i = 0; i < 5000; i += 2) detector.watch(`p${i}`, { heartbeatInterval: 10_000 + i });
    for (let i = 0; i < 5000; i++) {
      expect(detector.watch(`p${i}`).mean).toBeCloseTo(i % 2 ? 100 + i : 10_000 + i, 2);
    }
  });
});
