/** The figures behind the charts of a report. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { cumulativeStdNormalProbability } from 'simple-statistics';
import { beforeAll, describe, expect, it } from 'vitest';
import { readTrace, replay, type Trace, type TuneReport, tune } from '../src/lab/lab.js';
import { arrivalsOf } from '../src/lab/replay/arrivals.js';
import { isSupported } from '../src/lab/report/calibrations.js';
import { binGaps, gapsOf, resolutionOf } from '../src/lab/report/gap-bins.js';
import { escaped } from '../src/lab/report/html.js';
import { phiSeries } from '../src/lab/report/phi-series.js';
import { type Origin, report } from '../src/lab/report/report.js';
import { expectedCounts, moments, survivals } from '../src/lab/report/survival.js';
import { linearTicks, logTicks } from '../src/lab/report/ticks.js';
import { root } from './support/processes.js';
import { seeded } from './support/random.js';
import { syntheticTrace } from './support/synthetic-trace.js';

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const draws = (count: number, draw: () => number) => Array.from({ length: count }, draw);

describe('bins of gaps', () => {
  it('count every gap once, in the bin that it is in', () => {
    const gap = fc.oneof(
      fc.double({ min: 1e-3, max: 1e7, noNaN: true }),
      fc.integer({ min: 0, max: 500 }),
    );
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1, maxLength: 300 }), fc.nat(150), (all, more) => {
        fc.pre(all.some((each) => each > 0));
        const { edges, counts, below, gaps } = binGaps(Float64Array.from(all), 10 + more);
        expect(gaps).toBe(all.length);
        expect(sum(counts)).toBe(all.length);
        expect(edges.length).toBe(counts.length + 1);
        for (let i = 1; i < edges.length; i++) expect(edges[i]).toBeGreaterThan(edges[i - 1]);
        expect(edges[0]).toBeGreaterThan(0);
        expect(below).toBe(all.filter((each) => each < edges[0]).length);
        const inside = (i: number) =>
          all.filter((each) => each >= edges[i] && each < edges[i + 1]).length;
        expect(counts).toEqual(counts.map((_, i) => inside(i) + (i === 0 ? below : 0)));
      }),
    );
  });

  it('lie between the steps of a coarse clock', () => {
    const random = seeded(1);
    const gaps = Float64Array.from(draws(5000, () => 40 + Math.floor(30 * random())));
    expect(resolutionOf(gaps)).toBe(1);
    const { edges, counts } = binGaps(gaps, 200);
    for (const edge of edges) expect(edge % 1).toBe(0.5);
    // Even gaps, even bars: none without a step of the clock.
    expect(Math.min(...counts)).toBeGreaterThan(100);
    expect(resolutionOf(Float64Array.of(0.1, 0.2, 0.3, 0.7))).toBe(0.1);
    expect(resolutionOf(Float64Array.of(Math.PI))).toBe(0);
  });

  it('show a constant cadence, too', () => {
    const { edges, counts } = binGaps(new Float64Array(50).fill(100), 100);
    expect(edges[0]).toBeLessThan(100);
    expect(edges[edges.length - 1]).toBeGreaterThan(100);
    expect(Math.max(...counts)).toBe(50);
  });
});

describe('what models expect', () => {
  const random = seeded(2);
  const normalish = () => 100 + 8 * (sum(draws(12, random)) - 6);
  const trace = syntheticTrace(draws(20_000, normalish));
  const sessions = trace.sessions.map(arrivalsOf);
  const gaps = gapsOf(sessions);
  const all = survivals(sessions, gaps, 100);
  const of = (model: string) => all.find((each) => each.model === model) as (typeof all)[number];

  it('adds up to all gaps', () => {
    for (const { model, beyond } of all) {
      const edges = Array.from({ length: 4000 }, (_, i) => i / 2);
      const counts = expectedCounts({ model, beyond }, edges, 1000);
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(-1e-9);
      expect(sum(counts) / 1000, model).toBeCloseTo(1, 2);
    }
  });

  it('is the distribution of that name', () => {
    const { mean, stdDev } = moments(gaps);
    expect(mean).toBeCloseTo(sum([...gaps]) / gaps.length, 6);
    for (const z of [-2, -1, 0, 1, 2]) {
      const share = 1 - cumulativeStdNormalProbability(z);
      expect(of('normal').beyond(mean + z * stdDev)).toBeCloseTo(share, 3);
      expect(of('logistic').beyond(mean + z * stdDev)).toBeCloseTo(share, 2);
    }
    expect(of('exponential').beyond(mean)).toBeCloseTo(Math.exp(-1), 12);
    // What was learnt: the share of gaps that were as long.
    for (const share of [0.1, 0.01]) {
      const sorted = [...gaps].sort((a, b) => b - a);
      const learnt = of('calibrated').beyond(sorted[Math.round(share * gaps.length)]);
      expect(learnt / share).toBeGreaterThan(0.5);
      expect(learnt / share).toBeLessThan(2);
    }
  });
});

describe('φ over time', () => {
  it('keeps every mistake and the highest φ, however short', async () => {
    const gap = fc.oneof(
      { weight: 9, arbitrary: fc.double({ min: 80, max: 120, noNaN: true }) },
      { weight: 1, arbitrary: fc.constantFrom(0, 250, 400, 900, 5000) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(gap, { minLength: 3, maxLength: 150 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 400 }),
        async (runs, stretches) => {
          const parts = runs.map((gaps, i) => ({
            ...syntheticTrace(gaps).sessions[0],
            session: String(i),
          }));
          const heartbeats = sum(parts.map((part) => part.heartbeats));
          const trace: Trace = { sessions: parts, heartbeats, truncated: false };
          fc.pre(runs.every((gaps) => sum(gaps) > 0));
          const options = { threshold: 3, heartbeatInterval: 100 };
          const { mistakes } = await replay(trace, options);
          const series = phiSeries(parts.map(arrivalsOf), options, stretches);
          const whole = phiSeries(parts.map(arrivalsOf), options, 1e4);
          const buckets = series.sessions.flatMap((each) => each.buckets);
          expect(series.mistakes).toBe(mistakes);
          expect(sum(buckets.map((each) => each.mistakes))).toBe(mistakes);
          expect(Math.max(...buckets.map(({ max }) => max))).toBe(series.highest);
          expect(series.highest).toBe(whole.highest);
          expect(buckets.length).toBeLessThanOrEqual(stretches + runs.length);
          for (const { buckets, duration } of series.sessions) {
            const times = buckets.map(({ at }) => at);
            expect(times).toEqual([...times].sort((a, b) => a - b));
            expect(times[times.length - 1]).toBeLessThanOrEqual(duration);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('rises through a long silence', () => {
    const trace = syntheticTrace([...draws(50, () => 100), 1000, 100]);
    const { sessions, highest } = phiSeries(trace.sessions.map(arrivalsOf), { threshold: 8 }, 61);
    const ramp = sessions[0].buckets.filter(({ at }) => at > 5200 && at < 5950);
    expect(ramp.length).toBeGreaterThan(5);
    for (let i = 1; i < ramp.length; i++) expect(ramp[i].max).toBeGreaterThan(ramp[i - 1].max);
    expect(highest).toBeGreaterThan(ramp[ramp.length - 1].max);
  });
});

describe('ticks', () => {
  it('are round, in the range, rising and not too many', () => {
    const range = fc.tuple(
      fc.double({ min: -6, max: 6, noNaN: true }),
      fc.double({ min: 0.05, max: 9, noNaN: true }),
    );
    fc.assert(
      fc.property(range, fc.integer({ min: 4, max: 10 }), ([low, width], most) => {
        const ticks = logTicks(low, low + width, most);
        expect(ticks.length).toBeGreaterThan(0);
        expect(ticks.length).toBeLessThanOrEqual(most + 1);
        for (const tick of ticks) {
          expect(tick).toBeGreaterThanOrEqual(low - 1e-6);
          expect(tick).toBeLessThanOrEqual(low + width + 1e-6);
        }
        expect(ticks).toEqual([...new Set(ticks)].sort((a, b) => a - b));
      }),
    );
    expect(linearTicks(0, 10, 5)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(logTicks(0, 3, 6).map((log) => Math.round(10 ** log))).toEqual([1, 10, 100, 1000]);
  });
});

it('levels need five expected gaps to say something', () => {
  const level = (phi: number, gaps: number) => ({ phi, gaps, late: 0, share: 0 });
  expect(isSupported(level(2, 500))).toBe(true);
  expect(isSupported(level(2, 499))).toBe(false);
});

describe('the page', () => {
  const evil = `<script>alert(1)</script>"'&\u0007`;
  const origin: Origin = {
    name: evil,
    command: `npx phi-accrual tune '${evil}'`,
    version: '1.2.3',
    date: new Date(Date.UTC(2026, 0, 2, 3, 4)),
  };
  let trace: Trace;
  beforeAll(async () => {
    trace = await readTrace(createReadStream(join(root, 'test/traces/netns_clean_100ms.csv.gz')));
    const [session] = trace.sessions;
    trace = { ...trace, sessions: [{ ...session, session: evil }] };
  });
  const CHARTS = ['trade-off', 'phi', 'gaps', 'calibration'];

  function check(page: string, tuned: TuneReport) {
    expect(page).not.toMatch(/<script|\balert\(1\)<\/s|javascript:|@import|url\((?!#)/i);
    // Names of namespaces aside, nothing is told to come from elsewhere.
    expect(page.replace(/xmlns(:\w+)?="[^"]*"/g, '')).not.toMatch(/https?:|(src|href)="(?!data:)/);
    expect(page).toContain(escaped(evil));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(page).not.toMatch(/[\u0000-\u0008]/);
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
    for (const id of CHARTS) expect(page).toContain(`<section id="${id}">`);
    expect(page.match(/role="img" aria-label="[^"]{40,}"/g)).toHaveLength(2 * CHARTS.length);
    expect(page.length).toBeLessThan(400_000);
    expect(page).toContain('phi-accrual 1.2.3 on 2026-01-02 03:04 UTC');
    for (const { model } of [...tuned.models, ...tuned.others]) expect(page).toContain(model);
  }

  it('tells of settings that were chosen', async () => {
    const tuned = await tune(trace, { maxMistakesPerHour: 100 });
    const page = await report(trace, tuned, origin);
    check(page, tuned);
    const { threshold } = tuned.chosen?.options ?? {};
    expect(page).toContain('Kept by these settings, with 95 % confidence');
    expect(page).toContain(`  threshold: ${threshold},\n})</code>`);
    expect(await report(trace, tuned, origin)).toBe(page);
  });

  it.each([
    [{ maxMistakesPerHour: 0.1 }, /The trace is too short.*maxMistakesPerHour: 0\.1,/s],
    [{ detectWithin: 20 }, /No setting that was tried keeps detection within 20 ms/],
  ])('tells why there are none for %j', async (goal, reason) => {
    const tuned = await tune(trace, goal, { models: ['calibrated', 'exponential'] });
    const page = await report(trace, tuned, origin);
    check(page, tuned);
    expect(page).toContain('No settings can be promised');
    expect(page).toMatch(reason);
    expect(page).not.toContain('Kept by these');
  });

  it('takes sessions of any kind: short, of one heartbeat, lost, a hundred of them', async () => {
    const random = seeded(5);
    const parts = Array.from({ length: 100 }, (_, i) => {
      const [session] = syntheticTrace(draws(20 + (i % 30), () => 90 + 20 * random())).sessions;
      return { ...session, session: `${evil} ${i}` };
    });
    const one = { ...syntheticTrace([]).sessions[0], session: 'one' };
    const lost = { ...syntheticTrace([100, 100]).sessions[0], session: 'lost' };
    lost.recvMs.fill(Number.NaN);
    const sessions = [one, ...parts, lost, { ...one, session: 'two' }];
    const heartbeats = sum(sessions.map((each) => each.heartbeats));
    const many: Trace = { sessions, heartbeats, truncated: true };
    const tuned = await tune(many, { maxMistakesPerHour: 300 }, { models: ['exponential'] });
    const page = await report(many, tuned, origin);
    check(page, tuned);
    expect(page).toContain('in 103 sessions');
    expect(page).toContain('cut off at its end');
  });
});
