/** Inter-arrival times as they were, and as the models see them. */
import type { ModelName } from '../../core/model/distributions.js';
import type { Arrivals } from '../replay/arrivals.js';
import { nearestRank } from '../replay/arrivals.js';
import { axis, type Chart, colourOf, gridOf, nameGaps, type Size } from './chart.js';
import { duration, percent, power, whole } from './figures.js';
import { binGaps, type GapBins, gapsOf } from './gap-bins.js';
import { expectedCounts, moments, type Survival, survivals } from './survival.js';
import { logTicks } from './ticks.js';

const DASHES: Record<ModelName, string | number[]> = {
  normal: 'solid',
  logistic: [7, 3],
  exponential: [2, 3],
  calibrated: 'solid',
};
const BARS = 'var(--bars)';
/** The axis of counts begins below one gap: a bar of one is to be seen. */
const LEAST = Math.log10(0.4);

export function gapChart(sessions: readonly Arrivals[], heartbeatInterval: number): Chart {
  const gaps = gapsOf(sessions);
  const fits = survivals(sessions, gaps, heartbeatInterval);
  const { mean, stdDev } = moments(gaps);
  const sorted = gaps.slice();
  const at = (p: number) => duration(nearestRank(sorted, p));
  const figures =
    `${whole(gaps.length)} gaps: median ${at(0.5)}, 99 of 100 within ${at(0.99)}, longest ${at(1)}; ` +
    `mean ${duration(mean)}, σ ${duration(stdDev)}.`;
  const bins = { wide: binGaps(gaps, BINS.wide), narrow: binGaps(gaps, BINS.narrow) };
  const { below, edges } = bins.wide;
  const burst =
    below > 0
      ? ` The first bar includes the ${percent(below / gaps.length)} that were shorter than ` +
        `${duration(edges[0])}: bursts.`
      : '';
  return {
    id: 'gaps',
    title: 'Inter-arrival times',
    caption:
      `${figures} Both axes are logarithmic; bars are equally wide in proportion, or a step of the clock. The  ` +
      'lines are the counts that each model expects: normal, logistic and exponential from mean ' +
      'and σ of the whole trace, calibrated from what it has learnt at the end of the longest ' +
      'session. Where bars stand out above a line, a detector with that model is taken by ' +
      `surprise.${burst}`,
    label: figures,
    legend: [
      { mark: 'bar', colour: BARS, text: 'recorded' },
      ...fits.map(({ model }) => ({
        mark: DASHES[model] === 'solid' ? 'line' : 'dashes',
        colour: colourOf(model),
        text: model,
      })),
    ],
    options: (size) => options(bins[size.name], fits, size),
  };
}

const BINS = { wide: 110, narrow: 60 };

function options(bins: GapBins, fits: readonly Survival[], size: Size) {
  const { edges, counts } = bins;
  const logs = edges.map(Math.log10);
  const x = [logs[0], logs[logs.length - 1]] as const;
  const curves = fits.map((fit) => expectedCounts(fit, edges, bins.gaps));
  // A model may expect all in one bin: then its line is cut off, rather than the bars made flat.
  const most = Math.max(...counts);
  const top = Math.log10(Math.max(most, Math.min(Math.max(...curves.flat()), 5 * most))) + 0.15;
  const gaps = nameGaps(size);
  const wide = size.name === 'wide';
  return {
    grid: gridOf(size),
    xAxis: axis(
      'time between arrivals',
      x,
      logTicks(x[0], x[1], wide ? 10 : 4),
      (log) => duration(10 ** log),
      { nameGap: gaps.x, splitLine: { show: false } },
    ),
    yAxis: axis('gaps', [LEAST, top], logTicks(0, top, 7), power, { nameGap: gaps.y }),
    series: [
      histogram(logs, counts),
      ...fits.map(({ model }, i) => expected(model, curves[i], logs)),
    ],
  };
}

interface Api {
  value(dimension: number): number;
  coord(point: readonly number[]): number[];
}

function histogram(logs: readonly number[], counts: readonly number[]) {
  const some = counts.flatMap((count, i) =>
    count > 0 ? [[logs[i], logs[i + 1], Math.log10(count)]] : [],
  );
  return {
    type: 'custom',
    silent: true,
    clip: true,
    data: some,
    encode: { x: [0, 1], y: 2 },
    renderItem(_: unknown, api: Api) {
      const [left, top] = api.coord([api.value(0), api.value(2)]);
      const [right, bottom] = api.coord([api.value(1), LEAST]);
      const width = Math.max(right - left - (right - left > 3 ? 1 : 0), 1);
      const shape = { x: left, y: top, width, height: bottom - top };
      return { type: 'rect', shape, style: { fill: BARS } };
    },
  };
}

function expected(model: ModelName, counts: readonly number[], logs: readonly number[]) {
  return {
    type: 'line',
    silent: true,
    symbol: 'none',
    lineStyle: { color: colourOf(model), width: 2, type: DASHES[model] },
    data: counts.map((count, i) => [
      (logs[i] + logs[i + 1]) / 2,
      Math.log10(Math.max(count, 1e-9)),
    ]),
  };
}
