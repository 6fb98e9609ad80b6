/** Everybody silent at once is not N failures. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FailureDetector, type FailureDetectorOptions, type HeartbeatInfo } from '../src/index.js';

const T_D = 2403.0003110436974;

/** Peers that beat once a second at phases of their own, but when they are silent. */
function world(peers: number, options: FailureDetectorOptions = {}) {
  let now = 0;
  const detector = new FailureDetector({
    clock: () => now,
    timers: false,
    flapDamping: false,
    ...options,
  });
  const edges: string[] = [];
  const suspected: { peer: string; at: number; due: number; reason: string }[] = [];
  const returned: string[] = [];
  detector.on('mass-silence', ({ at, active, overdue, watched }) => {
    edges.push(`${active ? 'begins' : 'ends'} ${Math.round(at)} ${overdue}/${watched}`);
  });
  detector.on('suspect', ({ peer, at, due, reason }) => suspected.push({ peer, at, due, reason }));
  detector.on('available', ({ peer, reason }) => {
    if (reason === 'heartbeat') returned.push(peer);
  });
  const names = Array.from({ length: peers }, (_, i) => `p${i}`);
  const run = (
    until: number,
    silent: (peer: number, at: number) => boolean = () => false,
    info?: HeartbeatInfo,
  ) => {
    const phase = 1000 / peers;
    for (let i = Math.ceil(now / phase); i * phase <= until; i++) {
      detector.advance(i * phase);
      now = i * phase;
      if (!silent(i % peers, now)) detector.heartbeat(names[i % peers], now, info);
    }
    now = until;
    detector.advance(now);
  };
  return { detector, edges, suspected, returned, run, names };
}

const reasons = (list: { reason: string }[]) => [...new Set(list.map(({ reason }) => reason))];

describe('a single death', () => {
  it('among healthy peers is not delayed by a microsecond, nor are deaths one after another', () => {
    const { run, suspected, edges } = world(100);
    const deaths = new Map([10, 30, 50, 70, 90].map((peer, n) => [peer, 20_000 + 1500 * n]));
    run(60_000, (peer, at) => at >= (deaths.get(peer) ?? Infinity));
    expect(suspected.length).toBe(5);
    for (const { at, due, reason } of suspected) {
      expect(at - due).toBeLessThanOrEqual(10); // the steps of this test
      expect(reason).toBe('silence');
    }
    expect(edges).toEqual([]);
  });

  it('is judged at its instant by whoever calls advance at it', () => {
    let now = 0;
    const detector = new FailureDetector({ clock: () => now, timers: false });
    const suspected: number[] = [];
    detector.on('suspect', ({ at, due }) => suspected.push(at - due));
    for (let at = 0; at < 20_000; at += 100) {
      now = at;
      const peer = (at / 100) % 10;
      if (peer !== 3 || at < 10_000) detector.heartbeat(`p${peer}`);
      for (let next = detector.advance(now); next <= at + 100; next = detector.advance(next)) {
        now = next;
      }
    }
    expect(suspected).toEqual([0]);
  });
});

