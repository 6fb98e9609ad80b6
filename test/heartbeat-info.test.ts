/** What heartbeats say of themselves, who flaps, and what explain() tells of it. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { FailureDetector, type FailureDetectorOptions } from '../src/index.js';

function world(options: FailureDetectorOptions = {}) {
  let now = 0;
  const detector = new FailureDetector({ clock: () => now, timers: false, ...options });
  const events: string[] = [];
  for (const event of ['suspect', 'available'] as const) {
    detector.on(event, ({ peer, at, reason }) => {
      if (reason !== 'first-heartbeat') events.push(`${event} ${peer} ${Math.round(at)}`);
    });
  }
  const at = (time: number) => {
    detector.advance(time);
    now = time;
    return detector;
  };
  return { detector, events, at };
}

describe('an incarnation', () => {
  it('that is older is refused and counted; it does not keep a dead peer alive', () => {
    const { at, detector, events } = world();
    for (let t = 0; t < 10_000; t += 1000) at(t).heartbeat('a', t, { incarnation: 7 });
    for (let t = 10_000; t < 20_000; t += 1000) {
      expect(at(t).heartbeat('a', t, { incarnation: 6 })).toBe('stale-incarnation');
    }
    expect(events).toEqual(['suspect a 12000']); // due 11,403; said when asked
    expect(detector.dropped['stale-incarnation']).toBe(10);
    expect(detector.explain('a')?.dropped['stale-incarnation']).toBe(10);
  });

  it('that is newer is a restart: what was learnt is kept, the gap is not learnt', () => {
    const { at, detector } = world();
    for (let t = 0; t < 100_000; t += 1000) at(t).heartbeat('a', t, { incarnation: 1 });
    const before = detector.explain('a');
    expect(at(100_900).heartbeat('a', 100_900, { incarnation: 2 })).toBe('accepted');
    const after = detector.explain('a');
    expect(after?.mean).toBe(before?.mean);
    expect(after?.sampleCount).toBe(before?.sampleCount);
    expect(after?.restarts).toBe(1);
    expect(after?.lastHeartbeat).toBe(100_900);
    // A restart soon after a beat is no burst either.
    at(100_950).heartbeat('a', 100_950, { incarnation: 3 });
    expect(detector.explain('a')?.mean).toBe(before?.mean);
  });

  it('that is newer brings a suspected peer back', () => {
    const { at, events } = world();
    for (let t = 0; t < 10_000; t += 1000) at(t).heartbeat('a', t, { incarnation: 1 });
    at(60_000).heartbeat('a', 60_000, { incarnation: 2, sequence: 0 });
    expect(events).toEqual(['suspect a 60000', 'available a 60000']);
  });
});

describe('a link', () => {
  it('is not changed by a heartbeat that is dropped', () => {
    const { at, detector, events } = world();
    const link = detector.link();
    link.down();
    for (let t = 0; t < 10_000; t += 1000) at(t).heartbeat('a', t, { incarnation: 2 });
    at(9500).heartbeat('a', 9500, { incarnation: 1, link });
    at(20_000);
    expect(events).toEqual(['suspect a 20000']);
  });
});

describe('a sequence', () => {
  it('tells duplicates, order and loss', () => {
    const { at, detector } = world();
    const beat = (t: number, sequence: number) =>
      at(t).heartbeat('a', t, { incarnation: 1, sequence });
    expect(beat(0, 0)).toBe('accepted');
    expect(beat(1000, 1)).toBe('accepted');
    expect(beat(1001, 1)).toBe('duplicate');
    expect(beat(4000, 4)).toBe('accepted');
    expect(detector.explain('a')?.loss).toEqual({ received: 3, lost: 2, rate: 0.4 });
    expect(beat(4001, 3)).toBe('out-of-order');
    expect(beat(4002, 3)).toBe('duplicate');
    expect(detector.explain('a')?.loss).toEqual({ received: 4, lost: 1, rate: 0.2 });
    expect(detector.explain('a')?.dropped).toMatchObject({ duplicate: 2, 'out-of-order': 1 });
    expect(detector.explain('a')?.lastHeartbeat).toBe(4000);
    expect(beat(100_000, 100)).toBe('accepted');
    expect(beat(100_001, 4)).toBe('out-of-order'); // too far behind to know
    expect(detector.heartbeat('a', 100_002, { incarnation: 2, sequence: 0 })).toBe('accepted');
  });

  it('that begins anew without an incarnation is that of a new life', () => {
    const { at } = world();
    for (let n = 0; n < 100; n++) at(n * 1000).heartbeat('a', n * 1000, { sequence: n });
    expect(at(100_000).heartbeat('a', 100_000, { sequence: 0 })).toBe('accepted');
    expect(at(101_000).heartbeat('a', 101_000, { sequence: 1 })).toBe('accepted');
    expect(at(102_000).heartbeat('a', 102_000, { sequence: 0 })).toBe('accepted');
    expect(at(103_000).heartbeat('a', 103_000, { sequence: 1 })).toBe('accepted');
  });

  it('measures the loss of late', () => {
    const { at, detector } = world({ massSilence: false });
    let t = 0;
    for (let n = 0; n < 10_000; n++) {
      t += 100;
      if (n < 5000 || n % 4 !== 0) at(t).heartbeat('a', t, { sequence: n });
    }
    expect(detector.explain('a')?.loss.rate).toBeGreaterThan(0.2);
    expect(detector.explain('a')?.loss.rate).toBeLessThan(0.26);
  });

  it('that is none says nothing, and throws nothing', () => {
    const { at, detector } = world();
    const odd = [Number.NaN, -1, 0.5, Infinity, 'x', null, undefined, {}, 7n, 2 ** 53];
    let t = 0;
    for (const value of odd) {
      t += 1000;
      const info = { incarnation: value, sequence: value } as never;
      expect(at(t).heartbeat('a', t, info)).toBe('accepted');
    }
    for (const info of [
      5,
      'x',
      Symbol('x'),
      { link: 5 },
      { link: {} },
      { link: null },
      { link: { number: 9 } },
    ]) {
      t += 1000;
      expect(at(t).heartbeat('a', t, info as never)).toBe('accepted');
    }
    expect(detector.explain('a')?.loss.received).toBe(0);
  });
});

describe('flap damping', () => {
  /** Beats once a second, then 10 s of silence, again and again: when it was available again. */
  const flap = (options: FailureDetectorOptions, times: number) => {
    const { at, detector, events } = world({ ...options, massSilence: false });
    let t = 0;
    const needed: number[] = [];
    for (let n = 0; n <= times; n++) {
      let beats = 0;
      for (let i = 0; i < 40; i++, t += 1000) {
        at(t).heartbeat('a');
        if (detector.status('a') !== 'available') beats++;
      }
      if (n > 0) needed.push(beats + 1);
      t += 10_000;
      at(t);
    }
    return { needed, events, detector };
  };

  it('asks for more and more beats in time, up to a cap', () => {
    const { needed, detector } = flap({}, 8);
    expect(needed).toEqual([1, 1, 2, 4, 8, 16, 16, 16]);
    expect(detector.explain('a')?.flaps).toBe(8);
  });

  it('starts from recoverAfter, and never asks for less', () => {
    expect(flap({ recoverAfter: 3 }, 5).needed).toEqual([3, 3, 6, 12, 16]);
    expect(flap({ recoverAfter: 20, flapDamping: { maxBeats: 5 } }, 3).needed).toEqual([
      20, 20, 20,
    ]);
  });

  it('can be off, and forgets', () => {
    expect(flap({ flapDamping: false }, 6).needed).toEqual([1, 1, 1, 1, 1, 1]);
    expect(flap({ flapDamping: { calm: 45_000 } }, 6).needed).toEqual([1, 1, 1, 1, 1, 1]);
  });
});

