/** Time in which this process could not run is no silence. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bounds } from '../src/core/peers/bounds.js';
import { Links } from '../src/core/peers/links.js';
import { PauseTimeline } from '../src/core/peers/pauses.js';
import { FailureDetector, type FailureDetectorOptions } from '../src/index.js';
import { Loop } from './support/loop.js';

const T_D = 2403.0003110436974;

/** Peers that beat once a second at phases of their own, until `until`, into a queue. */
function world(peers: number, options: FailureDetectorOptions = {}) {
  const loop = new Loop();
  const detector = new FailureDetector({ clock: loop, massSilence: false, ...options });
  const events: string[] = [];
  const suspected: { peer: string; at: number; reason: string; silence: number }[] = [];
  detector.on('stall', ({ duration }) => events.push(`stall ${Math.round(duration)}`));
  detector.on('suspect', ({ peer, at, reason, silence }) => {
    events.push(`suspect ${peer}`);
    suspected.push({ peer, at, reason, silence });
  });
  const beats = (id: string, from: number, until: number, lost = (_: number) => false) => {
    for (let at = from; at < until; at += 1000) {
      if (!lost(at)) loop.arrive(at, () => detector.heartbeat(id));
    }
  };
  const all = (until: number, lost?: (at: number) => boolean) => {
    for (let i = 0; i < peers; i++) beats(`p${i}`, (1000 / peers) * i, until, lost);
  };
  return { loop, detector, events, suspected, beats, all };
}

const timeline = () => new PauseTimeline(new Bounds());
const linkOf = (now: () => number, grace: number) =>
  new Links(new Bounds(), timeline(), now, () => {}).open(grace);

