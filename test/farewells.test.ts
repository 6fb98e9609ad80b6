/** Peers that leave on purpose, and suspected ones whose heartbeats are refused. */
import { describe, expect, it } from 'vitest';
import { FailureDetector } from '../src/index.js';

function world() {
  const time = { now: 0 };
  const detector = new FailureDetector({ clock: () => time.now, timers: false });
  const said: string[] = [];
  for (const event of ['suspect', 'available', 'left'] as const) {
    detector.on(event, ({ peer }) => said.push(`${event} ${peer}`));
  }
  const beats = (incarnation?: number, count = 20) => {
    for (let n = 0; n < count; n++, time.now += 1000) {
      detector.heartbeat('a', time.now, { incarnation, sequence: n });
      detector.advance();
    }
  };
  return { time, detector, said, beats };
}

describe('a peer that leaves on purpose', () => {
  it('is an event, is not suspected, and its stragglers are refused', () => {
    const { time, detector, said, beats } = world();
    beats(5);
    expect(detector.leave('a', { incarnation: 5 })).toBe(true);
    expect(said).toEqual(['available a', 'left a']);
    for (let n = 0; n < 100; n++, time.now += 1000) {
      for (const incarnation of [4, 5]) {
        expect(detector.heartbeat('a', time.now, { incarnation })).toBe('stale-incarnation');
      }
      expect(detector.leave('a', { incarnation: 5 })).toBe(false);
      detector.advance();
    }
    expect(detector.size).toBe(0);
    expect(detector.heartbeat('a', time.now, { incarnation: 6 })).toBe('accepted');
    expect(said).toEqual(['available a', 'left a', 'available a']);
  });

  it('without incarnations is refused for a bounded time', () => {
    const { time, detector, said, beats } = world();
    beats();
    expect(detector.peer('a')?.leave()).toBe(true);
    expect(detector.heartbeat('a')).toBe('refused');
    time.now += 60_000;
    expect(detector.heartbeat('a')).toBe('accepted');
    expect(said).toEqual(['available a', 'left a', 'available a']);
  });

  it('of an older incarnation does not end the present one', () => {
    const { detector, beats } = world();
    beats(5);
    expect(detector.leave('a', { incarnation: 4 })).toBe(false);
    expect(detector.status('a')).toBe('available');
  });

  it('is watched anew by watch, without its stragglers', () => {
    const { time, detector, beats } = world();
    beats(5);
    detector.leave('a');
    detector.watch('a');
    expect(detector.heartbeat('a', time.now, { incarnation: 5 })).toBe('stale-incarnation');
    expect(detector.heartbeat('a', time.now, { incarnation: 7 })).toBe('accepted');
  });
});

describe('a suspected peer whose heartbeats are refused', () => {
  it('is an event, once for each outcome and suspicion', () => {
    const { time, detector, beats } = world();
    const refused: unknown[] = [];
    detector.on('refused', (event) => refused.push(event));
    beats(5);
    expect(detector.heartbeat('a', time.now, { incarnation: 4 })).toBe('stale-incarnation');
    time.now += 10_000;
    detector.advance();
    for (let n = 0; n < 10; n++) detector.heartbeat('a', time.now, { incarnation: 4, sequence: n });
    expect(refused).toEqual([
      {
        peer: 'a',
        at: time.now,
        outcome: 'stale-incarnation',
        info: { incarnation: 4, sequence: 0 },
        incarnation: 5,
      },
    ]);
    detector.heartbeat('a', Number.NaN);
    detector.heartbeat('a', time.now - 60_000);
    expect(refused.length).toBe(3);
    detector.heartbeat('a', time.now, { incarnation: 6 });
    time.now += 60_000;
    detector.advance();
    detector.heartbeat('a', time.now, { incarnation: 4 });
    expect(refused.length).toBe(4);
  });
});
