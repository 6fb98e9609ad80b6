/** Links: whose silence counts while one of several ways is down, and what a link costs. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FailureDetector, type FailureDetectorOptions, type Link } from '../src/index.js';

function world(options: FailureDetectorOptions = {}) {
  const clock = { now: 0 };
  const detector = new FailureDetector({ clock: () => clock.now, timers: false, ...options });
  const suspected: [peer: string, at: number][] = [];
  detector.on('suspect', ({ peer, at }) => suspected.push([peer, at]));
  /** Moves the time, and says what is due on the way at its instants. */
  const runTo = (end: number) => {
    for (let next = detector.advance(); next <= end; next = detector.advance()) {
      clock.now = Math.max(clock.now, next);
      if (detector.advance() <= clock.now) break;
    }
    clock.now = end;
    detector.advance();
  };
  /** Beats each second by each of the links, 5 ms apart, from the first second to the last. */
  const beats = (id: string, links: readonly (Link | undefined)[], first: number, last: number) => {
    for (let at = first; at <= last; at += 1000) {
      links.forEach((link, i) => {
        runTo(at + 5 * i);
        detector.heartbeat(id, clock.now, { link, sequence: at + i });
      });
    }
  };
  return { clock, detector, suspected, runTo, beats };
}

describe('a peer with two links', () => {
  it.each([0, 1])('is suspected in time when it dies after link %i went down for good', (which) => {
    const { clock, detector, suspected, runTo, beats } = world();
    const links = [detector.link(), detector.link()];
    beats('a', links, 0, 20_000);
    runTo(20_100);
    links[which].down();
    runTo(60_000);
    expect(suspected).toEqual([['a', expect.any(Number)]]);
    expect(suspected[0][1]).toBeLessThan(24_000);
    expect(clock.now).toBe(60_000);
  });

  it.each([0, 1])(
    'is heard by both if each heartbeat comes by both: link %i down for good',
    (which) => {
      const { detector, suspected, runTo } = world();
      const links = [detector.link(), detector.link()];
      for (let sequence = 0; sequence <= 20; sequence++) {
        runTo(1000 * sequence);
        const by = (link: Link) => detector.heartbeat('a', undefined, { link, sequence });
        expect(links.map(by)).toEqual(['accepted', 'duplicate']);
      }
      runTo(20_100);
      links[which].down();
      runTo(60_000);
      expect(suspected).toEqual([['a', expect.any(Number)]]);
      expect(suspected[0][1]).toBeLessThan(24_000);
    },
  );

  it('is suspected in time as well when it is one of many that came after the first', () => {
    const { detector, suspected, runTo } = world({ massSilence: false });
    const links = [detector.link(), detector.link()];
    const ids: string[] = [];
    for (let at = 0; at <= 40_000; at += 1000) {
      if (at <= 20_000) ids.push(`p${at}`);
      for (const [i, link] of links.entries()) {
        runTo(at + 5 * i);
        for (const id of ids) detector.heartbeat(id, at + 5 * i, { link, sequence: at + i });
      }
    }
    links[1].down();
    runTo(80_000);
    expect(suspected.map(([id]) => id).sort()).toEqual(ids.sort());
  });

  it('is not suspected while both are down, and is when either comes back without it', () => {
    const { detector, suspected, runTo, beats } = world();
    const [a, b] = [detector.link(), detector.link()];
    beats('a', [a, b], 0, 20_000);
    runTo(20_100);
    a.down();
    b.down();
    runTo(100_000);
    expect(detector.explain('a')?.held).toBe('link-down');
    expect(suspected).toEqual([]);
    a.up();
    expect(detector.explain('a')?.held).toBeUndefined();
    runTo(200_000);
    expect(suspected).toEqual([['a', expect.any(Number)]]);
    expect(suspected[0][1]).toBeLessThan(104_000);
  });

  it('is held by the one that is left, once it was not heard by the other for some intervals', () => {
    const { detector, suspected, runTo, beats } = world();
    const [a, b] = [detector.link(), detector.link()];
    beats('a', [a, b], 0, 20_000);
    beats('a', [b], 21_000, 40_000);
    b.down();
    runTo(200_000);
    expect(suspected).toEqual([]);
    b.up();
    runTo(300_000);
    expect(suspected).toHaveLength(1);
  });

  it('goes on being heard by one while the other is down, and dies by it', () => {
    const { detector, suspected, runTo, beats } = world();
    const [a, b] = [detector.link(), detector.link()];
    beats('a', [a, b], 0, 20_000);
    a.down();
    beats('a', [b], 21_000, 60_000);
    expect(suspected).toEqual([]);
    runTo(70_000);
    expect(suspected).toHaveLength(1);
    expect(suspected[0][1]).toBeLessThan(64_000);
  });

  it('is heard by no link too where some of its heartbeats name none: its silence counts', () => {
    const { detector, suspected, runTo, beats } = world();
    const a = detector.link();
    beats('a', [undefined, a], 0, 20_000);
    a.down();
    runTo(60_000);
    expect(suspected).toHaveLength(1);
  });

  it('is silent by what a naive count of all links that are up says, whatever happens', () => {
    const step = fc.record({
      run: fc.integer({ min: 1, max: 3000 }),
      by: fc.nat(2),
      act: fc.constantFrom('beat', 'beat', 'beat', 'down', 'up'),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const { clock, detector, runTo } = world({ threshold: 8, massSilence: false });
        const links = [
          detector.link({ grace: 0 }),
          detector.link({ grace: 0 }),
          detector.link({ grace: 0 }),
        ];
        const downs = links.map(() => [] as [from: number, to: number][]);
        const heardAt = [-Infinity, -Infinity, -Infinity];
        for (let i = 0; i < 20; i++) {
          runTo(1000 * i);
          detector.heartbeat('a', clock.now, { link: links[0] });
          heardAt[0] = clock.now;
        }
        for (const { run, by, act } of steps) {
          runTo(clock.now + run);
          const isDown = downs[by].at(-1)?.[1] === Infinity;
          if (act === 'beat') {
            if (detector.heartbeat('a', clock.now, { link: links[by] }) === 'accepted')
              heardAt[by] = clock.now;
          } else if (act === 'down' && !isDown) {
            links[by].down();
            downs[by].push([clock.now, Infinity]);
          } else if (act === 'up' && isDown) {
            links[by].up();
            (downs[by].at(-1) as [number, number])[1] = clock.now;
          }
          const last = Math.max(...heardAt);
          const facts = detector.explain('a');
          if (facts === undefined) throw new Error('it is watched');
          const used = downs.filter((_, i) => heardAt[i] >= last - 4 * facts.mean);
          let silence = 0;
          for (let t = last; t < clock.now; t++) {
            if (!used.every((spans) => spans.some(([from, to]) => from <= t && t < to))) silence++;
          }
          expect(facts.silence).toBe(silence);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('a hold by a link', () => {
  it('ends at the instant that down() was given: who never wakes is found', () => {
    const { detector, suspected, runTo, beats } = world();
    const link = detector.link();
    beats('a', [link], 0, 20_000);
    link.down({ until: 80_000 });
    expect(detector.explain('a')?.held).toBe('link-down');
    runTo(300_000);
    expect(suspected).toEqual([['a', expect.any(Number)]]);
    expect(suspected[0][1]).toBeGreaterThan(80_000);
    expect(suspected[0][1]).toBeLessThan(84_000);
  });

  it('is bounded by maxHold of the link, and may be moved while it is down', () => {
    const { detector, suspected, runTo, beats } = world();
    const link = detector.link({ maxHold: 10_000 });
    beats('a', [link], 0, 20_000);
    link.down();
    runTo(29_000);
    link.down({ until: 100_000 });
    runTo(99_000);
    expect(suspected).toEqual([]);
    runTo(110_000);
    expect(suspected).toHaveLength(1);
  });

  it('gives as much grace as up() is told, for senders that reconnect by a back-off', () => {
    const { detector, suspected, runTo, beats } = world();
    const link = detector.link();
    beats('a', [link], 0, 20_000);
    link.down();
    runTo(50_000);
    link.up({ grace: 10_000 });
    runTo(59_000);
    expect(suspected).toEqual([]);
    beats('a', [link], 59_000, 65_000);
    runTo(70_000);
    expect(suspected).toHaveLength(1); // in time: who was heard has used its grace
  });

  it('is of a peer that was never heard as well, if watch() names the link', () => {
    const { detector, suspected, runTo } = world();
    const link = detector.link();
    link.down();
    detector.watch('a', { link });
    detector.watch('b');
    runTo(100_000);
    expect(suspected.map(([peer]) => peer)).toEqual(['b']);
    link.up();
    runTo(200_000);
    expect(suspected.map(([peer]) => peer)).toEqual(['b', 'a']);
  });

  it.each([
    [() => world().detector.link({ maxHold: -1 }), /link\.maxHold/],
    [() => world().detector.link({ grace: Number.NaN }), /link\.grace/],
    [() => world().detector.link({ hold: 1 } as object), /unknown option "hold"/],
    [() => world().detector.link().down({ until: Number.NaN }), /until/],
    [() => world().detector.link().up({ grace: -1 }), /grace/],
  ])('is refused where an option is none: %s', (make, message) => {
    expect(make).toThrow(message);
  });
});

describe('a link that is closed', () => {
  it('holds nobody any more, down or not', () => {
    const { detector, suspected, runTo, beats } = world();
    const link = detector.link();
    beats('a', [link], 0, 20_000);
    link.down();
    runTo(60_000);
    link.close();
    link.down(); // without effect
    runTo(70_000);
    expect(suspected).toHaveLength(1);
  });

  it('is closed by using', () => {
    const { detector, suspected, runTo, beats } = world();
    {
      using link = detector.link();
      beats('a', [link], 0, 20_000);
      link.down();
    }
    runTo(40_000);
    expect(suspected).toHaveLength(1);
  });

  it('of another detector, or no link at all, is none', () => {
    const { detector, suspected, runTo } = world();
    const foreign = world().detector.link();
    for (const link of [foreign, { down() {}, up() {} }, 5 as never]) {
      detector.heartbeat(`${typeof link}`, 0, { link });
    }
    foreign.down();
    runTo(60_000);
    expect(suspected).toHaveLength(2);
  });
});

describe('links without peers', () => {
  it('are forgotten: one for each of many connections costs what its peers cost', () => {
    const { detector } = world();
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const used = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = used();
    for (let i = 0; i < 200_000; i++) {
      const link = detector.link();
      detector.heartbeat('a', i, { link });
      if (i % 3 === 0) link.down();
      detector.forget('a');
    }
    expect(detector.size).toBe(0);
    expect(used() - before).toBeLessThan(4e6); // 225 bytes each were kept once
  });
});
