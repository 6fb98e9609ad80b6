/** What φ promises against what came true. */
import { figure } from '../tune/words.js';
import { isSupported, type ModelCalibration } from './calibrations.js';
import { axis, type Chart, colourOf, gridOf, MUTED, nameGaps, PAPER, type Size } from './chart.js';
import { whole } from './figures.js';

const SYMBOLS = {
  normal: 'circle',
  logistic: 'triangle',
  exponential: 'rect',
  calibrated: 'diamond',
};
const LEVELS = [1, 2, 3, 4, 5, 6, 7, 8];
const FACTOR = Math.log10(2);

export function calibrationChart(rows: readonly ModelCalibration[]): Chart {
  const gaps = rows[0]?.levels[0]?.gaps ?? 0;
  return {
    id: 'calibration',
    title: 'Calibration',
    caption:
      'A share of 10⁻ᵏ of all silences should last until φ = k. The marks are the shares of the  ' +
      `${whole(gaps)} gaps scored in the second half in which φ did exceed k: on the diagonal φ ` +
      'means what it says, above it a model is surprised too often. The band is a factor of two ' +
      'either way. Marks are hollow where fewer than five such gaps are expected, which is too few ' +
      'to tell; "none" is where five or more are, and none was seen.',
    label: rows.map(described).join(' '),
    legend: [
      ...rows.map(({ model }) => ({
        mark: SYMBOLS[model],
        colour: colourOf(model),
        text: model,
      })),
      { mark: 'hollow', colour: 'var(--ink)', text: 'fewer than 5 expected' },
      { mark: 'dashes', colour: MUTED, text: 'as promised, and factor 2' },
    ],
    options: (size) => options(rows, size),
  };
}

function described({ model, levels }: ModelCalibration): string {
  const told = levels
    .filter(isSupported)
    .map(({ phi, share }) => `φ ${phi} in ${figure(100 * share)} %`);
  return `${model} exceeds ${told.join(', ')}.`;
}

function options(rows: readonly ModelCalibration[], size: Size) {
  const shares = rows.flatMap(({ levels }) => levels.map(({ share }) => share)).filter(Boolean);
  const low = Math.floor(Math.log10(Math.min(...shares, 0.001)) - 0.1);
  const none = low - 0.6;
  const gaps = nameGaps(size);
  const shareOf = (exponent: number) => (exponent === 0 ? '1' : `10${superscript(exponent)}`);
  const format = (exponent: number) => (exponent === none ? 'none' : shareOf(exponent));
  const ticks = Array.from({ length: -low + 1 }, (_, i) => -i);
  return {
    grid: { ...gridOf(size), ...(size.name === 'wide' && { bottom: 68 }) },
    xAxis: axis(
      size.name === 'wide' ? 'φ, and the share of gaps that it promises' : 'φ',
      [0.5, 8.5],
      LEVELS,
      (k) => (size.name === 'wide' ? `${k}\n${shareOf(-k)}` : `${k}`),
      { nameGap: size.name === 'wide' ? gaps.x + 14 : gaps.x },
    ),
    yAxis: axis('share of gaps beyond', [none - 0.3, 0], [none, ...ticks], format, {
      nameGap: gaps.y,
    }),
    series: [...diagonal(), ...rows.map((row) => observed(row, none))],
  };
}

const superscript = (n: number): string =>
  [...String(n)].map((c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)])).join('');

/** The promise, with a factor of two on either side: a stack of a line and an area over it. */
function diagonal() {
  const line = (shift: number) => [
    [0.5, -0.5 + shift],
    [8.5, -8.5 + shift],
  ];
  const plain = { type: 'line', silent: true, symbol: 'none', clip: true };
  return [
    {
      type: 'custom',
      silent: true,
      clip: true,
      data: [[0.5, 8.5]],
      renderItem(_: unknown, api: { coord(point: readonly number[]): number[] }) {
        const points = [...line(FACTOR), ...line(-FACTOR).reverse()].map((point) =>
          api.coord(point),
        );
        return { type: 'polygon', shape: { points }, style: { fill: 'var(--band)' } };
      },
    },
    { ...plain, data: line(0), lineStyle: { color: MUTED, width: 1.5, type: 'dashed' } },
  ];
}

function observed({ model, levels }: ModelCalibration, none: number) {
  const color = colourOf(model);
  return {
    type: 'line',
    silent: true,
    clip: true,
    symbol: SYMBOLS[model],
    symbolSize: 10,
    showAllSymbol: true,
    lineStyle: { color, width: 1.5 },
    itemStyle: { color },
    data: levels
      .filter((level) => level.late > 0 || isSupported(level))
      .map((level) => ({
        value: [level.phi, level.late > 0 ? Math.log10(level.share) : none],
        ...(!isSupported(level) && {
          itemStyle: { color: PAPER, borderColor: color, borderWidth: 2 },
        }),
      })),
  };
}
