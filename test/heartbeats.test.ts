/** `heartbeats` is so many calls of `heartbeat`, whatever its listeners do meanwhile. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FailureDetector, type HeartbeatInfo } from '../src/index.js';

const IDS = Array.from({ length: 90 }, (_, i) => `p${i}`);

/** A detector whose listeners forget, watch and hear others, and what was emitted. */
function world() {
  const clock = { now: 0 };
  const detector = new FailureDetector({
    clock: () => clock.now,
    timers: false,
    maxPeers: 80,
    massSilence: false,
    levels: { slow: 1 },
  });
  const events: unknown[] = [];
  for (const event of ['available', 'suspect', 'level', 'late', 'refused', 'left'] as const) {
    detector.on(event, (payload) => {
      events.push([event, payload]);
      const n = Number(payload.peer.slice(1));
      if (n % 7 === 0) detector.forget(`p${(n + 3) % 90}`);
      if (n % 11 === 0) detector.watch(`p${(n + 5) % 90}`);
      if (n % 13 === 0) detector.leave(`p${(n + 1) % 90}`);
      if (n % 17 === 0 && event !== 'late') detector.heartbeats([`p${(n + 2) % 90}`, 'p1']);
    });
  }
  return { clock, detector, events };
}

const id = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...IDS) }, fc.constant(undefined));
const info: fc.Arbitrary<HeartbeatInfo | undefined> = fc.option(
  fc.record({ incarnation: fc.nat(2), sequence: fc.nat(40), next: fc.constantFrom(0, 5000) }),
  { nil: undefined },
);
const batch = fc.record({
  pause: fc.integer({ min: 0, max: 3000 }),
  heartbeats: fc.array(fc.tuple(id, info), { maxLength: 200 }),
});

describe('heartbeats of many at once', () => {
  it('change, emit and count what as many calls of heartbeat do, one after the other', () => {
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 25 }), (batches) => {
        const [one, many] = [world(), world()];
        for (const { pause, heartbeats } of batches) {
          for (const { clock, detector } of [one, many]) {
            clock.now += pause;
            detector.advance();
          }
          const at = one.clock.now;
          const ids = heartbeats.map(([each]) => each as string);
          const infos = heartbeats.map(([, each]) => each);
          const outcomes = ids.map((each, i) => one.detector.heartbeat(each, at, infos[i]));
          const accepted = outcomes.filter((outcome) => outcome === 'accepted').length;
          expect(many.detector.heartbeats(ids, at, infos)).toBe(accepted);
          expect(many.events).toEqual(one.events);
          expect([...many.detector.peers()]).toEqual([...one.detector.peers()]);
          expect(many.detector.dropped).toEqual(one.detector.dropped);
        }
        expect(many.detector.snapshot()).toEqual(one.detector.snapshot());
      }),
      { numRuns: 60 },
    );
  });

  it('are of now, and say nothing of themselves, where neither is given', () => {
    const { clock, detector } = world();
    clock.now = 500;
    expect(detector.heartbeats(['a', 'b'])).toBe(2);
    expect(detector.peer('b')?.lastHeartbeat).toBe(500);
    expect(detector.heartbeats([])).toBe(0);
  });
});
