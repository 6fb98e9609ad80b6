/** What was learnt survives a process, and garbage does not get in. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FailureDetector,
  type FailureDetectorOptions,
  type FailureDetectorSnapshot,
  PhiAccrualDetector,
  type WatchOptions,
} from '../src/index.js';

const OPTIONS: FailureDetectorOptions = {
  timers: false,
  windowSize: 12,
  levels: { uneasy: 1, dead: 20 },
  recoverAfter: 2,
};

/** A detector on a clock of its own origin, and what it says. */
function living(origin: number, make: (options: FailureDetectorOptions) => FailureDetector) {
  let now = 0;
  const detector = make({ ...OPTIONS, clock: () => origin + now });
  const said: unknown[] = [];
  for (const event of ['level', 'suspect', 'available'] as const) {
    detector.on(event, ({ peer, level, previous, due }) => {
      said.push([event, peer, level, previous, Math.round((due - origin) * 1e3)]);
    });
  }
  return {
    detector,
    said,
    at: (time: number) => {
      now = time;
      detector.advance();
    },
  };
}

const step = fc.record({
  peer: fc.constantFrom('a', 'b', 'c'),
  wait: fc.constantFrom(1, 100, 900, 1000, 1100, 2000, 5000, 12_000),
  info: fc.constantFrom(undefined, { incarnation: 1 }, { incarnation: 2, sequence: 5 }),
});

describe('snapshot and restore', () => {
  it('are invisible: the restored one says the same from then on', () => {
    const half = fc.array(step, { maxLength: 40 });
    fc.assert(
      fc.property(half, half, fc.constantFrom(0, -5e8, 1.7e12), (before, after, origin) => {
        const first = living(0, (options) => new FailureDetector(options));
        first.detector.watch('c', { threshold: 3, windowSize: 4, maxSilence: 4000 });
        let now = 0;
        for (const { peer, wait, info } of before) {
          first.at((now += wait));
          first.detector.heartbeat(peer, undefined, info);
        }
        first.at((now += 10));
        const kept = now;
        const text = JSON.stringify(first.detector.snapshot());
        const snapshot: FailureDetectorSnapshot = JSON.parse(text);
        const second = living(origin - kept, (options) => {
          const clock = () => origin;
          const restored = FailureDetector.restore(snapshot, { ...options, clock });
          expect(JSON.parse(JSON.stringify(restored.snapshot()))).toEqual(snapshot);
          restored.close();
          // The same again on the living clock.
          return new FailureDetector(options);
        });
        second.at(kept);
        for (const peer of snapshot.peers) expect(second.detector.restorePeer(peer)).toBe(true);
        first.said.length = 0;
        second.said.length = 0; // that they are available again
        for (const { peer, wait, info } of after) {
          for (const each of [first, second]) {
            each.at(now + wait);
            each.detector.heartbeat(peer, undefined, info);
          }
          now += wait;
          for (const id of first.detector.peers()) {
            const [x, y] = [first, second].map(({ detector }) => detector.explain(id));
            expect(y?.phi).toBeCloseTo(x?.phi as number, 4);
            expect({ ...y, phi: 0, suspectAt: 0, silence: 0, lastHeartbeat: 0 }).toEqual({
              ...x,
              phi: 0,
              suspectAt: 0,
              silence: 0,
              lastHeartbeat: 0,
              // What lies in the window after a restore is the same to the rounding of times.
              mean: expect.closeTo(x?.mean as number, 3),
              stdDev: expect.closeTo(x?.stdDev as number, 3),
              stdDevUsed: expect.closeTo(x?.stdDevUsed as number, 3),
            });
          }
        }
        const tolerant = (said: unknown[]) => said.map((each) => (each as unknown[]).slice(0, 4));
        expect(tolerant(second.said)).toEqual(tolerant(first.said));
      }),
      { numRuns: 300 },
    );
  });

  it('take the time between for no silence, and say that a verdict comes from them', () => {
    let now = 0;
    const detector = new FailureDetector({ clock: () => now, timers: false });
    for (; now < 10_000; now += 1000) detector.heartbeat('a');
    now += 500; // 1.5 s after the last one
    const snapshot = detector.snapshot();
    let later = -7e6;
    const restored = FailureDetector.restore(snapshot, { clock: () => later, timers: false });
    expect(restored.status('a')).toBe('available');
    expect(restored.phi('a')).toBeCloseTo(detector.phi('a') as number, 9);
    const reasons: string[] = [];
    restored.on('suspect', ({ reason }) => reasons.push(reason));
    later += 2000;
    restored.advance();
    expect(reasons).toEqual(['restored']);
  });

  it('keep a suspected peer suspect, whatever levels there are', () => {
    let now = 0;
    const options = { clock: () => now, timers: false };
    const detector = new FailureDetector({ ...options, levels: { dead: 20 } });
    for (; now < 10_000; now += 1000) detector.heartbeat('a');
    now += 50_000;
    detector.advance();
    expect(detector.level('a')).toBe('dead');
    const restored = FailureDetector.restore(detector.snapshot(), options);
    expect([restored.status('a'), restored.level('a')]).toEqual(['suspect', 'suspect']);
  });

  it('go through a stream line by line, whatever happens meanwhile', () => {
    const detector = new FailureDetector({ timers: false, clock: () => 0 });
    for (let i = 0; i < 1000; i++) detector.watch(`p${i}`);
    const lines: string[] = [];
    for (const peer of detector.snapshotPeers()) {
      lines.push(JSON.stringify(peer));
      detector.forget(`p${lines.length + 10}`);
      if (lines.length === 5) detector.watch('new');
    }
    const restored = FailureDetector.restore(
      (function* () {
        for (const line of lines) yield JSON.parse(line);
      })(),
      { timers: false },
    );
    expect(restored.size).toBe(lines.length);
    expect(restored.restorePeer(JSON.parse(lines[0]))).toBe(false); // it is there already
  });

  it('of one peer of many', () => {
    const options = { clock: () => 5000, timers: false };
    const detector = new FailureDetector(options);
    for (const peer of ['a', 'b']) {
      for (let at = 0; at < 5000; at += 700) detector.heartbeat(peer, at);
    }
    expect(detector.snapshotPeer('nobody')).toBeUndefined();
    expect(detector.snapshotPeer('b')).toEqual(detector.snapshot().peers[1]);
    const restored = new FailureDetector(options);
    const kept = JSON.parse(JSON.stringify(detector.snapshotPeer('b')));
    expect([restored.restorePeer(kept), [...restored.peers()]]).toEqual([true, ['b']]);
    expect(restored.phi('b', 6000)).toBeCloseTo(detector.phi('b', 6000) as number, 9);
  });

  it('of one peer too', () => {
    const detector = new PhiAccrualDetector({ windowSize: 10 });
    for (let i = 0; i < 30; i++) detector.heartbeat(1000 * i + 30 * (i % 3));
    const kept = JSON.parse(JSON.stringify(detector.snapshot()));
    const restored = PhiAccrualDetector.restore(kept, { windowSize: 10 });
    expect(restored.phi(31_000)).toBe(detector.phi(31_000));
    expect(restored.suspectAt()).toBe(detector.suspectAt());
    for (let i = 30; i < 60; i++) {
      for (const each of [detector, restored]) each.heartbeat(1000 * i + 30 * (i % 3));
      expect(restored.suspectAt()).toBe(detector.suspectAt());
    }
    const elsewhere = PhiAccrualDetector.restore(kept, { windowSize: 10 }, 5);
    expect(elsewhere.lastHeartbeat).toBe(5);
    const smaller = PhiAccrualDetector.restore(kept, { windowSize: 4 });
    expect(smaller.sampleCount).toBe(4);
    expect(PhiAccrualDetector.restore(new PhiAccrualDetector().snapshot()).phi(9e9)).toBe(0);
  });
});

