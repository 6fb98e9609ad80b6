/** The inter-arrival times of the open instance, and how many the fitted model expects of each. */
import uPlot from 'uplot';
import { interval } from './format.js';
import type { Histogram } from './histogram.js';
import { axisOf, theme } from './theme.js';

const HEIGHT = 170;

export class IntervalChart {
  readonly root = document.createElement('div');
  #histogram: Histogram | undefined;
  #plot: uPlot | undefined;

  constructor() {
    this.root.className = 'chart interval-chart';
    this.root.setAttribute('role', 'img');
    this.root.setAttribute('aria-label', 'Inter-arrival times: none yet');
  }

  set(histogram: Histogram): void {
    this.#histogram = histogram;
    const most = histogram.counts.indexOf(Math.max(...histogram.counts));
    const total = histogram.counts.reduce((sum, n) => sum + n, 0);
    const label = `${total} inter-arrival times, most of them about ${interval(histogram.at[most])}`;
    this.root.setAttribute('aria-label', label);
    // The model may be there or not, and the scale follows the bins: cheap enough to begin anew.
    this.rebuild();
  }

  /** Another instance: nothing of the one before stays. */
  clear(): void {
    this.destroy();
    this.#histogram = undefined;
  }

  rebuild(): void {
    this.destroy();
    const histogram = this.#histogram;
    const width = Math.floor(this.root.clientWidth);
    if (histogram === undefined || width <= 0) return;
    const { at, counts, expected } = histogram;
    const data: uPlot.AlignedData = [at, counts, expected ?? at.map(() => null)];
    this.#plot = new uPlot(this.#plan(width, histogram), data, this.root);
  }

  resize(): void {
    const width = Math.floor(this.root.clientWidth);
    if (this.#plot === undefined) this.rebuild();
    else if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }

  destroy(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  #plan(width: number, { at, counts, expected, width: bin }: Histogram): uPlot.Options {
    const colours = theme();
    const axis = axisOf(colours);
    const highest = Math.max(...counts, ...(expected ?? []));
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [at[0] - bin / 2, at[at.length - 1] + bin / 2] },
        y: { range: [0, 1.1 * highest] },
      },
      axes: [
        { ...axis, size: 38, label: 'ms between heartbeats', labelSize: 16, space: 60 },
        { ...axis, size: 36 },
      ],
      series: [
        {},
        {
          fill: colours.bars,
          stroke: colours.bars,
          width: 0,
          paths: uPlot.paths.bars?.({ size: [0.9, 60] }),
          points: { show: false },
        },
        {
          stroke: colours.curve,
          width: 2,
          paths: uPlot.paths.spline?.(),
          points: { show: false },
        },
      ],
    };
  }
}
