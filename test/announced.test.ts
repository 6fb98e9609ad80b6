/** What a heartbeat says of the next one, signs of life between heartbeats, and numbers within a tick. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FailureDetector, type FailureDetectorOptions, type HeartbeatInfo } from '../src/index.js';

function world(options: FailureDetectorOptions = {}) {
  const time = { now: 0 };
  const make = (at = time) =>
    new FailureDetector({ clock: () => at.now, timers: false, ...options });
  const detector = make();
  const said: string[] = [];
  for (const event of ['suspect', 'available', 'late'] as const) {
    detector.on(event, ({ peer, at }) => said.push(`${Math.round(at)} ${event} ${peer}`));
  }
  /** Lets the time pass to `at`, each event at its instant. */
  const until = (at: number) => {
    for (;;) {
      const next = detector.advance();
      if (!(next <= at)) break;
      time.now = Math.max(time.now, next);
    }
    time.now = at;
    detector.advance();
  };
  const beat = (info?: HeartbeatInfo) => detector.heartbeat('a', undefined, info);
  const beats = (count: number, period = 1000, info?: HeartbeatInfo) => {
    for (let n = 0; n < count; n++) {
      beat(info);
      until(time.now + period);
    }
  };
  return { time, detector, said, until, beat, beats };
}

const MODELS = ['normal', 'logistic', 'exponential', 'calibrated'] as const;

describe.each(MODELS)('an announced next heartbeat (%s)', (model) => {
  it('moves the deadline by as much, once, and is not learnt', () => {
    const { time, detector, said, until, beat, beats } = world({ model, flapDamping: false });
    beats(100);
    const peer = detector.peer('a');
    const usual = (peer?.suspectAt() ?? 0) - (peer?.lastHeartbeat ?? 0);
    said.length = 0;
    beat({ next: 1_800_000 });
    const { mean, stdDev } = detector.explain('a') ?? {};
    expect(peer?.suspectAt()).toBeCloseTo(time.now + 1_800_000 - (mean ?? 0) + usual, -1);
    const slept = time.now;
    until(slept + 900_000);
    expect(detector.phi('a')).toBeLessThan(0.1);
    expect(detector.explain('a')).toMatchObject({
      held: 'nap',
      silence: 900_000,
      status: 'available',
    });
    until(slept + 1_800_000);
    beat();
    expect(said).toEqual([]);
    expect(detector.explain('a')).toMatchObject({ mean, stdDev });
    const died = time.now;
    expect(peer?.suspectAt()).toBeCloseTo(died + usual, -1);
    until(died + usual + 10);
    expect(detector.status('a')).toBe('suspect');
  });

  it('is suspected by its usual tolerance after it did not come', () => {
    const { time, detector, until, beat, beats } = world({ model });
    beats(100);
    const peer = detector.peer('a');
    const usual = (peer?.suspectAt() ?? 0) - (peer?.lastHeartbeat ?? 0);
    const from = time.now;
    beat({ next: 60_000 });
    until(from + 60_000 + usual - 1000 - 1);
    expect(detector.status('a')).toBe('available');
    until(from + 60_000 + usual);
    expect(detector.status('a')).toBe('suspect');
  });

  it('ends with a heartbeat that comes before it', () => {
    const { time, detector, until, beat, beats } = world({ model });
    beats(100);
    const { mean } = detector.explain('a') ?? {};
    beat({ next: 60_000 });
    until(time.now + 5000);
    beats(3);
    expect(detector.explain('a')?.mean).toBeCloseTo(mean ?? 0, 3);
    until(time.now + 30_000);
    expect(detector.status('a')).toBe('suspect');
  });

  it('is longer than maxSilence where it says so', () => {
    const { time, detector, until, beat, beats } = world({ model, maxSilence: 5000 });
    beats(20);
    beat({ next: 60_000 });
    const from = time.now;
    until(from + 60_000);
    expect(detector.status('a')).toBe('available');
    until(from + 65_000);
    expect(detector.status('a')).toBe('suspect');
  });
});

describe('an announced next heartbeat', () => {
  it('may come sooner than the usual one', () => {
    const { time, detector, until, beat, beats } = world();
    beats(100, 10_000);
    beat({ next: 1000 });
    const from = time.now;
    until(from + 20_000);
    expect(detector.status('a')).toBe('suspect');
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e16, '60000', 60_000n, null, {}])(
    'of %s ms says nothing',
    (next) => {
      const { time, detector, until, beat, beats } = world();
      beats(20);
      expect(beat({ next: next as never })).toBe('accepted');
      until(time.now + 10_000);
      expect(detector.status('a')).toBe('suspect');
    },
  );

  it('goes through a snapshot', () => {
    const { time, detector, until, beat, beats } = world();
    beats(20);
    beat({ next: 60_000 });
    until(time.now + 5000);
    const copied = JSON.parse(JSON.stringify(detector.snapshot()));
    const copy = FailureDetector.restore(copied, { clock: () => time.now, timers: false });
    expect(copy.peer('a')?.suspectAt()).toBe(detector.peer('a')?.suspectAt());
    until(time.now + 55_500);
    copy.heartbeat('a');
    detector.heartbeat('a');
    expect(copy.explain('a')).toEqual(detector.explain('a'));
  });
});