describe('a stall of the process', () => {
  it('makes nobody suspect whose heartbeats wait to be read, and is said once', () => {
    const { loop, events, all } = world(500);
    all(60_000);
    loop.setTimeout(() => loop.block(5000), 20_500);
    loop.runUntil(60_000);
    expect(events).toEqual([expect.stringMatching(/^stall 49\d\d$|^stall 5000$/)]);
  });

  it('makes nobody suspect whose heartbeats were lost', () => {
    const { loop, events, all } = world(500);
    all(60_000, (at) => at > 20_500 && at < 25_500);
    loop.setTimeout(() => loop.block(5000), 20_500);
    loop.runUntil(60_000);
    expect(events.filter((event) => event.startsWith('suspect'))).toEqual([]);
  });

  it('would make everybody suspect without the guard', () => {
    const { loop, events, all } = world(500, { stallGuard: false });
    all(60_000);
    loop.setTimeout(() => loop.block(5000), 20_500);
    loop.runUntil(60_000);
    expect(events.filter((event) => event.startsWith('suspect')).length).toBe(500);
  });

  it('moves the verdict on who died in it by no more than the stall, and says why', () => {
    const { loop, suspected, all, beats, detector } = world(20);
    all(60_000);
    beats('dead', 500, 20_000);
    loop.setTimeout(() => loop.block(5000), 20_600);
    loop.runUntil(60_000);
    expect(suspected.length).toBe(1);
    const [{ peer, at, reason, silence }] = suspected;
    expect([peer, reason]).toEqual(['dead', 'stall']);
    const last = detector.peer('dead')?.lastHeartbeat as number;
    expect(at - last).toBeGreaterThan(T_D - 500 + 4900);
    expect(at - last).toBeLessThan(T_D + 5000 + 100);
    expect(silence).toBeLessThan(T_D + 100);
  });

  it('is not learnt', () => {
    const { loop, detector, all } = world(10);
    all(60_000);
    loop.setTimeout(() => loop.block(1900), 30_050);
    loop.runUntil(59_000);
    // Only what came right after it, earlier than it would have.
    for (const id of detector.peers()) {
      expect(Math.abs((detector.peer(id)?.mean as number) - 1000)).toBeLessThan(20);
    }
  });

  it('of listeners, or of our own, is no event, and makes nobody suspect', () => {
    const { loop, detector, events, all, beats } = world(50);
    all(60_000);
    beats('dead', 500, 20_000);
    detector.on('suspect', () => loop.block(4000));
    loop.runUntil(60_000);
    expect(events).toEqual(['suspect dead']);
  });

  it('is noticed by a heartbeat that is read before any timer', () => {
    const { loop, detector, events, beats } = world(1);
    beats('a', 0, 20_000);
    beats('b', 10, 20_000);
    // Blocked by input: the next heartbeat of b is read in the same phase, before timers.
    loop.arrive(10_005, () => loop.block(3000));
    loop.runUntil(20_000);
    expect(events).toEqual([expect.stringMatching(/^stall/)]);
    expect(detector.peer('b')?.mean).toBeCloseTo(1000, -1.5);
  });

  it('does not stop a loaded process from finding the dead: 2·T_D + maxHold + one stall', () => {
    for (const [run, stall] of [
      [100, 900],
      [300, 700],
      [60, 5000],
    ]) {
      const maxHold = 10_000;
      const { loop, suspected, beats } = world(1, { stallGuard: { maxHold } });
      beats('healthy', 0, 400_000);
      beats('dead', 500, 20_000);
      for (let at = 21_000; at < 400_000; at += run + stall) {
        loop.setTimeout(() => loop.block(stall), at);
      }
      loop.runUntil(200_000);
      const found = suspected.filter(({ peer }) => peer === 'dead');
      expect(found.length).toBe(1);
      expect(found[0].at - 19_500).toBeLessThan(2 * T_D + maxHold + 2 * stall + 500);
    }
  });

  it('of ten minutes does not leave the next one without excuse', () => {
    const { loop, events, beats } = world(1);
    const lost = (at: number) => (at > 20_500 && at < 620_500) || (at > 680_500 && at < 683_500);
    for (let i = 0; i < 20; i++) beats(`p${i}`, 50 * i, 800_000, lost);
    loop.setTimeout(() => loop.block(600_000), 20_500);
    loop.setTimeout(() => loop.block(3000), 680_500);
    loop.runUntil(700_000);
    expect(events.filter((event) => event.startsWith('suspect'))).toEqual([]);
  });

  it('is our own when a listener blocks and then calls us', () => {
    const { loop, detector, events, all, beats } = world(20);
    all(60_000);
    beats('dead', 500, 20_000);
    detector.on('suspect', () => {
      loop.block(3000);
      detector.heartbeat('p1');
    });
    loop.runUntil(60_000);
    expect(events).toEqual(['suspect dead']);
  });

  it('ends the wait for input that never pauses after `drain`', () => {
    const { loop, suspected, all, beats } = world(1);
    all(60_000);
    beats('dead', 500, 20_000);
    for (let at = 20_000; at < 40_000; at += 0.5) {
      loop.arrive(at, () => {}); // not ours, and no heartbeat
    }
    loop.setTimeout(() => loop.block(5000), 20_600);
    loop.runUntil(60_000);
    expect(suspected.map(({ peer }) => peer)).toEqual(['dead']);
  });

  it('holds verdicts meanwhile, and explains it', () => {
    const { loop, detector, all } = world(100);
    all(30_000);
    const held: unknown[] = [];
    detector.on('stall', () => loop.setImmediate(() => held.push(detector.explain('p3')?.held)));
    loop.setTimeout(() => loop.block(3000), 10_500);
    loop.runUntil(30_000);
    expect(held).toEqual(['stall']);
    expect(detector.explain('p3')?.held).toBeUndefined();
  });

  it('is looked for by advance too, which waits as the timer does', () => {
    const { loop, detector, events, all } = world(20);
    all(30_000);
    loop.setTimeout(() => {
      loop.block(5000);
      expect(detector.advance()).toBeGreaterThan(loop.now());
    }, 10_500);
    loop.runUntil(30_000);
    expect(events.length).toBe(1);
  });

  it('needs timers', () => {
    expect(() => new FailureDetector({ timers: false, stallGuard: true })).toThrow(RangeError);
    expect(() => new FailureDetector({ stallGuard: { slack: 50 } }).close()).not.toThrow();
  });

  it('ticks with the one timer only, and not without peers', () => {
    const loop = new Loop();
    const detector = new FailureDetector({ clock: loop });
    expect(loop.timers).toBe(0);
    detector.heartbeat('a');
    expect(loop.timers).toBe(1);
    loop.runUntil(1000);
    expect(loop.timers).toBe(1);
    detector.forget('a');
    loop.runUntil(20_000);
    expect(loop.timers).toBe(0);
  });
});

