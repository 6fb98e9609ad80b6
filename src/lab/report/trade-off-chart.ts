/** How soon a crash is detected against how often a sender that lives is suspected. */
import type { ModelName } from '../../core/model/distributions.js';
import { leastShown } from '../tune/refusal.js';
import type { Tuned } from '../tune/search.js';
import type { ModelCurve, TuneReport } from '../tune/tune.js';
import { figure, formatHours, wish } from '../tune/words.js';
import {
  axis,
  BAD,
  type Chart,
  colourOf,
  gridOf,
  INK,
  type LegendEntry,
  nameGaps,
  PAPER,
  type Size,
} from './chart.js';
import { duration, power } from './figures.js';
import { logTicks } from './ticks.js';

const SYMBOLS: Record<ModelName, string> = {
  normal: 'circle',
  logistic: 'triangle',
  exponential: 'rect',
  calibrated: 'diamond',
};

/** log₁₀ of rates; those of none are drawn in a column of their own, left of all others. */
interface Scale {
  readonly none: number;
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

const curvesOf = ({ models, others }: TuneReport): ModelCurve[] => [...models, ...others];

function scaleOf(report: TuneReport): Scale {
  const { goal, models, hours } = report;
  const points = curvesOf(report).flatMap(({ curve }) => [...curve]);
  const rates = points.map(({ mistakesPerHour }) => mistakesPerHour).filter((rate) => rate > 0);
  const highs = models.map(({ second }) => second.mistakesPerHour.high);
  const wished = goal.maxMistakesPerHour === undefined ? [] : [goal.maxMistakesPerHour];
  const least = Math.log10(Math.min(...rates, ...wished, 1 / hours[1]));
  const most = Math.log10(Math.max(...rates, ...wished, ...highs));
  const none = least - 0.45;
  const within = goal.detectWithin === undefined ? [] : [goal.detectWithin];
  // A deadline that is never, or all but, says nothing in a picture.
  const times = points.map(({ detectionTime }) => detectionTime).concat(within);
  const y = [Math.min(...times), Math.max(...times)].map(Math.log10);
  return { none, x: [none - 0.2, most + 0.15], y: [y[0] - 0.06, y[1] + 0.08] };
}

export function tradeOffChart(report: TuneReport): Chart {
  const { goal, models, chosen, hours } = report;
  const least = figure(leastShown(hours[1]));
  const none =
    `"None" is where none was seen in the ${formatHours(hours[1])} of the second half, which ` +
    `shows no more than "at most ${least} an hour" with 95 % confidence: these marks are hollow.`;
  const within =
    goal.detectWithin === undefined
      ? ''
      : ' The wish for the detection time is for 99 of 100 crashes, the marks are means.';
  const bars =
    models.length > 0
      ? ' The bars are the 95 % limits of the best setting of each model: one that ends left of ' +
        'the wish is shown to keep it.'
      : '';
  const legend: LegendEntry[] = curvesOf(report).map(({ model }) => ({
    mark: SYMBOLS[model],
    colour: colourOf(model),
    text: model,
  }));
  legend.push({ mark: 'hollow', colour: INK, text: 'no mistake seen' });
  if (chosen) legend.push({ mark: 'ring', colour: INK, text: 'chosen' });
  legend.push({ mark: 'dashes', colour: BAD, text: 'wished' });
  return {
    id: 'trade-off',
    title: 'Detection time against mistakes',
    caption:
      'Each mark is a setting on the second half of the trace; lower is faster, further left ' +
      `makes fewer mistakes. Settings that another one of the model beats in both are left out. ${none}${bars}${within}`,
    label: `The wish: ${wish(goal)}. ${curvesOf(report).map(described).join(' ')}`,
    legend,
    options: (size) => options(report, scaleOf(report), size),
  };
}

function described({ model, curve }: ModelCurve): string {
  const [first, last] = [curve[0], curve[curve.length - 1]];
  const point = ({ detectionTime, mistakesPerHour }: typeof first) =>
    `${figure(mistakesPerHour)} mistakes an hour at ${duration(detectionTime)}`;
  return `${model}: from ${point(first)} to ${point(last)}.`;
}

function options(report: TuneReport, scale: Scale, size: Size) {
  const gaps = nameGaps(size);
  const wide = size.name === 'wide';
  const place = (rate: number) => (rate > 0 ? Math.log10(rate) : scale.none);
  const ticks = logTicks(scale.none + 0.3, scale.x[1], wide ? 9 : 5);
  const format = (log: number) => (log === scale.none ? 'none' : power(log));
  return {
    grid: gridOf(size),
    xAxis: axis('mistakes an hour', scale.x, [scale.none, ...ticks], format, {
      nameGap: gaps.x,
    }),
    yAxis: axis(
      'mean detection time',
      scale.y,
      logTicks(scale.y[0], scale.y[1], wide ? 8 : 6),
      (log) => duration(10 ** log),
      { nameGap: gaps.y },
    ),
    series: [
      ...curvesOf(report).map((model) => curve(model, place)),
      ...report.models.map(({ model, second }) => bar(colourOf(model), second, place)),
      ...(report.chosen ? [ring(report.chosen, place)] : []),
      wishes(report, scale),
    ],
  };
}

type Place = (rate: number) => number;

function curve({ model, curve }: ModelCurve, place: Place) {
  const color = colourOf(model);
  return {
    type: 'line',
    silent: true,
    symbol: SYMBOLS[model],
    symbolSize: 7,
    showAllSymbol: true,
    lineStyle: { color, width: 1.5 },
    itemStyle: { color },
    data: curve.map(({ detectionTime, mistakesPerHour }) => ({
      value: [place(mistakesPerHour), Math.log10(detectionTime)],
      ...(mistakesPerHour === 0 && {
        itemStyle: { color: PAPER, borderColor: color, borderWidth: 2 },
        symbolSize: 9,
      }),
    })),
  };
}

/** From the lower to the upper limit of a rate. */
function bar(color: string, { mistakesPerHour, detectionTime }: Tuned['second'], place: Place) {
  const y = Math.log10(detectionTime.observed);
  return {
    type: 'line',
    silent: true,
    symbol: 'rect',
    symbolSize: [2, 11],
    lineStyle: { color, width: 4, opacity: 0.45 },
    itemStyle: { color },
    data: [
      [place(mistakesPerHour.low), y],
      [place(mistakesPerHour.high), y],
    ],
  };
}

function ring({ second: { mistakesPerHour, detectionTime } }: Tuned, place: Place) {
  return {
    type: 'scatter',
    silent: true,
    z: 5,
    symbol: 'circle',
    symbolSize: 19,
    itemStyle: { color: 'transparent', borderColor: INK, borderWidth: 2.5 },
    data: [[place(mistakesPerHour.observed), Math.log10(detectionTime.observed)]],
  };
}

function wishes({ goal: { maxMistakesPerHour: rate, detectWithin } }: TuneReport, { y }: Scale) {
  const lines = [
    ...(rate === undefined ? [] : [{ xAxis: Math.log10(rate), label: { position: 'end' } }]),
    ...(detectWithin === undefined
      ? []
      : [{ yAxis: Math.log10(detectWithin), label: { position: 'insideEndTop' } }]),
  ];
  return {
    type: 'line',
    silent: true,
    data: [[0, y[0] - 10]],
    symbol: 'none',
    markLine: {
      silent: true,
      symbol: 'none',
      label: { formatter: 'wished', color: BAD, fontWeight: 'bold' },
      lineStyle: { color: BAD, type: 'dashed', width: 1.5 },
      data: lines,
    },
  };
}
