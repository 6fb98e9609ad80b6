/** A group whose members all fall silent is a switch or a host, and not as many failures. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chanceOfSilence, longestPause } from '../src/core/monitor/population.js';
import { FailureDetector, type FailureDetectorOptions } from '../src/index.js';

const CUT = 6000;

interface Member {
  readonly group?: string;
  readonly period?: number;
  /** Whether it is heard at `at`. */
  readonly heard?: (at: number) => boolean;
}

/** Peers that beat at phases of their own; runs to `until` and says who was suspected when. */
function world(members: readonly Member[], options: FailureDetectorOptions = {}) {
  let now = 0;
  const detector = new FailureDetector<number>({
    clock: () => now,
    timers: false,
    flapDamping: false,
    ...options,
  });
  const suspected = new Map<number, { at: number; due: number; reason: string }>();
  const edges: string[] = [];
  detector.on('suspect', ({ peer, at, due, reason }) => suspected.set(peer, { at, due, reason }));
  detector.on('mass-silence', ({ active, group, overdue, watched }) => {
    edges.push(`${active ? 'begins' : 'ends'} ${group} ${overdue}/${watched}`);
  });
  const next: { at: number; peer: number }[] = members.map(({ group, period = 1000 }, peer) => {
    detector.watch(peer, { heartbeatInterval: period, ...(group !== undefined && { group }) });
    return { at: (period * ((peer * 0.618034) % 1)) | 0, peer };
  });
  const byInstant = new Map<number, number[]>();
  const put = (at: number, peer: number) => {
    const here = byInstant.get(at);
    if (here) here.push(peer);
    else byInstant.set(at, [peer]);
  };
  for (const { at, peer } of next) put(at, peer);
  let done = -1;
  let due = 0;
  const run = (until: number) => {
    for (let at = done + 1; at <= until; at++) {
      while (due <= at) {
        now = Math.max(due, now);
        due = detector.advance(now);
      }
      const here = byInstant.get(at);
      if (!here) continue;
      now = at;
      byInstant.delete(at);
      for (const peer of here) {
        const { period = 1000, heard = () => true } = members[peer];
        if (heard(at)) detector.heartbeat(peer);
        put(at + period, peer);
      }
      due = detector.advance(now);
    }
    done = until;
    now = until;
    due = detector.advance(now);
  };
  return { detector, suspected, edges, run };
}

const cut = (duration: number) => (at: number) => at < CUT || at >= CUT + duration;
const dead = (at: number) => at < CUT;
const fleet = (count: number, hosts: number, of: (peer: number, host: number) => Member) =>
  Array.from({ length: count }, (_, peer) => {
    const host = peer % hosts;
    return { group: `host-${host}`, ...of(peer, host) };
  });

describe('half of a fleet behind a dead switch', () => {
  it('is not suspected, while single deaths elsewhere are told at their instants', () => {
    const single = (peer: number) => [11, 215, 3413].includes(peer);
    const members = fleet(4000, 20, (peer, host) => ({
      heard: host < 10 ? cut(20_000) : single(peer) ? dead : undefined,
    }));
    const { suspected, edges, run } = world(members);
    run(CUT + 35_000);
    expect([...suspected.keys()].sort((a, b) => a - b)).toEqual([11, 215, 3413]);
    for (const { at, due, reason } of suspected.values()) {
      expect(at).toBe(due);
      expect(reason).toBe('silence');
    }
    expect(edges.filter((edge) => edge.startsWith('begins')).sort()).toEqual(
      Array.from({ length: 10 }, (_, host) => `begins host-${host} 200/200`),
    );
    expect(edges.length).toBe(20);
  });

  it('is suspected as before where it names no groups', () => {
    const members = Array.from({ length: 40 }, (_, peer) => ({
      heard: peer % 2 === 0 ? cut(20_000) : undefined,
    }));
    const { suspected, edges, run } = world(members);
    run(CUT + 10_000);
    expect(suspected.size).toBe(20);
    for (const edge of edges) expect(edge).toContain('undefined');
  });

  it('is suspected by maxHold when it never returns', () => {
    const members = fleet(40, 4, (_, host) => ({ heard: host < 2 ? dead : undefined }));
    const { suspected, edges, run } = world(members, { massSilence: { maxHold: 20_000 } });
    run(CUT + 40_000);
    expect(suspected.size).toBe(20);
    for (const { at, due, reason } of suspected.values()) {
      expect(at - due).toBeGreaterThan(18_000);
      expect(at - due).toBeLessThanOrEqual(20_000);
      expect(reason).toBe('mass-silence');
    }
    expect(edges.length).toBe(4);
  });

  it('is held when all of it is silent, and told of group by group', () => {
    const { suspected, edges, run } = world(fleet(60, 6, () => ({ heard: cut(15_000) })));
    run(CUT + 30_000);
    expect(suspected.size).toBe(0);
    expect(new Set(edges.map((edge) => edge.split(' ')[1])).size).toBe(6);
    expect(edges.length).toBe(12);
  });
});

