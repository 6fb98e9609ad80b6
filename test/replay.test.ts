/** Replays: the protocol rule by rule, against a plain reading of it, and against the reference. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PhiAccrualDetector } from '../src/index.js';
import {
  bertier,
  cassandra,
  chen,
  exponentialUnbounded,
  fixedTimeout,
  hayashibara,
  type MakeTraceDetector,
  nominalInterval,
  readTrace,
  replay,
  satzger,
  type Trace,
  twoWindow,
} from '../src/lab/lab.js';
import { plainScore } from './support/plain-score.js';
import { root } from './support/processes.js';
import { differences, optionsOf, type Reference } from './support/reference-quality.js';

type Row = readonly [seq: number, recvMs: number, sendMs?: number];

function traceOf(...sessions: readonly (readonly Row[])[]): Trace {
  return {
    sessions: sessions.map((rows, s) => ({
      session: `run ${s}`,
      heartbeats: rows.length,
      seq: Float64Array.from(rows, ([seq]) => seq),
      sendMs: Float64Array.from(rows, ([, , sendMs = Number.NaN]) => sendMs),
      recvMs: Float64Array.from(rows, ([, recvMs]) => recvMs),
    })),
    heartbeats: sessions.flat().length,
    truncated: false,
  };
}
const numbered = (...times: readonly number[]): Row[] => times.map((at, seq) => [seq, at]);

/** A detector whose deadline after each seq is written down, and φ if there is any. */
const scripted =
  (due: readonly number[], phi?: (at: number) => number): MakeTraceDetector =>
  () => {
    let now = Infinity;
    return {
      heartbeat: (_, { sequence }) => {
        now = due[sequence];
      },
      suspectAt: () => now,
      ...(phi && { phi }),
    };
  };