describe.each(MODELS)('a sign of life that teaches nothing (%s)', (model) => {
  it('begins the silence anew, and leaves the interval as it is', () => {
    const plain = world({ model });
    const signed = world({ model });
    for (const each of [plain, signed]) {
      for (let n = 0; n < 200; n++) {
        each.beat();
        for (const wait of [137, 260, 11, 592]) {
          each.until(each.time.now + wait);
          if (each === signed && wait !== 592) each.beat({ learn: false });
        }
      }
      each.beat();
    }
    const { mean, stdDev, sampleCount } = plain.detector.explain('a') ?? {};
    expect(signed.detector.explain('a')).toMatchObject({ mean, stdDev, sampleCount });
    const usual = plain.detector.peer('a')?.suspectAt() ?? 0;
    signed.until(signed.time.now + 500);
    signed.beat({ learn: false });
    expect(signed.detector.explain('a')?.silence).toBe(0);
    expect(signed.detector.peer('a')?.suspectAt()).toBeCloseTo(usual + 500, 3);
    signed.until(signed.time.now + 100_000);
    expect(signed.detector.status('a')).toBe('suspect');
  });

  it('keeps a peer available whose regular heartbeats are lost, and does not teach the gap', () => {
    const { time, detector, said, until, beat, beats } = world({ model });
    beats(100);
    const { mean } = detector.explain('a') ?? {};
    said.length = 0;
    for (let n = 0; n < 600; n++) {
      beat({ learn: false });
      until(time.now + 100);
    }
    beats(3);
    expect(said).toEqual([]);
    expect(detector.explain('a')?.mean ?? 0).toBeLessThan(1.1 * (mean ?? 0));
  });

  it('does not end a nap', () => {
    const { time, detector, until, beat, beats } = world({ model });
    beats(100);
    beat({ next: 60_000 });
    const from = time.now;
    const due = detector.peer('a')?.suspectAt() ?? 0;
    until(from + 20_000);
    beat({ learn: false });
    expect(detector.peer('a')?.suspectAt()).toBeCloseTo(due, 3);
  });
});

describe('two heartbeats within one tick of a coarse clock', () => {
  it('both count if they have numbers of their own; nothing is learnt from the second', () => {
    const { detector, beat, beats, time, until } = world();
    for (let n = 0; n < 20; n++) {
      expect(beat({ sequence: 2 * n })).toBe('accepted');
      expect(beat({ sequence: 2 * n + 1 })).toBe('accepted');
      expect(beat({ sequence: 2 * n + 1 })).toBe('duplicate');
      expect(beat()).toBe('duplicate');
      until(time.now + 1000);
    }
    const other = world();
    other.beats(20);
    const { mean, stdDev, sampleCount } = other.detector.explain('a') ?? {};
    expect(detector.explain('a')).toMatchObject({ mean, stdDev, sampleCount });
    expect(detector.explain('a')?.loss).toMatchObject({ received: 40, lost: 0 });
    beats(1);
  });

  it('both count if the second is of a new incarnation', () => {
    const { beat, detector } = world();
    expect(beat({ incarnation: 1 })).toBe('accepted');
    expect(beat({ incarnation: 1 })).toBe('duplicate');
    expect(beat({ incarnation: 2 })).toBe('accepted');
    expect(detector.explain('a')?.restarts).toBe(1);
  });
});

describe('whatever heartbeats say of themselves', () => {
  it('φ is finite and never negative, and a snapshot goes on as the detector does', () => {
    const step = fc.record({
      wait: fc.integer({ min: 0, max: 5000 }),
      next: fc.option(fc.integer({ min: -1, max: 100_000 }), { nil: undefined }),
      learn: fc.option(fc.boolean(), { nil: undefined }),
      sequence: fc.option(fc.nat(50), { nil: undefined }),
    });
    const model = fc.constantFrom(...MODELS);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(40), model, (steps, copyAt, name) => {
        const { detector, time, until, beat } = world({ model: name });
        let copy: FailureDetector | undefined;
        for (const [n, { wait, ...info }] of steps.entries()) {
          if (n === copyAt) {
            const plain = JSON.parse(JSON.stringify(detector.snapshot()));
            copy = FailureDetector.restore(plain, {
              clock: () => time.now,
              timers: false,
              model: name,
            });
          }
          until(time.now + wait);
          copy?.advance();
          expect(copy?.heartbeat('a', undefined, info) ?? 'none').toBe(copy ? beat(info) : 'none');
          if (!copy) beat(info);
          const { phi = 0, silence = 0 } = detector.explain('a') ?? {};
          expect(Number.isFinite(phi) && phi >= 0 && silence >= 0).toBe(true);
          if (copy) {
            const [mine, its] = [detector.explain('a'), copy.explain('a')];
            expect(its?.suspectAt).toBeCloseTo(mine?.suspectAt ?? 0, 3);
            expect(its?.mean).toBeCloseTo(mine?.mean ?? 0, 3);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