describe('garbage', () => {
  const good = () => {
    const detector = new FailureDetector({ timers: false, clock: () => 0 });
    for (let t = 0; t < 20_000; t += 1000) {
      detector.heartbeat('a', t, { incarnation: 1, sequence: t / 1000 });
      detector.heartbeat('b', t);
    }
    for (let t = 0.1; t < 1; t += 0.1) detector.heartbeat('b', 19_000 + t); // candidates
    detector.watch('c', { model: 'calibrated' });
    for (let t = 0; t < 20_000; t += 900) detector.heartbeat('c', t);
    return JSON.parse(JSON.stringify(detector.snapshot()));
  };

  it.each([
    ['nothing', () => undefined],
    ['a string', () => 'peers'],
    ['another version', () => ({ ...good(), version: 2 })],
    ['no peers', () => ({ version: 1 })],
  ])('is refused: %s', (_, make) => {
    expect(() => FailureDetector.restore(make() as never)).toThrow(/^snapshot/);
  });

  it.each([
    ['too few', [1, 1, 0, 0, 5, 5, 5]],
    ['part of a count', [1.5, 1, 0, 0, 5, 5, 5, 5]],
    ['a row beyond all', [1e6 + 1, 1, 0, 0, 5, 5, 5, 5]],
    ['a batch beyond all', [9999, 4096, 0, 0, 5, 5, 5, 5]],
    ['a sum below 0', [3, 3, -1, 0, 5, 5, 5, 5]],
    ['no number', [3, 3, null, 0, 5, 5, 5, 5]],
  ])('is refused among the candidates: %s', (_, candidates) => {
    const snapshot = good();
    expect(snapshot.peers[1].candidates).toHaveLength(8);
    snapshot.peers[1].candidates = candidates;
    const errors: [string, unknown][] = [];
    const onError = ({ message }: Error, peer: unknown) => errors.push([message, peer]);
    const restored = FailureDetector.restore(snapshot, { timers: false }, { onError });
    const wrong = expect.stringMatching(/^snapshot\.candidates.*: expected /);
    expect(errors).toEqual([[wrong, snapshot.peers[1]]]);
    expect(restored.size).toBe(snapshot.peers.length - 1);
  });

  it('among the candidates that could be true does no harm', () => {
    const any = fc.double({ min: 0, max: 1e38, noNaN: true });
    const counts = [fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: 4095 })] as const;
    const candidates = fc.tuple(...counts, any, any, any, any, any, any);
    const beats = fc.array(fc.double({ min: 1e-9, max: 1e16, noNaN: true }), { maxLength: 30 });
    fc.assert(
      fc.property(candidates, beats, (given, intervals) => {
        const snapshot = good();
        snapshot.peers[1].candidates = given;
        const detector = FailureDetector.restore(snapshot, { timers: false, clock: () => 0 });
        let t = 0;
        for (const interval of intervals) {
          t += interval;
          detector.heartbeat('b', t);
          expect(detector.peer('b')?.suspectAt()).toBeGreaterThanOrEqual(t);
          expect(detector.phi('b', t + 1e6)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it.each([
    [{}, { model: 'calibrated', threshold: 8 }],
    [{ model: 'calibrated' }, { model: 'normal', threshold: 4 }],
    [{ maxMistakesPerHour: 3.6 }, { model: 'normal', threshold: 3 }],
    [{ maxMistakesPerHour: 3.6 }, { threshold: 3 }],
    [
      { maxMistakesPerHour: 1000, heartbeatInterval: 30_000 },
      { threshold: 1, heartbeatInterval: 50 },
    ],
    [{ threshold: 5 }, { maxMistakesPerHour: 1 }],
    [{ maxMistakesPerHour: 1 }, { maxMistakesPerHour: 2 }],
  ] as [FailureDetectorOptions, WatchOptions][])(
    'does not change what %j makes of %j',
    (options, own) => {
      const settings = { ...options, timers: false, clock: () => 0 };
      const detector = new FailureDetector(settings);
      const peer = detector.watch('a', own);
      for (let t = -20_000; t <= 0; t += 1000) peer.heartbeat(t);
      const copy = FailureDetector.restore(
        JSON.parse(JSON.stringify(detector.snapshot())),
        settings,
      );
      expect(copy.explain('a', 500)).toEqual(detector.explain('a', 500));
    },
  );

  it('of any kind, anywhere, is refused with a TypeError or a RangeError, or does no harm', () => {
    const paths: (string | number)[][] = [];
    const walk = (value: unknown, path: (string | number)[]) => {
      paths.push(path);
      if (typeof value !== 'object' || value === null) return;
      for (const [key, inner] of Object.entries(value)) {
        if (path.length < 4 || path.includes('ladder') || Number(key) < 2)
          walk(inner, [...path, key]);
      }
    };
    walk(good(), []);
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        const snapshot = { root: good() };
        let place: Record<string, unknown> = snapshot as never;
        let key: string | number = 'root';
        for (const next of path) {
          place = place[key] as Record<string, unknown>;
          key = next;
        }
        place[key] = value;
        let detector: FailureDetector;
        let left = 0;
        const isClear = (error: unknown) => {
          expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
          expect((error as Error).message).toMatch(/: expected |: unknown option|: too many/);
        };
        const onError = (error: unknown) => {
          isClear(error);
          left++;
        };
        const settings = { timers: false, clock: () => 0 };
        try {
          detector = FailureDetector.restore(snapshot.root, settings, { onError });
        } catch (error) {
          isClear(error);
          return;
        }
        expect(detector.dropped.refused).toBe(left);
        for (const id of detector.peers()) {
          for (const t of [0, 1000, 1e9]) {
            const phi = detector.phi(id, t) as number;
            expect(Number.isFinite(phi) && phi >= 0).toBe(true);
          }
          detector.heartbeat(id, 1e6);
          expect((detector.explain(id)?.stdDev ?? 0) >= 0).toBe(true);
        }
        detector.advance(1e12);
        for (const id of [...detector.peers()]) expect(detector.forget(id)).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });
});