describe('a group', () => {
  it('of two or of one is not held', () => {
    for (const size of [1, 2]) {
      const members = Array.from({ length: 20 }, (_, peer) => ({
        group: peer < size ? 'pair' : '',
        heard: peer < size ? dead : undefined,
      }));
      const { suspected, edges, run } = world(members);
      run(CUT + 5000);
      expect(suspected.size).toBe(size);
      for (const { at, due } of suspected.values()) expect(at).toBe(due);
      expect(edges).toEqual([]);
    }
  });

  it('of three is held, and so is its part that was not suspected before', () => {
    const members = Array.from({ length: 30 }, (_, peer) => ({
      group: peer < 6 ? 'small' : '',
      heard: peer < 3 ? (at: number) => at < 3000 : peer < 6 ? cut(10_000) : undefined,
    }));
    const { suspected, run } = world(members);
    run(CUT + 20_000);
    expect([...suspected.keys()].sort()).toEqual([0, 1, 2]);
  });

  it('of which one beats is not held: the others are told of at once', () => {
    const members = fleet(40, 4, (peer, host) => ({
      heard: host === 0 && peer > 0 ? dead : undefined,
    }));
    const { suspected, edges, run } = world(members);
    run(CUT + 5000);
    expect(suspected.size).toBe(9);
    for (const { at, due } of suspected.values()) expect(at).toBe(due);
    expect(edges).toEqual([]);
  });

  it('does not keep back who fell silent before the others', () => {
    const members = fleet(40, 4, (peer, host) => ({
      heard: peer === 0 ? (at) => at < CUT - 1600 : host === 0 ? cut(10_000) : undefined,
    }));
    const { suspected, run } = world(members);
    run(CUT + 20_000);
    expect([...suspected.keys()]).toEqual([0]);
    expect(suspected.get(0)?.at).toBe(suspected.get(0)?.due);
  });

  it('whose members have different intervals is held as a whole', () => {
    for (const periods of [
      [500, 1000, 2000, 3000],
      [500, 700, 900, 1100, 1300, 5000],
      [1000, 1000, 1000, 60_000],
    ]) {
      for (const each of [1, 5]) {
        const size = periods.length * each;
        const members = Array.from({ length: size + 30 }, (_, peer) => ({
          group: peer < size ? 'mixed' : 'others',
          period: peer < size ? periods[peer % periods.length] : 1000,
          heard: peer < size ? cut(20_000) : undefined,
        }));
        const { suspected, run } = world(members);
        run(CUT + 35_000);
        expect({ periods, each, suspected: [...suspected.keys()] }).toEqual({
          periods,
          each,
          suspected: [],
        });
      }
    }
  });

  it('of slow peers does not keep back the death of a fast one', () => {
    const members = Array.from({ length: 40 }, (_, peer) => ({
      group: peer < 10 ? 'slow' : '',
      period: peer > 0 && peer < 10 ? 60_000 : 1000,
      heard: peer === 0 ? dead : undefined,
    }));
    const { suspected, run } = world(members);
    run(CUT + 5000);
    expect([...suspected.keys()]).toEqual([0]);
    expect(suspected.get(0)?.at).toBe(suspected.get(0)?.due);
  });

  it('that comes back is told of those that are dead in it, soon after the others have returned', () => {
    const members = fleet(80, 4, (peer, host) => ({
      heard: host === 0 ? (peer % 8 === 0 ? dead : cut(8000)) : undefined,
    }));
    const { suspected, run } = world(members);
    run(CUT + 40_000);
    expect(suspected.size).toBe(10);
    for (const { at } of suspected.values()) {
      expect(at).toBeGreaterThan(CUT + 8000);
      expect(at).toBeLessThan(CUT + 8000 + 6000);
    }
  });

  it('that is replaced by new peers is told of soon: they prove that it is reached', () => {
    const members: Member[] = [
      ...fleet(20, 1, () => ({ heard: dead })),
      ...Array.from({ length: 60 }, () => ({})),
    ];
    const { suspected, detector, run } = world(members);
    run(CUT + 3000);
    expect(suspected.size).toBe(0);
    for (let at = CUT + 4000; at <= CUT + 8000; at += 250) {
      run(at);
      for (let n = 0; n < 20; n++) {
        if (at === CUT + 4000) detector.watch(100 + n, { group: 'host-0' });
        if (at % 1000 === 0) detector.heartbeat(100 + n, at);
      }
    }
    expect(suspected.size).toBe(20);
  });

  it('can be changed, by watch, and left, by forget', () => {
    const members = Array.from({ length: 40 }, (_, peer) => ({
      group: peer < 10 ? 'old' : '',
      heard: peer < 10 ? dead : undefined,
    }));
    const { suspected, detector, edges, run } = world(members);
    run(CUT - 500);
    for (let peer = 0; peer < 5; peer++) detector.watch(peer, { group: '' });
    expect(detector.snapshotPeer(0)?.options).toBeUndefined();
    expect(detector.snapshotPeer(5)?.options).toMatchObject({ group: 'old' });
    run(CUT + 5000);
    expect([...suspected.keys()].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(detector.explain(5)?.held).toBe('mass-silence');
    for (let peer = 5; peer < 10; peer++) detector.forget(peer);
    run(CUT + 5001);
    expect(edges.at(-1)).toMatch(/^ends old/);
    run(CUT + 40_000);
    expect(suspected.size).toBe(5);
  });

  it('holds nobody without the guard', () => {
    const members = fleet(40, 4, (_, host) => ({ heard: host === 0 ? dead : undefined }));
    const { suspected, run } = world(members, { massSilence: false });
    run(CUT + 5000);
    expect(suspected.size).toBe(10);
  });

  it('is named by a text of at most 200 characters', () => {
    const detector = new FailureDetector();
    expect(() => detector.watch('a', { group: 1 as unknown as string })).toThrow(
      /^group: expected/,
    );
    expect(() => detector.watch('a', { group: 'x'.repeat(201) })).toThrow(/at most 200/);
    detector.watch('a', { group: 'x'.repeat(200) });
    detector.close();
  });

  it('goes with a snapshot', () => {
    const clock = () => 0;
    const detector = new FailureDetector({ clock, timers: false });
    detector.watch('a', { group: 'rack', windowSize: 10 });
    detector.watch('b', { group: 'zone', windowSize: 10 });
    detector.watch('c', { windowSize: 10 });
    const plain = JSON.parse(JSON.stringify(detector.snapshot()));
    const copy = FailureDetector.restore(plain, { clock, timers: false });
    expect(copy.snapshot()).toEqual(detector.snapshot());
    expect(copy.snapshotPeer('b')?.options).toEqual({ group: 'zone', windowSize: 10 });
  });
});

describe('groups by the thousand', () => {
  it('are as quick to hold as one', { timeout: 60_000 }, () => {
    const members = fleet(30_000, 10_000, (_, host) => ({
      heard: host % 2 === 0 ? cut(5000) : undefined,
    }));
    const { suspected, edges, run } = world(members);
    run(CUT + 9000);
    expect(suspected.size).toBe(0);
    expect(edges.length).toBe(10_000);
  });

  it('leave no trace in the counts, whatever comes and goes', () => {
    const step = fc.record({
      peer: fc.nat(15),
      group: fc.constantFrom('', 'a', 'b', 'c'),
      wait: fc.constantFrom(0, 10, 300, 1000, 2500, 9000, 40_000),
      do: fc.constantFrom(
        'beat',
        'beat',
        'group',
        'all',
        'all',
        'most',
        'forget',
        'advance',
        'move',
      ),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let now = 0;
        const detector = new FailureDetector<number>({ clock: () => now, timers: false });
        const active = new Set<string>();
        detector.on('mass-silence', ({ active: begins, group = '', overdue, watched }) => {
          expect(active.has(group)).toBe(!begins);
          if (begins) active.add(group);
          else active.delete(group);
          expect(overdue).toBeLessThanOrEqual(watched);
          expect(overdue).toBeGreaterThanOrEqual(0);
          expect(watched).toBeLessThanOrEqual(detector.size);
        });
        const suspects = new Set<number>();
        detector.on('suspect', ({ peer }) => suspects.add(peer));
        const groups = ['a', 'b', 'c'];
        for (let peer = 0; peer < 12; peer++) detector.watch(peer, { group: groups[peer % 3] });
        for (const { peer, group, wait, do: what } of steps) {
          now += wait;
          if (what === 'beat') detector.heartbeat(peer);
          if (what === 'group') for (let i = peer % 3; i < 12; i += 3) detector.heartbeat(i);
          if (what === 'all') for (let i = 0; i < 16; i++) detector.heartbeat(i, now + i / 100);
          if (what === 'most') for (let i = 0; i < 16; i++) if (i % 3 > 0) detector.heartbeat(i);
          if (what === 'forget') detector.forget(peer);
          if (what === 'advance') detector.advance();
          if (what === 'move') detector.watch(peer, { group });
        }
        for (let i = 0; i < 40; i++) {
          now += 60_000;
          detector.advance();
        }
        expect([...detector.suspects()].length).toBe(detector.size);
        expect([...active]).toEqual([]);
        // Counts that had gone wrong would hold, or not hold, what follows.
        for (let peer = 0; peer < 16; peer++) detector.forget(peer);
        suspects.clear();
        for (let peer = 0; peer < 16; peer++) detector.watch(peer, { group: `g${peer % 4}` });
        for (let n = 0; n < 100; n++) {
          now += 100;
          for (let peer = 0; peer < 16; peer++) {
            if (n % 10 === peer % 10 && (peer % 4 > 0 || n < 50)) detector.heartbeat(peer);
          }
          detector.advance();
        }
        expect([...suspects]).toEqual([]);
        expect([...active]).toEqual(['g0']);
      }),
      { numRuns: 150 },
    );
  });
});

describe('what may be chance', () => {
  it.each([
    [[1000, 1000, 1000], 1000, 0],
    [[1000, 1000], 500, 0.5],
    [[1000, 2000, 4000], 500, 0.75 * 0.875],
    [[1000], 5000, 1],
    [[100, 60_000, 60_000], 6000, 0.81],
  ])('of peers with intervals %j that are silent for %i ms', (periods, silent, chance) => {
    expect(chanceOfSilence(periods, silent)).toBeCloseTo(chance, 12);
  });

  it.each([
    [1000, 1, Infinity],
    [1000, 2, 999_000],
    [1000, 4, 9000],
    [0, 5, 0],
  ])('of returns, %i ms for %i of them', (span, count, pause) => {
    const longest = longestPause(span, count, 1000);
    if (pause === Infinity) expect(longest).toBe(pause);
    else expect(longest).toBeCloseTo(pause, 6);
  });
});
