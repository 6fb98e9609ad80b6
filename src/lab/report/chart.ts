/** Charts as static SVG, drawn by ECharts without a browser. */
import { CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, MarkAreaComponent, MarkLineComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { ModelName } from '../../core/model/distributions.js';
import { escaped } from './html.js';

use([
  CustomChart,
  LineChart,
  ScatterChart,
  GridComponent,
  MarkAreaComponent,
  MarkLineComponent,
  SVGRenderer,
]);

export type Options = EChartsCoreOption;

/** In pixels. Text keeps its size, so a small screen needs a chart of its own, not a smaller one. */
export interface Size {
  readonly name: 'wide' | 'narrow';
  readonly width: number;
  readonly height: number;
}

export const SIZES: readonly Size[] = [
  { name: 'wide', width: 860, height: 380 },
  { name: 'narrow', width: 360, height: 330 },
];

export interface LegendEntry {
  /** A class of the page's style: what is drawn beside the text. */
  readonly mark: string;
  readonly colour: string;
  readonly text: string;
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  /** What is to be seen, in a sentence or three; plain text. */
  readonly caption: string;
  /** What a screen reader says in place of the picture. */
  readonly label: string;
  readonly legend: readonly LegendEntry[];
  options(size: Size): Options;
}

/** Colours are the page's, so that they follow its scheme. */
export const colourOf = (model: ModelName): string => `var(--${model})`;
export const INK = 'var(--ink)';
export const MUTED = 'var(--muted)';
export const GRID = 'var(--grid)';
export const PAPER = 'var(--paper)';
export const BAD = 'var(--bad)';

const FONT = 'system-ui, sans-serif';

/** An axis whose ticks are given; `name` says what it shows, and in which unit. */
export function axis(
  name: string,
  [min, max]: readonly [number, number],
  ticks: readonly number[],
  format: (tick: number) => string,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    type: 'value',
    name,
    nameLocation: 'middle',
    nameTextStyle: { color: MUTED, fontSize: 12 },
    min,
    max,
    axisLine: { show: true, onZero: false, lineStyle: { color: MUTED } },
    axisTick: { show: true, customValues: ticks, lineStyle: { color: MUTED } },
    axisLabel: {
      customValues: ticks,
      formatter: format,
      color: MUTED,
      hideOverlap: true,
      lineHeight: 15,
    },
    splitLine: { show: true, lineStyle: { color: GRID } },
    ...more,
  };
}

/** The place of a chart in its picture: room for the ticks and names of both axes. */
export const gridOf = ({ name }: Size) =>
  name === 'wide'
    ? { left: 76, right: 24, top: 30, bottom: 52 }
    : { left: 58, right: 16, top: 30, bottom: 50 };

/** How far the names of the axes are from them. */
export const nameGaps = ({ name }: Size) => (name === 'wide' ? { x: 32, y: 54 } : { x: 32, y: 40 });

/** The picture in each size; the page shows the one that fits. */
export function drawn(chart: Chart): string {
  return SIZES.map((size) => {
    const canvas = init(null, null, { renderer: 'svg', ssr: true, ...size });
    try {
      canvas.setOption({
        animation: false,
        backgroundColor: 'transparent',
        textStyle: { fontFamily: FONT },
        ...chart.options(size),
      });
      return tidied(canvas.renderToSVGString(), chart, size);
    } finally {
      canvas.dispose(); // its timers keep a process alive
    }
  }).join('\n');
}

/** What only a script or a pointer would use is left out, and what a screen reader says put in. */
function tidied(svg: string, { id, title, label }: Chart, { name }: Size): string {
  return svg
    .replace(/<style[\s\S]*?<\/style>/, '')
    .replace(/ (class|ecmeta_\w+|pointer-events)="[^"]*"/g, '')
    .replace(/\bzr\d+-/g, `${id}-${name}-`) // numbers of this process: the same page again differs
    .replace(
      '<svg ',
      `<svg class="${name}" role="img" aria-label="${escaped(`${title}. ${label}`)}" `,
    );
}
