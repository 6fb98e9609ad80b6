/** The one timer: when it is set, when it wakes, and that nothing else does. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FailureDetector } from '../src/index.js';

const SILENCE = 2403.0003110436974; // of the default options

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a machine that slept', () => {
  const withWall = {
    now: () => performance.now(),
    wall: () => Date.now(),
    setTimeout: (call: () => void, ms: number) => setTimeout(call, ms),
    clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout),
  };

  it('is not asked for by a wall clock that is none', () => {
    const clock = { ...withWall, wall: 5 } as never;
    expect(() => new FailureDetector({ clock })).toThrow(/^clock.wall: expected a function, got 5/);
  });

  it.each([
    ['the platform’s', undefined],
    ['the caller’s', withWall],
  ])(
    'is noticed by %s wall clock where the monotonic one stood; nobody is suspected',
    (_, clock) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
      vi.stubGlobal('setImmediate', (call: () => void) => setTimeout(call, 0));
      using detector = new FailureDetector(clock && { clock });
      const said: string[] = [];
      detector.on('stall', ({ duration }) => said.push(`stall ${duration}`));
      detector.on('suspect', ({ peer }) => said.push(`suspect ${peer}`));
      for (let i = 0; i < 20; i++) {
        detector.heartbeat('a');
        vi.advanceTimersByTime(1000);
        if (i === 10) vi.setSystemTime(Date.now() + 3_600_000);
        if (i === 15) vi.setSystemTime(Date.now() - 3_600_000); // set back: says nothing
      }
      expect(said).toEqual(['stall 3600000']);
      vi.unstubAllGlobals();
    },
  );
});

describe('timers', () => {
  it('say suspect by themselves, within a millisecond of the computed instant', () => {
    using detector = new FailureDetector();
    const lateness: number[] = [];
    detector.on('suspect', ({ at, due }) => lateness.push(at - due));
    for (let i = 0; i < 100; i++) detector.watch(`p${i}`, { heartbeatInterval: 100 + 13.7 * i });
    vi.advanceTimersByTime(10_000);
    expect(lateness.length).toBe(100);
    expect(Math.max(...lateness)).toBeLessThanOrEqual(1);
    expect(Math.min(...lateness)).toBeGreaterThanOrEqual(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are one for all peers, and none without peers', () => {
    using detector = new FailureDetector();
    expect(vi.getTimerCount()).toBe(0);
    for (let i = 0; i < 1000; i++) detector.heartbeat(`p${i}`);
    expect(vi.getTimerCount()).toBe(1);
    for (const id of [...detector.peers()]) detector.forget(id);
    vi.advanceTimersByTime(10_000); // one stale wake-up
    expect(vi.getTimerCount()).toBe(0);
  });

  it('do not wake more than once a detection time for a peer that beats', () => {
    const now = vi.fn(() => performance.now());
    using detector = new FailureDetector({ clock: now });
    const suspected = vi.fn();
    detector.on('suspect', suspected);
    let wakes = 0;
    for (let i = 0; i < 1000; i++) {
      detector.heartbeat('a', performance.now());
      now.mockClear();
      vi.advanceTimersByTime(1000);
      wakes += now.mock.calls.length > 0 ? 1 : 0;
    }
    expect(wakes).toBeLessThanOrEqual(1000 / 2 + 1);
    expect(suspected).not.toHaveBeenCalled();
  });

  it('come earlier when a peer is due earlier', () => {
    using detector = new FailureDetector();
    const order: string[] = [];
    detector.on('suspect', ({ peer }) => order.push(peer));
    detector.watch('slow', { heartbeatInterval: 60_000 });
    vi.advanceTimersByTime(10);
    detector.watch('fast', { heartbeatInterval: 10 });
    vi.advanceTimersByTime(500);
    expect(order).toEqual(['fast']);
    detector.watch('slow', { threshold: 0.0001, heartbeatInterval: 1000 });
    vi.advanceTimersByTime(60_000);
    expect(order).toEqual(['fast', 'slow']);
  });

  it('chain delays that no timer takes', () => {
    const days = 86_400_000;
    using detector = new FailureDetector({ heartbeatInterval: 30 * days });
    const suspected: number[] = [];
    detector.on('suspect', ({ at, due }) => suspected.push(at - due));
    detector.watch('a');
    vi.advanceTimersByTime(72 * days);
    expect(suspected).toEqual([]);
    vi.advanceTimersByTime(days);
    expect(suspected.length).toBe(1);
    expect(suspected[0]).toBeLessThanOrEqual(1);
  });

  it('tell the time anew after each event, and let others work when listeners are slow', () => {
    using detector = new FailureDetector();
    const ats: number[] = [];
    let others = 0;
    detector.on('suspect', ({ at }) => {
      ats.push(at - performance.now());
      const until = performance.now() + 10;
      if (others === 0) setTimeout(() => others++, 0);
      while (performance.now() < until) vi.advanceTimersByTime(1);
    });
    for (let i = 0; i < 5; i++) detector.watch(`p${i}`);
    vi.advanceTimersByTime(3000);
    expect(ats).toEqual([0, 0, 0, 0, 0]);
    expect(others).toBe(1);
  });

  it('are not used with `timers: false`', () => {
    using detector = new FailureDetector({ timers: false });
    detector.watch('a');
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(SILENCE + 1);
    const suspected = vi.fn();
    detector.on('suspect', suspected);
    detector.advance();
    expect(vi.getTimerCount()).toBe(0);
    expect(suspected).toHaveBeenCalledTimes(1);
  });

  it('leave nothing behind after close, and go on after a listener that throws', () => {
    const detector = new FailureDetector();
    detector.on('error', () => {});
    detector.on('suspect', ({ peer }) => {
      if (peer === 'a') throw new Error('bug');
      else detector.close();
    });
    detector.watch('a');
    vi.advanceTimersByTime(1);
    detector.watch('b');
    detector.watch('c', { heartbeatInterval: 5000 });
    vi.advanceTimersByTime(3000);
    expect(detector.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keep to advance, when both are used', () => {
    using detector = new FailureDetector();
    const suspected = vi.fn();
    detector.on('suspect', suspected);
    detector.watch('a');
    detector.advance(SILENCE + 1);
    expect(suspected).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
