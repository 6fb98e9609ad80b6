/** Each edge of `status` is an event: a set that is kept from events alone is right. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FailureDetector,
  type FailureDetectorOptions,
  type PeerSnapshot,
  type Transition,
} from '../src/index.js';

function world(options: FailureDetectorOptions = {}) {
  const clock = { now: 0 };
  const detector = new FailureDetector({ clock: () => clock.now, timers: false, ...options });
  const told: Transition[] = [];
  detector.on('available', (transition) => told.push(transition));
  return { clock, detector, told };
}

describe('The event available', () => {
  it('comes with the first heartbeat of a peer that nobody watched', () => {
    const { clock, detector, told } = world();
    clock.now = 500;
    expect(detector.heartbeat('a')).toBe('accepted');
    const common = { peer: 'a', phi: 0, due: 500, at: 500, silence: 0 };
    expect(told).toEqual([
      { ...common, level: undefined, previous: undefined, reason: 'first-heartbeat' },
    ]);
    clock.now = 1500;
    detector.heartbeat('a');
    expect(told.length).toBe(1);
    expect([...detector.available()]).toEqual(['a']);
  });

  it('comes with the first heartbeat of a watched peer, after its levels have fallen', () => {
    const { clock, detector, told } = world({ levels: { slow: 1 } });
    const levels: (string | undefined)[] = [];
    detector.on('level', ({ level }) => levels.push(level));
    detector.on('available', () => levels.push('available'));
    const peer = detector.watch('a');
    clock.now = 2000;
    detector.advance();
    expect(peer.heartbeat()).toBe('accepted');
    expect(levels).toEqual(['slow', undefined, 'available']);
    expect(told).toMatchObject([{ silence: 2000, reason: 'first-heartbeat', level: undefined }]);
    expect(told[0].phi).toBeGreaterThan(1);
  });

  it('says that a peer which was suspected before it was ever heard has recovered', () => {
    const { clock, detector, told } = world({ recoverAfter: 2 });
    detector.watch('a');
    clock.now = 1e6;
    detector.advance();
    detector.heartbeat('a');
    expect(told).toEqual([]);
    clock.now += 1000;
    detector.heartbeat('a');
    expect(told).toMatchObject([{ peer: 'a', previous: 'suspect', reason: 'heartbeat' }]);
  });

  it('comes anew for a peer that is watched anew', () => {
    const { detector, told } = world();
    detector.heartbeat('a');
    detector.forget('a');
    detector.heartbeat('a', 1);
    expect(told.map(({ at, reason }) => [at, reason])).toEqual([
      [0, 'first-heartbeat'],
      [1, 'first-heartbeat'],
    ]);
  });

  it('is not told of a heartbeat that is dropped', () => {
    const { detector, told } = world({ autoWatch: false });
    detector.heartbeat('a');
    detector.watch('b');
    detector.heartbeat('b', Number.NaN);
    expect(told).toEqual([]);
    expect([...detector.available()]).toEqual([]);
  });

  it('comes with a snapshot of a peer that is available, and not of one that is suspect', () => {
    const old = world();
    for (const id of ['well', 'silent', 'unheard']) old.detector.watch(id);
    old.detector.heartbeat('silent');
    old.clock.now = 1000;
    old.detector.heartbeat('well');
    old.clock.now = 3000;
    old.detector.advance();
    old.detector.heartbeat('well');
    old.detector.watch('starting');
    const { clock, detector, told } = world();
    clock.now = 7000;
    for (const peer of old.detector.snapshotPeers()) detector.restorePeer(peer);
    expect(told).toEqual([
      {
        peer: 'well',
        phi: expect.closeTo(0, 2),
        due: 7000,
        at: 7000,
        silence: 0,
        level: undefined,
        previous: undefined,
        reason: 'restored',
      },
    ]);
    detector.heartbeat('starting', 7100);
    detector.heartbeat('well', 7200);
    expect(told.slice(1)).toMatchObject([{ peer: 'starting', reason: 'first-heartbeat' }]);
  });
});

const id = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  fc.record({ do: fc.constantFrom('watch', 'forget', 'leave', 'restore', 'handle'), id }),
  fc.record({ do: fc.constant('beat'), id, link: fc.boolean(), incarnation: fc.nat(3) }),
  fc.record({ do: fc.constant('advance'), wait: fc.constantFrom(10, 900, 2000, 5000, 40_000) }),
  fc.record({ do: fc.constantFrom('down', 'up', 'all') }),
  fc.record({
    do: fc.constant('reconfigure'),
    id,
    options: fc.record(
      {
        threshold: fc.constantFrom(0.5, 8, 20),
        recoverAfter: fc.constantFrom(1, 3),
        levels: fc.constantFrom<Record<string, number>>({}, { slow: 1 }, { slow: 1, dead: 12 }),
        model: fc.constantFrom('normal' as const, 'calibrated' as const),
        maxSilence: fc.constantFrom(Number.POSITIVE_INFINITY, 1500),
      },
      { requiredKeys: [] },
    ),
  }),
);

describe('A set that is kept from events alone', () => {
  it('is that of the available peers, whatever is done', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, guarded) => {
        const guards = guarded ? { minPeers: 2, minOverdue: 2 } : false;
        const { clock, detector } = world({ massSilence: guards, levels: { slow: 1 } });
        const link = detector.link();
        const set = new Set<string>();
        detector.on('available', ({ peer }) => {
          expect(set.has(peer)).toBe(false);
          set.add(peer);
        });
        detector.on('suspect', ({ peer }) => set.delete(peer));
        detector.on('left', ({ peer }) => set.delete(peer));
        const saved = new Map<string, PeerSnapshot>();
        for (const s of steps) {
          if (!('id' in s)) {
            if (s.do === 'down') link.down();
            else if (s.do === 'up') link.up();
            else if (s.do === 'all') for (const each of 'abcd') detector.heartbeat(each);
            else clock.now += 'wait' in s ? s.wait : 0;
            detector.advance();
          } else if ('incarnation' in s) {
            const { incarnation } = s;
            detector.heartbeat(s.id, clock.now, { incarnation, link: s.link ? link : undefined });
          } else if ('options' in s) detector.watch(s.id, s.options);
          else if (s.do === 'watch') detector.watch(s.id);
          else if (s.do === 'handle') detector.watch(s.id).heartbeat();
          else if (s.do === 'leave') detector.leave(s.id);
          else if (s.do === 'restore') {
            const before = saved.get(s.id);
            if (before) detector.restorePeer(before);
          } else {
            const snapshot = detector.snapshotPeer(s.id);
            if (snapshot) saved.set(s.id, snapshot);
            if (detector.forget(s.id)) set.delete(s.id);
          }
          expect(set).toEqual(new Set(detector.available()));
        }
      }),
      { numRuns: 300 },
    );
  });
});