describe('the protocol', () => {
  it('is what a person computes', async () => {
    // Silence from 10 to 25 is suspected from 22 on, from 35 to 60 from 47 on.
    const trace = traceOf(numbered(0, 10, 25, 35, 60));
    expect(await replay(trace, { detector: fixedTimeout(12), heartbeatInterval: 10 })).toEqual({
      mistakes: 2,
      mistakesPerHour: (2 * 3_600_000) / 60,
      meanMistakeDuration: 8,
      longestMistake: 13,
      queryAccuracy: 1 - 16 / 60,
      lateShare: 2 / 4,
      detectionTime: { mean: 12, p50: 12, p99: 12, max: 12 },
      calibration: [],
      hours: 60 / 3_600_000,
      gaps: 4,
      sessions: 1,
      heartbeats: 5,
      heartbeatInterval: 10,
    });
  });

  it('counts no heartbeat that comes at its deadline as late', async () => {
    const at = (time: number) => traceOf(numbered(0, 10, time));
    const options = { detector: fixedTimeout(10), heartbeatInterval: 10 };
    expect(await replay(at(20), options)).toMatchObject({ mistakes: 0, lateShare: 0 });
    const late = await replay(at(20.25), options);
    expect(late).toMatchObject({ mistakes: 1, lateShare: 0.5, meanMistakeDuration: 0.25 });
  });

  it('takes suspicions without trust between for one mistake', async () => {
    const trace = traceOf(numbered(0, 10, 20, 30, 40));
    // Suspected from 5 to 20 without a break; trusted from 20 to 25, and at 30 for an instant.
    const detector = scripted([5, 10, 25, 30.5, 99]);
    const score = await replay(trace, { detector, heartbeatInterval: 10 });
    expect(score).toMatchObject({ mistakes: 3, lateShare: 1, longestMistake: 15 });
    expect(score.queryAccuracy).toBeCloseTo(1 - (15 + 5 + 9.5) / 40, 12);
    expect(score.detectionTime).toMatchObject({ p50: 5, max: 59 });
    expect(score.detectionTime.mean).toBe((5 + 0 + 5 + 0.5 + 59) / 5);
  });

  it('begins a mistake anew where scoring begins', async () => {
    const trace = traceOf(numbered(0, 10, 20, 30, 40, 50, 60, 70, 80, 90));
    const due = [1, 2, 25, 35, 45, 55, 65, 75, 85, 95];
    const score = await replay(trace, { detector: scripted(due), heartbeatInterval: 10 });
    // The first arrival, and the gap behind it, are not scored.
    expect(score).toMatchObject({ gaps: 8, heartbeats: 10, mistakes: 8, longestMistake: 10 });
    expect(score.detectionTime.mean).toBe((0 + 8 * 5) / 9);
    expect(score.hours).toBe(80 / 3_600_000);
  });

  it('warms up with a tenth of the arrivals, 1000 at most', async () => {
    const options = { detector: fixedTimeout(1), heartbeatInterval: 1 };
    for (const [n, gaps] of [
      [9, 8],
      [19, 17],
      [20, 17],
      [9_999, 8_999],
      [10_010, 9_009],
      [30_000, 28_999],
    ]) {
      const trace = traceOf(Array.from({ length: n }, (_, i) => [i, i]));
      expect(await replay(trace, options)).toMatchObject({ gaps, heartbeats: n });
    }
  });

  it('feeds arrivals in order, by seq where that is equal, and never at one instant', async () => {
    const fed: number[][] = [];
    const detector: MakeTraceDetector = () => ({
      heartbeat: (at, { sequence, sentAt }) => void fed.push([sequence, at, sentAt]),
      suspectAt: () => Infinity,
    });
    const rows: Row[] = [
      [0, 0, -5],
      [1, 30],
      [2, 20, 15],
      [4, 20, 18],
      [3, 20],
      [5, Number.NaN, 50],
      [6, 31, 60],
    ];
    const score = await replay(traceOf(rows), { detector, heartbeatInterval: 10 });
    expect(fed.map(([sequence]) => sequence)).toEqual([0, 2, 3, 4, 1, 6]);
    expect(fed.map(([, , sentAt]) => sentAt)).toEqual([-5, 15, NaN, 18, NaN, 60]);
    const times = fed.map(([, at]) => at);
    expect(times.every((at, i) => i === 0 || at > times[i - 1])).toBe(true);
    expect(times.map((at) => Math.round(at * 1e9) / 1e9)).toEqual([0, 20, 20, 20, 30, 31]);
    expect(score).toMatchObject({ heartbeats: 6, gaps: 5, mistakes: 0, queryAccuracy: 1 });
    expect(score.detectionTime).toEqual({
      mean: Infinity,
      p50: Infinity,
      p99: Infinity,
      max: Infinity,
    });
  });

  it('starts a fresh detector for each session and adds their times up', async () => {
    const made: unknown[] = [];
    const detector: MakeTraceDetector = (context) => {
      made.push(context);
      return fixedTimeout(12)(context);
    };
    const trace = traceOf(numbered(0, 20), numbered(1000, 1010, 1030), [[0, Number.NaN]], []);
    const score = await replay(trace, { detector, heartbeatInterval: 7 });
    expect(made).toEqual([0, 1, 2, 3].map((s) => ({ session: `run ${s}`, heartbeatInterval: 7 })));
    expect(score).toMatchObject({ mistakes: 2, gaps: 3, sessions: 2, hours: 50 / 3_600_000 });
    expect(score.queryAccuracy).toBeCloseTo(1 - 16 / 50, 12);
  });

  it('counts gaps whose φ exceeds a level, strictly', async () => {
    const trace = traceOf(numbered(0, 1, 2.5, 6, 15));
    const detector = scripted([99, 99, 99, 99, 99], (at) => at); // φ is the time of day
    const { calibration } = await replay(trace, { detector, heartbeatInterval: 1 });
    expect(calibration.map(({ phi, late }) => [phi, late])).toEqual([
      [1, 3],
      [2, 3],
      [3, 2],
      [4, 2],
      [5, 2],
      [6, 1],
      [7, 1],
      [8, 1],
    ]);
    expect(calibration[0]).toEqual({ phi: 1, gaps: 4, late: 3, share: 3 / 4 });
  });
});

