/** φ over the whole trace, as the settings would have had it. */
import { axis, BAD, type Chart, gridOf, INK, MUTED, nameGaps, type Size } from './chart.js';
import { counted, whole } from './figures.js';
import type { PhiSeries, PhiSession } from './phi-series.js';
import { linearTicks } from './ticks.js';

/** How much of the picture all breaks between sessions take together, at most. */
const BREAKS = 0.15;
/** One break. */
const BREAK = 0.012;
const NAMED = 6;
/** More marks than this are drawn smaller. */
const CROWD = 100;

export interface PhiChartInput {
  /** Which settings these are. */
  readonly whose: string;
  /** In as many stretches as a picture of that width can show. */
  series(stretches: number): PhiSeries;
  /** Where the second half begins: a session's number, and ms from its first arrival. */
  readonly secondHalf: { readonly session: number; readonly at: number };
}

export function phiChart(input: PhiChartInput): Chart {
  const all = {
    wide: input.series(STRETCHES.wide),
    narrow: input.series(STRETCHES.narrow),
  };
  const series = all.wide;
  const { threshold, mistakes, highest, sessions } = series;
  const top = topOf(series);
  const beyond =
    highest > top
      ? ` Where φ went beyond ${round(top)}, up to ${tall(highest)}, it is drawn there.`
      : '';
  const breaks = sessions.length > 1 ? ' Sessions stand side by side, each begun afresh.' : '';
  const figures =
    `Suspected at φ ${round(threshold)}: ${counted(mistakes, 'mistake')} in the whole trace, ` +
    'without the warm-up.';
  return {
    id: 'phi',
    title: `φ over time: ${input.whose}`,
    caption:
      `${figures} The line is the highest φ in each short stretch of time; ` +
      `a mistake is marked where the heartbeat came that proved it wrong.${beyond}${breaks} ` +
      'Each session begins with a warm-up, shaded, in which nothing is counted.',
    label: figures,
    legend: [
      { mark: 'line', colour: INK, text: 'highest φ' },
      { mark: 'dashes', colour: BAD, text: 'threshold' },
      { mark: 'down', colour: BAD, text: 'mistake' },
      { mark: 'bar', colour: 'var(--band)', text: 'warm-up' },
    ],
    options: (size) => options(input, all[size.name], size),
  };
}

const STRETCHES = { wide: 750, narrow: 280 };
const round = (phi: number): string => String(Number(phi.toPrecision(3)));
const tall = (phi: number): string => (phi >= 1000 ? whole(phi) : round(phi));

/** Far above the threshold it does not matter how far. */
export const topOf = ({ threshold, highest }: PhiSeries): number =>
  threshold * Math.min(Math.max((1.1 * highest) / threshold, 1.3), 2.2);

const UNITS = [
  { ms: 3.6e6, name: 'hours', from: 1.08e7 },
  { ms: 60_000, name: 'minutes', from: 180_000 },
  { ms: 1000, name: 'seconds', from: 0 },
];

function options({ secondHalf }: PhiChartInput, series: PhiSeries, size: Size) {
  const { sessions, threshold } = series;
  const recorded = sessions.reduce((sum, { duration }) => sum + duration, 0);
  const unit = UNITS.find(({ from }) => recorded >= from) ?? UNITS[UNITS.length - 1];
  const between = recorded * Math.min(BREAK, BREAKS / sessions.length);
  const starts = startsOf(sessions, between);
  const end = recorded + between * (sessions.length - 1);
  const top = topOf(series);
  const gaps = nameGaps(size);
  const wide = size.name === 'wide';
  const x = (session: number, at: number) => (starts[session] + at) / unit.ms;
  const marks = sessions.flatMap(({ buckets }, i) =>
    buckets
      .filter(({ mistakes }) => mistakes > 0)
      .map(({ at, max }) => [x(i, at), Math.min(max, top)]),
  );
  const half = x(secondHalf.session, secondHalf.at);
  return {
    grid: { ...gridOf(size), top: 48 },
    xAxis: axis(
      `${unit.name} recorded`,
      [0, end / unit.ms],
      linearTicks(0, end / unit.ms, wide ? 10 : 5),
      round,
      { nameGap: gaps.x, splitLine: { show: false } },
    ),
    yAxis: axis('φ', [0, top], linearTicks(0, top, 6), round, { nameGap: gaps.y }),
    series: [
      {
        type: 'line',
        silent: true,
        symbol: 'none',
        lineStyle: { color: INK, width: 1 },

        data: line(sessions, top, x),
        markLine: {
          silent: true,
          symbol: 'none',
          label: { color: MUTED },
          data: [
            {
              yAxis: threshold,
              lineStyle: { color: BAD, type: 'dashed', width: 1.5 },
              label: { show: false },
            },
            {
              xAxis: half,
              lineStyle: { color: MUTED, type: 'dotted', width: 1.5 },
              label: { formatter: 'second half', position: 'end', distance: 16 },
            },
          ],
        },
        markArea: warmUps(sessions, x, wide),
      },
      {
        type: 'scatter',
        silent: true,
        z: 4,
        symbol: 'triangle',
        symbolRotate: 180,
        symbolSize: marks.length > CROWD ? 6 : 9,
        symbolOffset: [0, -6],
        itemStyle: { color: BAD },
        data: marks,
      },
    ],
  };
}

function startsOf(sessions: readonly PhiSession[], between: number): number[] {
  let start = 0;
  return sessions.map(({ duration }) => {
    const own = start;
    start += duration + between;
    return own;
  });
}

type Place = (session: number, at: number) => number;

/** Broken between sessions. */
const line = (sessions: readonly PhiSession[], top: number, x: Place) =>
  sessions.flatMap(({ buckets }, i) => [
    ...buckets.map(({ at, max }) => [x(i, at), Math.min(max, top)]),
    [null, null],
  ]);

function warmUps(sessions: readonly PhiSession[], x: Place, wide: boolean) {
  const named = sessions.length > 1 && sessions.length <= NAMED && wide;
  return {
    silent: true,
    itemStyle: { color: 'var(--band)' },
    label: { color: MUTED, position: 'insideTopLeft' },
    data: sessions.map(({ session, scoredFrom }, i) => [
      { xAxis: x(i, 0), name: named ? shortened(session) : '' },
      { xAxis: x(i, scoredFrom) },
    ]),
  };
}

const shortened = (name: string): string => (name.length > 12 ? `${name.slice(0, 11)}…` : name);