describe('a mass silence', () => {
  it('is one event at each edge, and nobody is suspected who returns', () => {
    for (const outage of [3000, 5000, 10_000, 25_000]) {
      const { run, suspected, edges } = world(200);
      run(120_000, (_, at) => at > 60_000 && at < 60_000 + outage);
      expect(suspected).toEqual([]);
      expect(edges.map((edge) => edge.split(' ')[0])).toEqual(['begins', 'ends']);
    }
  });

  it('of those that are dead for good is judged one period after the others have returned', () => {
    const { run, suspected } = world(200);
    run(120_000, (peer, at) => at > 60_000 && (at < 70_000 || peer % 20 === 0));
    expect(suspected.length).toBe(10);
    expect(reasons(suspected)).toEqual(['mass-silence']);
    for (const { at } of suspected) {
      expect(at).toBeGreaterThan(70_500);
      expect(at).toBeLessThan(72_500);
    }
  });

  it('that lasts is judged after maxHold, whole', () => {
    const { run, suspected, edges, returned } = world(50, { massSilence: { maxHold: 20_000 } });
    run(120_000, (_, at) => at > 60_000 && at < 90_000);
    expect(suspected.length).toBe(50);
    expect(reasons(suspected)).toEqual(['mass-silence']);
    for (const { at } of suspected) {
      expect(at).toBeGreaterThan(59_000 + T_D + 20_000);
      expect(at).toBeLessThan(60_050 + T_D + 20_000);
    }
    expect(new Set(returned).size).toBe(50);
    expect(edges.map((edge) => edge.split(' ')[0])).toEqual(['begins', 'ends']);
  });

  it('of four of ten is found one period late, not thirty seconds', () => {
    const { run, suspected, edges } = world(10);
    run(60_000, (peer, at) => at > 20_000 && peer % 5 < 2);
    expect(suspected.map(({ peer }) => peer).sort()).toEqual(['p0', 'p1', 'p5', 'p6']);
    for (const { at, due } of suspected) expect(at - due).toBeLessThanOrEqual(1000);
    expect(edges.length).toBe(2);
  });

  it('of six of ten too', () => {
    const { run, suspected } = world(10);
    run(60_000, (peer, at) => at > 20_000 && peer < 6);
    expect(suspected.length).toBe(6);
    for (const { at, due } of suspected) expect(at - due).toBeLessThanOrEqual(1000);
  });

  it('needs so many peers, so many overdue, and more than the fraction', () => {
    const dead = (peers: number, n: number, options?: FailureDetectorOptions) => {
      const { run, edges } = world(peers, options);
      run(30_000, (peer, at) => at > 20_000 && peer < n);
      return edges.length > 0;
    };
    expect(dead(4, 4)).toBe(false);
    expect(dead(5, 2)).toBe(false);
    expect(dead(5, 3)).toBe(true);
    expect(dead(10, 3)).toBe(false); // 3 of 10 is not more than 0.3
    expect(dead(10, 4)).toBe(true);
    expect(dead(10, 5, { massSilence: { fraction: 0.5 } })).toBe(false);
    expect(dead(10, 10, { massSilence: false })).toBe(false);
  });

  it('does not hold lower levels, and explains what it holds', () => {
    const { run, detector, suspected } = world(20, { levels: { uneasy: 1, critical: 3 } });
    const levels: string[] = [];
    detector.on('level', ({ level }) => levels.push(`${level}`));
    run(65_000, (_, at) => at > 60_000);
    expect(suspected).toEqual([]);
    expect(levels.filter((level) => level === 'critical').length).toBe(20);
    expect([...detector.peers()].map((peer) => detector.explain(peer)?.held)).toEqual(
      Array(20).fill('mass-silence'),
    );
  });

  it('that comes again and again holds nobody for longer than maxHold and a period', () => {
    const { run, suspected, names } = world(20, { massSilence: { maxHold: 20_000 } });
    // All but the dead one return for 2 s after each 6 s of silence.
    run(120_000, (peer, at) => at > 60_000 && (peer === 7 || (at - 60_000) % 8000 < 6000));
    const dead = suspected.filter(({ peer }) => peer === names[7]);
    expect(dead.length).toBe(1);
    expect(dead[0].at).toBeLessThan(60_000 + T_D + 20_000 + 2000);
  });

  it('of half of them for good is found a period or two after the others have returned', () => {
    const { run, suspected } = world(10);
    run(60_000, (peer, at) => at > 20_000 && (at < 25_000 || peer < 5));
    expect(suspected.length).toBe(5);
    for (const { at } of suspected) expect(at).toBeLessThan(28_000);
  });

  it('is ended by no heartbeat with a time of its own', () => {
    const { run, detector, suspected, edges } = world(10);
    run(23_000, (_, at) => at > 20_000);
    detector.heartbeat('p6', 1.7e12);
    run(25_000, () => true);
    run(60_000, (peer) => peer > 7);
    expect(suspected.map(({ peer }) => peer).sort()).toEqual(['p8', 'p9']);
    for (const { at } of suspected) expect(at).toBeLessThan(28_000);
    for (const edge of edges) expect(Number(edge.split(' ')[1])).toBeLessThan(60_000);
  });

  it('holds fast peers though a slow one of an earlier hold waits for its period', () => {
    const { run, detector, suspected } = world(10);
    detector.watch('slow', { heartbeatInterval: 60_000, maxSilence: 62_000 });
    detector.heartbeat('slow', 0);
    run(100_000, (_, at) => (at > 60_000 && at < 65_000) || (at > 95_000 && at < 99_000));
    expect(suspected.filter(({ peer }) => peer !== 'slow')).toEqual([]);
    run(130_000);
    expect(suspected.map(({ peer }) => peer)).toEqual(['slow']);
  });

  it('is noticed after a link was down and up again', () => {
    const { run, detector, suspected, edges } = world(10);
    const link = detector.link();
    run(20_000, undefined, { link });
    link.down();
    detector.watch('lone', { heartbeatInterval: 100 });
    detector.heartbeat('lone');
    run(21_500, () => true); // the lone one is suspected meanwhile
    link.up();
    run(50_000, undefined, { link });
    run(60_000, () => true);
    run(90_000, undefined, { link });
    expect(edges.length).toBe(2);
    expect(suspected.map(({ peer }) => peer)).toEqual(['lone']);
  });

  it('leaves no trace in the counts, whatever comes and goes', () => {
    const step = fc.record({
      peer: fc.nat(11),
      wait: fc.constantFrom(0, 10, 300, 1000, 2500, 9000, 40_000),
      do: fc.constantFrom('beat', 'beat', 'beat', 'all', 'all', 'forget', 'advance', 'threshold'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let now = 0;
        const detector = new FailureDetector({ clock: () => now, timers: false });
        let counts = { overdue: 0, watched: 0, active: false };
        let active = false;
        detector.on('mass-silence', (event) => {
          expect(event.active).toBe(!active);
          active = event.active;
          counts = event;
          expect(counts.overdue).toBeLessThanOrEqual(counts.watched);
          expect(counts.overdue).toBeGreaterThanOrEqual(0);
          expect(counts.watched).toBeLessThanOrEqual(detector.size);
        });
        const silent = new Map<string, number>();
        detector.on('suspect', ({ peer, silence }) => {
          expect(silent.has(peer)).toBe(false);
          silent.set(peer, silence);
        });
        detector.on('available', ({ peer, reason }) =>
          expect(silent.delete(peer)).toBe(reason === 'heartbeat'),
        );
        for (const { peer, wait, do: what } of steps) {
          now += wait;
          if (what === 'beat') detector.heartbeat(`p${peer}`);
          if (what === 'all') for (let i = 0; i < 12; i++) detector.heartbeat(`p${i}`, now + i);
          if (what === 'forget' && detector.forget(`p${peer}`)) silent.delete(`p${peer}`);
          if (what === 'advance') detector.advance();
          if (what === 'threshold') detector.watch(`p${peer}`, { threshold: 1 + peer });
        }
        // All silent in the end are suspected, whatever was held.
        for (let i = 0; i < 40; i++) {
          now += 60_000;
          detector.advance();
        }
        expect([...detector.suspects()].length).toBe(detector.size);
        expect(active).toBe(false);
      }),
      { numRuns: 400 },
    );
  });
});