describe('replay', () => {
  const beats = (n: number, interval: number) =>
    traceOf(Array.from({ length: n }, (_, i) => [i, i * interval + (i % 7), i * interval]));

  it('drives the shipped detector, which expects what the trace shows', async () => {
    const trace = beats(3000, 50);
    const options = { threshold: 5, minStdDev: 1 } as const;
    const own: MakeTraceDetector = ({ heartbeatInterval }) =>
      new PhiAccrualDetector({ ...options, heartbeatInterval });
    const score = await replay(trace, options);
    expect(score).toEqual(await replay(trace, { detector: own }));
    expect(score).toEqual(await replay(trace, { ...options, heartbeatInterval: 50 }));
    expect(score).not.toEqual(await replay(trace, { threshold: 6, minStdDev: 1 }));
    expect(score.calibration.length).toBe(8);
  });

  it.each([
    [
      'sendings, lost ones too',
      [
        [0, 9, 0],
        [1, NaN, 10],
        [3, 99, 30],
        [4, 50, 41],
      ],
      10,
    ],
    [
      'arrivals where sendings are unknown, without overtaken ones',
      [
        [0, 5],
        [2, 35],
        [3, 20],
        [4, NaN],
        [5, 40],
        [6, 50],
      ],
      10,
    ],
  ] as [string, Row[], number][])('estimates the interval from %s', (_, rows, expected) => {
    expect(nominalInterval(traceOf(rows))).toBe(expected);
  });

  it('lets others run, tells how far it is, and can be ended', async () => {
    const trace = beats(300_000, 1);
    const told: number[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const all = await replay(trace, {
      heartbeatInterval: 1,
      onProgress: (done, of) => told.push(done / of),
    });
    clearInterval(timer);
    expect(all.heartbeats).toBe(300_000);
    expect(told.length).toBeGreaterThan(3);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told.at(-1)).toBe(1);
    expect(turns).toBeGreaterThan(0);
    const controller = new AbortController();
    const { signal } = controller;
    let calls = 0;
    const onProgress = () => {
      calls++;
      controller.abort(new Error('enough'));
    };
    await expect(replay(trace, { onProgress, signal })).rejects.toThrow('enough');
    expect(calls).toBe(1);
    await expect(replay(trace, { signal })).rejects.toThrow('enough');
  });

  it.each([
    [{ treshold: 8 }, TypeError, 'treshold'],
    [{ threshold: -1 }, RangeError, 'threshold'],
    [{ heartbeatInterval: 0 }, RangeError, 'heartbeatInterval'],
    [{ detector: fixedTimeout(1), threshold: 8 }, TypeError, 'threshold'],
    [{ detector: 7 }, TypeError, 'detector'],
    [{ detector: () => undefined }, TypeError, 'detector'],
    [{ detector: scripted([NaN, NaN]) }, TypeError, 'suspectAt'],
    [{ signal: 7 }, TypeError, 'signal'],
    [{ onProgress: 7 }, TypeError, 'onProgress'],
    [null, TypeError, 'options'],
  ])('refuses %o', async (options, type, name) => {
    const failure = replay(traceOf(numbered(0, 10)), options as never);
    await expect(failure).rejects.toThrow(type);
    await expect(failure).rejects.toThrow(name);
  });

  it.each([
    ['one heartbeat', [numbered(3)]],
    ['heartbeats at one instant', [numbered(3, 3)]],
    ['none that arrived', [[[0, NaN, 0] as Row, [1, NaN, 10] as Row]]],
  ])('refuses a trace with %s', async (_, sessions) => {
    const options = { detector: fixedTimeout(1), heartbeatInterval: 1 };
    await expect(replay(traceOf(...sessions), options)).rejects.toThrow(RangeError);
    await expect(replay(traceOf(...sessions))).rejects.toThrow('trace: expected');
    await expect(replay('trace.csv' as never)).rejects.toThrow('trace: expected');
  });

  /** Equal up to the order in which sums are added up. */
  function expectSame(found: object, expected: object): void {
    for (const [name, value] of Object.entries(expected)) {
      const other = (found as Record<string, unknown>)[name];
      if (typeof value === 'object') expectSame(other as object, value);
      else if (value === other) continue;
      else
        expect(Math.abs(value - (other as number)), name).toBeLessThan(
          1e-9 * (1 + Math.abs(value)),
        );
    }
  }

  const grid = fc.integer({ min: 0, max: 400 }).map((x) => x / 4);
  const rows = fc.array(fc.tuple(fc.nat(60), fc.option(grid, { nil: Number.NaN, freq: 8 })), {
    maxLength: 60,
  });
  const deadlines = fc.array(fc.integer({ min: -40, max: 120 }), { minLength: 61, maxLength: 61 });

  it('scores as a plain reading of the protocol does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(rows, { minLength: 1, maxLength: 3 }),
        deadlines,
        async (all, due) => {
          const trace = traceOf(...all);
          // On a grid of quarters: an instant later by a rounding error is the same one.
          const detector: MakeTraceDetector = () => {
            let [last, offset] = [0, Infinity];
            return {
              heartbeat: (at, { sequence }) => {
                last = Math.round(at * 4) / 4;
                offset = due[sequence] / 4;
              },
              suspectAt: () => last + offset,
              phi: (at) => (Math.round(at * 4) / 4 - last) * 2,
            };
          };
          const expected = plainScore(trace, detector, 1);
          fc.pre(expected.hours > 0);
          const score = await replay(trace, { detector, heartbeatInterval: 1 });
          expectSame(score, expected);
          expect(score.calibration.length).toBe(expected.calibration.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  const intervals = fc.array(fc.double({ min: 0.5, max: 60, noNaN: true }), {
    minLength: 2,
    maxLength: 80,
  });
  const kinds: Record<string, MakeTraceDetector> = {
    core: ({ heartbeatInterval }) => new PhiAccrualDetector({ heartbeatInterval, threshold: 1 }),
    cassandra: cassandra({ threshold: 1, windowSize: 7 }),
    exponentialUnbounded: exponentialUnbounded({ threshold: 0.5, windowSize: 7 }),
    chen: chen({ margin: 3, windowSize: 7 }),
    twoWindow: twoWindow({ margin: 3, windowSize: 7 }),
    bertier: bertier({ windowSize: 7 }),
    satzger: satzger({ threshold: 0.9, windowSize: 7 }),
    hayashibara: hayashibara({ threshold: 1, windowSize: 7 }),
    fixedTimeout: fixedTimeout(30),
  };
  it.each(Object.entries(kinds))('the same with %s', async (_, detector) => {
    await fc.assert(
      fc.asyncProperty(intervals, async (gaps) => {
        let at = 0;
        const trace = traceOf(gaps.map((gap, seq) => [seq, (at += gap)]));
        const score = await replay(trace, { detector, heartbeatInterval: 20 });
        const expected = plainScore(trace, detector, 20);
        expectSame(score, expected);
        expect(score.calibration.length).toBe(expected.calibration.length);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the baselines', () => {
  it.each([
    ['fixedTimeout', () => fixedTimeout(0)],
    ['chen', () => chen({ margin: -1 })],
    ['chen', () => chen({} as never)],
    ['chen', () => chen({ margin: 1, window: 3 } as never)],
    ['twoWindow', () => twoWindow({ margin: 1, windowSize: 0 })],
    ['bertier', () => bertier({ gamma: 2 })],
    ['cassandra', () => cassandra({ threshold: 0 })],
    ['exponentialUnbounded', () => exponentialUnbounded({ threshold: 1, windowSize: 1.5 })],
    ['satzger', () => satzger({ threshold: 1.5 })],
    ['hayashibara', () => hayashibara({ threshold: 1, minStdDev: 0 })],
    ['hayashibara', () => hayashibara({ threshold: 1, windowSize: 0 })],
  ])('%s refuses what makes no sense', (_, make) => {
    expect(make).toThrow(/expected|unknown option/);
  });

  it('satzger finds the intervals by rank, whatever comes and goes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(0.1, 0.5, 0.75, 1),
        (intervals, windowSize, threshold) => {
          const options = { threshold, windowSize, scale: 0.5 };
          const detector = satzger(options)({ heartbeatInterval: 1, session: '' });
          let at = 0;
          const info = { sequence: 0, sentAt: 0 };
          detector.heartbeat(at, info);
          for (const interval of intervals) detector.heartbeat((at += interval), info);
          const kept = intervals.slice(-windowSize).sort((a, b) => a - b);
          const rank = kept[Math.ceil(threshold * kept.length) - 1];
          expect(detector.suspectAt()).toBe(at + rank / 0.5);
        },
      ),
    );
  });
});

describe('the reference', () => {
  const check = async (reference: Reference, name: string, path: string) => {
    const trace = await readTrace(path);
    const { interval_ms, results } = reference.traces[name];
    expect(results.length).toBe(126);
    const wrong: string[] = [];
    for (const cell of results) {
      const score = await replay(trace, optionsOf(cell, interval_ms));
      const what = `${cell.detector} ${JSON.stringify(cell.params)}: `;
      wrong.push(...differences(cell, score).map((difference) => what + difference));
    }
    expect(wrong).toEqual([]);
  };

  const kept = join(root, 'test/traces');
  const own: Reference = JSON.parse(readFileSync(join(kept, 'reference.json'), 'utf8'));
  it.each(Object.keys(own.traces))('is met on %s', { timeout: 240_000 }, (name) =>
    check(own, name, join(kept, `${name}.csv.gz`)),
  );

  const folder = process.env.PHI_TRACES ?? join(root, '../shared/traces');
  const file = join(folder, 'reference-qos.json');
  const there = existsSync(file);
  if (!there) console.log(`no ${file}: the traces that may not be copied are skipped`);
  const all: Reference = there ? JSON.parse(readFileSync(file, 'utf8')) : { traces: {} };
  const names = Object.keys(all.traces);
  describe.runIf(there)('of traces that may not be copied', () => {
    it.each(names)('is met on %s', { timeout: 240_000 }, (name) =>
      check(all, name, join(folder, `${name}.csv`)),
    );

    it('of the exact normal model is met by the core, once the window has shed its prior', async () => {
      const { results } = all.traces.starlink_isl_lagos;
      const trace = await readTrace(join(folder, 'starlink_isl_lagos.csv'));
      const cells = results.filter(({ detector }) => detector === 'phi_normal_exact_min1');
      expect(cells.length).toBe(11);
      for (const cell of cells) {
        const { threshold } = cell.params;
        const score = await replay(trace, { learn: 'always', minStdDev: 1, threshold });
        expect(differences(cell, score)).toEqual([]);
      }
    });
  });
});