describe('a link that is down', () => {
  it('freezes its peers until it is back, and one interval more', () => {
    const { loop, detector, suspected } = world(0);
    const [wire, other] = [detector.link(), detector.link()];
    for (let at = 0; at < 60_000; at += 1000) {
      const down = at > 10_000 && at < 40_000;
      if (!down) loop.arrive(at, () => detector.heartbeat('a', undefined, { link: wire }));
      if (at < 10_000) loop.arrive(at, () => detector.heartbeat('dead', undefined, { link: wire }));
      if (at < 15_000) loop.arrive(at, () => detector.heartbeat('b', undefined, { link: other }));
    }
    loop.setTimeout(() => wire.down(), 10_900);
    loop.setTimeout(() => {
      expect(detector.explain('a')?.held).toBe('link-down');
      expect(detector.peer('a')?.suspectAt()).toBe(Infinity);
      expect(detector.phi('a')).toBeLessThan(2);
    }, 30_000);
    loop.setTimeout(() => wire.up(), 39_500);
    loop.runUntil(60_000);
    expect(suspected.map(({ peer }) => peer)).toEqual(['b', 'dead']);
    expect(suspected[0].at).toBeCloseTo(14_000 + T_D, -1);
    expect(suspected[1].at).toBeCloseTo(39_500 + 1000 + T_D - 1900, -2);
    expect(detector.peer('a')?.mean).toBeCloseTo(1000, -1.2);
  });

  it('gives no time to be heard to who was heard', () => {
    const { loop, detector, suspected } = world(0, { heartbeatInterval: 60_000 });
    const wire = detector.link();
    const beat = (id: string) => detector.heartbeat(id, undefined, { link: wire });
    for (const id of ['a', 'dead']) detector.watch(id, { heartbeatInterval: 1000 });
    for (let at = 0; at < 100_000; at += 1000) {
      const down = at > 50_000 && at < 80_000;
      if (!down && at <= 85_000) loop.arrive(at, () => beat('a'));
      if (at <= 50_000) loop.arrive(at, () => beat('dead'));
    }
    loop.setTimeout(() => wire.down(), 50_500);
    let learnt = 0;
    loop.setTimeout(() => {
      learnt = detector.peer('a')?.sampleCount ?? 0;
      wire.up();
    }, 79_500);
    loop.setTimeout(() => {
      expect(detector.peer('a')?.sampleCount).toBe(learnt + 5); // the gap is none of its intervals
    }, 85_500);
    loop.runUntil(600_000);
    expect(suspected.map(({ peer }) => peer)).toEqual(['a', 'dead']);
    expect(suspected[0].at).toBeCloseTo(85_000 + T_D, -1);
    expect(suspected[1].at).toBeGreaterThan(79_500 + 60_000);
  });
});

describe('PauseTimeline', () => {
  it('knows what was paused between any two instants', () => {
    const pause = fc.tuple(fc.nat(100), fc.nat(100));
    fc.assert(
      fc.property(fc.array(pause, { maxLength: 60 }), fc.array(fc.nat(6000)), (pauses, times) => {
        const clock = timeline();
        const stopped = new Set<number>();
        let now = 0;
        for (const [run, stall] of pauses) {
          const from = now + run;
          now = from + stall;
          clock.pause(from, now);
          for (let t = from; t < now; t++) stopped.add(t);
        }
        for (const from of times) {
          for (const to of times.slice(0, 9)) {
            let expected = 0;
            for (let t = from; t < to; t++) if (stopped.has(t)) expected++;
            expect(clock.paused([], from, to)).toBe(expected);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('knows what of it a link adds, and that who was heard since it came back needs no grace', () => {
    const event = fc.tuple(fc.constantFrom('stall', 'toggle'), fc.nat(40), fc.nat(20));
    const GRACE = 15;
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), fc.array(fc.nat(1000)), (events, times) => {
        const clock = timeline();
        let now = 0;
        const link = linkOf(() => now, GRACE);
        const stopped = new Set<number>();
        /** Until when who was not heard since has time to be, by when the link came back. */
        const graces: { readonly up: number; end: number }[] = [];
        let down = Infinity;
        const stop = (from: number, to: number) => {
          for (let t = from; t < to; t++) stopped.add(t);
        };
        for (const [what, run, stall] of events) {
          now += run;
          if (what === 'stall') {
            clock.pause(now, now + stall);
            stop(now, now + stall);
            now += stall;
          } else if (down === Infinity) {
            link.down();
            down = now;
          } else {
            link.up();
            stop(down, now);
            down = Infinity;
            graces.push({ up: now, end: now + GRACE });
          }
        }
        stop(down, 1000);
        for (const from of times) {
          for (const to of times.slice(0, 9)) {
            let expected = 0;
            for (let t = from; t < to; t++) {
              const waits = graces.some(({ up, end }) => from < up && up <= t && t < end);
              if (stopped.has(t) || waits) expected++;
            }
            expect(clock.paused([link], from, to)).toBe(expected);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('knows what was paused when a link goes down in the grace of its return', () => {
    const clock = timeline();
    let now = 0;
    const link = linkOf(() => now, 20);
    link.down();
    now = 10;
    link.up();
    now = 15;
    link.down();
    expect(clock.paused([link], 5, 20)).toBe(15);
    expect(clock.paused([link], 10, 20)).toBe(5);
    expect(clock.paused([link], 15, 40)).toBe(25);
  });

  it('forgets the oldest of very many pauses, never the recent ones', () => {
    const clock = timeline();
    for (let i = 0; i < 10_000; i++) clock.pause(10 * i, 10 * i + 1);
    expect(clock.paused([], 95_000, 100_000)).toBe(500);
    expect(clock.paused([], -5, 100_000)).toBeGreaterThanOrEqual(1000);
  });
});
