/** Clocks that are set back or forward while a detector goes by them. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { FailureDetector, type FailureDetectorOptions, type HeartbeatInfo } from '../src/index.js';

const HOUR = 3_600_000;
const START = 1_800_000_000_000;
const PEERS = ['a', 'b', 'c', 'd'];

/** Timers go by true time; the clock shows it with an error that is set at will. */
class World {
  true = 0;
  error = START;
  timers: { at: number; call: () => void }[] = [];

  readonly now = () => this.true + this.error;
  readonly setTimeout = (call: () => void, ms: number) => {
    const timer = { at: this.true + ms, call };
    this.timers.push(timer);
    return timer;
  };
  readonly clearTimeout = (timer: unknown) => {
    this.timers = this.timers.filter((each) => each !== timer);
  };

  run(until: number): void {
    for (;;) {
      const [next] = this.timers.sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > until) break;
      this.clearTimeout(next);
      this.true = Math.max(this.true, next.at);
      next.call();
    }
    this.true = until;
  }

  every(period: number, call: () => void, while_ = () => true): void {
    const turn = () => {
      if (!while_()) return;
      call();
      this.setTimeout(turn, period);
    };
    turn();
  }
}

type Beat = (detector: FailureDetector, id: string, at: number, info?: HeartbeatInfo) => unknown;
const WAYS: [string, Beat][] = [
  ['without a time', (detector, id) => detector.heartbeat(id)],
  ['with the time of the clock', (detector, id, at) => detector.heartbeat(id, at)],
  ['by a handle', (detector, id, at) => detector.peer(id)?.heartbeat(at)],
  ['with numbers', (detector, id, at) => detector.heartbeat(id, at, { incarnation: 1 })],
];

function watching(options: FailureDetectorOptions, beat: Beat) {
  const world = new World();
  const detector = new FailureDetector({ clock: world, ...options });
  const said: { event: string; peer?: string; after: number; at: number; by?: number }[] = [];
  for (const event of ['suspect', 'available', 'late', 'stall', 'mass-silence'] as const) {
    detector.on(event, (payload) => {
      const { peer, at } = payload as { peer?: string; at: number };
      said.push({ event, peer: peer as string, at, after: world.true });
    });
  }
  detector.on('clock-step', ({ at, by }) => {
    said.push({ event: 'clock-step', at, by, after: world.true });
  });
  const dead = new Set<string>();
  for (const [n, id] of PEERS.entries()) {
    detector.watch(id);
    world.run(world.true + 50 * n);
    world.every(1000, () => dead.has(id) || beat(detector, id, world.now()));
  }
  return { world, detector, said, dead };
}

const GUARDS = [true, false].flatMap((stallGuard) =>
  WAYS.map((way) => [stallGuard, ...way] as const),
);

describe.each(GUARDS)(
  'a clock that is set back (stallGuard %s, heartbeats %s)',
  (stallGuard, _, beat) => {
    it.each([-HOUR, -86_400_000, -5000, -1500, -200])(
      'by %s ms is told, costs nobody what was learnt, and hides no death',
      (by) => {
        const { world, detector, said, dead } = watching({ stallGuard }, beat);
        world.run(100_330);
        const learnt = PEERS.map((id) => detector.explain(id)?.mean);
        expect(said.filter(({ event }) => event !== 'available')).toEqual([]);
        said.length = 0;
        const dropped = { ...detector.dropped };
        world.error += by;
        world.run(110_330);
        const [step, ...others] = said;
        expect(step).toMatchObject({ event: 'clock-step' });
        expect(Math.abs((step.by ?? 0) - by)).toBeLessThanOrEqual(1001);
        expect(Math.abs(step.at - (START + by + step.after))).toBeLessThan(1);
        expect(others).toEqual([]);
        expect(detector.dropped).toEqual(dropped);
        world.run(200_330);
        for (const [n, id] of PEERS.entries()) {
          expect(detector.explain(id)?.mean).toBeCloseTo(learnt[n] ?? 0, -2);
        }
        const { lastHeartbeat = 0, suspectAt = 0 } = detector.explain('a') ?? {};
        expect(world.now() - lastHeartbeat).toBeLessThanOrEqual(1000);
        expect(suspectAt - world.now()).toBeLessThan(3000);
        expect(detector.peer('a')?.lastHeartbeat).toBe(lastHeartbeat);
        expect(detector.peer('a')?.suspectAt()).toBe(suspectAt);
        said.length = 0;
        dead.add('a');
        world.run(210_330);
        const [suspicion] = said.filter(({ event }) => event === 'suspect');
        expect(suspicion.peer).toBe('a');
        expect(suspicion.after - 200_330).toBeLessThan(3 * 2400);
        expect(Math.abs(suspicion.at - (suspicion.after + START + by))).toBeLessThan(1);
        detector.close();
      },
    );

    it('just before a death tells it within three detection times', () => {
      const { world, detector, said, dead } = watching({ stallGuard }, beat);
      world.run(100_330);
      world.error -= HOUR;
      dead.add('a');
      world.run(110_330);
      const suspects = said.filter(({ event }) => event === 'suspect');
      expect(suspects.map(({ peer }) => peer)).toEqual(['a']);
      expect(suspects[0].after - 100_330).toBeLessThan(3 * 2400);
      detector.close();
    });

    it('again and again suspects nobody', () => {
      const { world, detector, said } = watching({ stallGuard }, beat);
      for (let n = 1; n <= 20; n++) {
        world.run(20_000 * n);
        world.error -= HOUR;
      }
      expect(said.filter(({ event }) => event === 'suspect')).toEqual([]);
      expect(said.filter(({ event }) => event === 'clock-step').length).toBe(19);
      detector.close();
    });
  },
);