describe('explain', () => {
  it('says everything that led to the answer', () => {
    const { at, detector } = world({ threshold: 4, minStdDev: { absolute: 50, relative: 0.01 } });
    detector.watch('quiet');
    expect(detector.explain('quiet')).toMatchObject({
      status: 'starting',
      held: 'bootstrap',
      lastHeartbeat: undefined,
      silence: 0,
    });
    for (let t = 0; t < 20_000; t += 1000) at(t).heartbeat('a');
    const explanation = at(19_500).explain('a');
    expect(explanation).toEqual({
      peer: 'a',
      status: 'available',
      level: undefined,
      phi: detector.phi('a'),
      silence: 500,
      mean: detector.peer('a')?.mean,
      stdDev: detector.peer('a')?.stdDev,
      stdDevUsed: detector.peer('a')?.stdDev,
      floor: undefined,
      sampleCount: 21,
      model: 'normal',
      threshold: 4,
      suspectAt: detector.peer('a')?.suspectAt(),
      lastHeartbeat: 19_000,
      dropped: {
        duplicate: 0,
        'out-of-order': 0,
        'invalid-time': 0,
        'stale-incarnation': 0,
        'in-the-future': 0,
      },
      restarts: 0,
      flaps: 0,
      loss: { received: 0, lost: 0, rate: 0 },
      held: undefined,
    });
    expect(inspect(explanation)).toContain("status: 'available'");
    detector.watch('a', { minStdDev: { absolute: 500, relative: 0.01 } });
    expect(detector.explain('a')).toMatchObject({ floor: 'absolute', stdDevUsed: 500 });
    detector.watch('a', { minStdDev: { absolute: 10, relative: 0.5 } });
    expect(detector.explain('a')).toMatchObject({ floor: 'relative', stdDevUsed: 500 });
    expect(detector.explain('nobody')).toBeUndefined();
    expect(at(60_000).explain('a')).toMatchObject({ status: 'suspect', level: 'suspect' });
  });
});