describe('a clock that is set forward', () => {
  it.each(WAYS)('is a stall to the guard, heartbeats %s', (_, beat) => {
    const { world, detector, said, dead } = watching({ stallGuard: true }, beat);
    world.run(100_330);
    world.error += HOUR;
    world.run(200_330);
    expect(said.filter(({ event }) => event === 'suspect')).toEqual([]);
    dead.add('b');
    world.run(210_330);
    expect(said.filter(({ event }) => event === 'suspect').map(({ peer }) => peer)).toEqual(['b']);
    detector.close();
  });

  it('is known to be set if it is the wall clock of the platform', () => {
    vi.useFakeTimers();
    try {
      for (const clock of [Date, () => Date.now()]) {
        const detector = new FailureDetector({ clock });
        const said: string[] = [];
        const steps: number[] = [];
        detector.on('suspect', ({ peer }) => said.push(peer));
        detector.on('clock-step', ({ by }) => steps.push(by));
        const beats = PEERS.map((id) => setInterval(() => detector.heartbeat(id), 1000));
        vi.advanceTimersByTime(60_000);
        for (const by of [HOUR, 2 * HOUR, -HOUR]) {
          vi.setSystemTime(Date.now() + by);
          vi.advanceTimersByTime(60_000);
        }
        expect(said).toEqual([]);
        expect(steps.map((by) => Math.round(by / HOUR))).toEqual([1, 2, -1]);
        clearInterval(beats[0]);
        vi.advanceTimersByTime(10_000);
        expect(said).toEqual(['a']);
        for (const each of beats) clearInterval(each);
        detector.close();
      }
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a clock that is set back, without timers', () => {
  it.each(WAYS)('is told by the next heartbeat or advance, heartbeats %s', (_, beat) => {
    const time = { now: START };
    const detector = new FailureDetector({ clock: () => time.now, timers: false });
    const steps: number[] = [];
    const said: string[] = [];
    detector.on('clock-step', ({ by }) => steps.push(by));
    detector.on('suspect', ({ peer }) => said.push(peer));
    detector.watch('a');
    const run = (count: number, beats = true) => {
      for (let n = 0; n < count; n++) {
        if (beats) beat(detector, 'a', time.now);
        for (let k = 0; k < 10; k++) {
          time.now += 100;
          const next = detector.advance(time.now);
          expect(next).toBeGreaterThan(time.now - 100);
        }
      }
    };
    run(50);
    time.now -= HOUR;
    expect(beat(detector, 'a', time.now)).not.toBe('out-of-order');
    expect(steps.length).toBe(1);
    time.now += 1000;
    run(50);
    expect(said).toEqual([]);
    expect(detector.dropped).toMatchObject({ duplicate: 0, 'out-of-order': 0 });
    expect(detector.now()).toBe(time.now);
    time.now -= HOUR;
    detector.advance(time.now);
    expect(steps.length).toBe(2);
    run(7, false);
    expect(said).toEqual(['a']);
  });

  it('goes through a snapshot, which has no time of the clock', () => {
    const time = { now: START };
    const detector = new FailureDetector({ clock: () => time.now, timers: false });
    for (let n = 0; n < 20; n++, time.now += 1000) detector.heartbeat('a');
    detector.advance();
    time.now -= HOUR;
    const { silence } = detector.snapshot().peers[0];
    expect(silence).toBeLessThanOrEqual(1001);
    expect(silence).toBeGreaterThanOrEqual(1000);
  });

  it('that jitters by some ms was not set', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 20 }), (errors) => {
        let n = 0;
        let base = START;
        const clock = () => base + errors[n++ % errors.length] / 2;
        const detector = new FailureDetector({ clock, timers: false });
        detector.on('clock-step', () => expect.unreachable());
        for (let beat = 0; beat < 100; beat++, base += 1000) {
          expect(detector.heartbeat('a')).toBe('accepted');
          detector.advance();
          expect(detector.status('a')).toBe('available');
        }
      }),
      { numRuns: 50 },
    );
  });
});
