/** φ of the open instance over its last heartbeats, and on from now if nothing is heard. */
import uPlot from 'uplot';
import { phi } from './format.js';
import { type Curve, curveOf, ifSilent, modelOf, type Sample, spanOf } from './phi-curve.js';
import { axisOf, theme } from './theme.js';

const HEIGHT = 210;
const EDGE = 0.99;
/** Frames of a second: some more than are shown. */
const KEPT = 50;
/** Between marks, in s: the least with which there are no more than six. */
const STEPS = [2, 5, 10];

export class PhiChart {
  readonly root = document.createElement('div');
  #samples: Sample[] = [];
  #levels: readonly number[] = [];
  #model: string | undefined;
  #suspectAt: number | undefined;
  /** Stays while an instance is open: a scale that changes as it is read is none. */
  #span: ReturnType<typeof spanOf> | undefined;
  #top = 10;
  /** What is dashed. */
  #ahead: Curve = { at: [], phi: [] };
  #plot: uPlot | undefined;

  constructor() {
    this.root.className = 'chart phi-chart';
    this.root.setAttribute('role', 'img');
  }

  /** @param levels of φ, the last one the threshold */
  setModel(name: string | undefined, levels: readonly number[]): void {
    const same = name === this.#model && levels.join() === this.#levels.join();
    if (same) return;
    this.#model = name;
    this.#levels = levels;
    this.#redraw();
  }

  /** Another instance, and what is known of it so far. */
  begin(samples: readonly Sample[]): void {
    this.#samples = [];
    this.#span = undefined;
    this.#suspectAt = undefined;
    for (const sample of samples) this.#push(sample);
    this.#redraw();
    this.rebuild();
  }

  add(sample: Sample): void {
    this.#push(sample);
    this.#redraw();
  }

  #push(sample: Sample): void {
    const last = this.#samples.at(-1);
    // The service's clock went back: another process serves now.
    if (last !== undefined && sample.at <= last.at) this.#samples = [];
    this.#samples.push(sample);
    if (sample.mean !== undefined) this.#span ??= spanOf(sample.mean);
    if (this.#samples.length > KEPT) this.#samples.shift();
  }

  /** @param now the service's time in ms; @param left until the suspicion, in ms */
  moveTo(now: number, left: number | undefined): void {
    const at = now / 1000;
    const { past, ahead } = this.#shown;
    this.#suspectAt = left === undefined ? undefined : at + left / 1000;
    this.#carryOn();
    this.#plot?.setScale('x', { min: at - past, max: at + ahead });
  }

  /** The dashed curve goes through the predicted suspicion, which waits for a heartbeat that is due. */
  #carryOn(): void {
    const last = this.#samples.at(-1);
    if (this.#plot === undefined || last?.suspectIn === undefined) return;
    const told = (last.at + last.suspectIn) / 1000;
    const late = (this.#suspectAt ?? told) - told;
    const [at, past, ahead] = this.#plot.data;
    const from = at.length - this.#ahead.at.length;
    const moved = this.#ahead.at.map((each) => each / 1000 + late);
    this.#plot.setData([[...at.slice(0, from), ...moved], past, ahead], false);
  }

  get #shown(): ReturnType<typeof spanOf> {
    return this.#span ?? spanOf(undefined);
  }

  /** Draws anew in the colours and the width of now. */
  rebuild(): void {
    this.destroy();
    const width = Math.floor(this.root.clientWidth);
    if (width > 0) this.#plot = new uPlot(this.#plan(width), this.#data(), this.root);
  }

  resize(): void {
    const width = Math.floor(this.root.clientWidth);
    if (width <= 0) return;
    if (this.#plot === undefined) this.rebuild();
    else if (width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }

  destroy(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  #redraw(): void {
    const highest = Math.max(0, ...this.#samples.map((sample) => sample.phi ?? 0));
    const threshold = this.#levels.at(-1) ?? 8;
    // A dead instance's φ rises without bound: twice the threshold tells enough.
    this.#top = Math.min(Math.max(1.25 * threshold, 1.1 * highest), 2 * threshold);
    const last = this.#samples.at(-1);
    const label = `φ over the last ${this.#shown.past} seconds: ${phi(last?.phi)} now, suspected at ${phi(threshold)}`;
    this.root.setAttribute('aria-label', label);
    this.#plot?.setData(this.#data(), false);
    this.#plot?.setScale('y', { min: 0, max: this.#top });
  }

  #data(): uPlot.AlignedData {
    const model = modelOf(this.#model);
    const past = curveOf(this.#samples, model);
    const ahead = ifSilent(this.#samples.at(-1), model, 1000 * (this.#shown.ahead + 2));
    this.#ahead = this.#clipped(ahead);
    return aligned(this.#clipped(past), this.#ahead);
  }

  /** What is beyond the chart runs along its upper edge, where it is seen. */
  #clipped({ at, phi }: Curve): Curve {
    return { at, phi: phi.map((each) => Math.min(each, EDGE * this.#top)) };
  }

  #plan(width: number): uPlot.Options {
    const colours = theme();
    const axis = axisOf(colours);
    const ago = (at: number, now: number) => `${Math.round(at - now)}`;
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, auto: false },
        y: {
          auto: false,
          range: () => [0, this.#top],
          // By the square root, as in the list: small φ are to be seen beside the threshold.
          distr: 100,
          fwd: Math.sqrt,
          bwd: (root) => root * root,
        },
      },
      axes: [
        {
          ...axis,
          size: 38,
          label: 'seconds from now',
          labelSize: 16,
          // Marks at whole steps from now on, which therefore do not move.
          splits: (u) => {
            const { past, ahead } = this.#shown;
            const now = (u.scales.x.max ?? 0) - ahead;
            const step = STEPS.find((each) => past / each < 6) ?? 10;
            const marks = Math.floor((past - 1) / step);
            return Array.from({ length: marks + 1 }, (_, i) => now - step * (marks - i));
          },
          values: (u, splits) =>
            splits.map((at) => ago(at, (u.scales.x.max ?? 0) - this.#shown.ahead)),
        },
        {
          ...axis,
          size: 36,
          splits: () => [0, 1, 3, 8, 16, 32].filter((level) => level <= this.#top),
          filter: (_, splits) => splits, // all of them: it knows no such scale
          values: (_, splits) => splits.map(String),
        },
      ],
      series: [
        {},
        { stroke: colours.curve, width: 2, points: { show: false } },
        { stroke: colours.curve, width: 2, dash: [4, 4], points: { show: false } },
      ],
      hooks: { draw: [(u) => this.#lines(u)] },
    };
  }

  /** The thresholds, now, and the predicted instant of suspicion. */
  #lines(u: uPlot): void {
    const { bad, warn, muted } = theme();
    const { ctx, bbox } = u;
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    ctx.textAlign = 'left'; // axes leave theirs
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    const line = (
      x1: number,
      y1: number,
      x2: number,
      y2: number,
      stroke: string,
      dash: number[],
    ) => {
      ctx.strokeStyle = stroke;
      ctx.setLineDash(dash.map((each) => each * devicePixelRatio));
      ctx.beginPath();
      ctx.moveTo(x1, y1);
      ctx.lineTo(x2, y2);
      ctx.stroke();
    };
    const bottom = bbox.top + bbox.height;
    const right = bbox.left + bbox.width;
    for (const [i, level] of this.#levels.entries()) {
      const isLast = i === this.#levels.length - 1;
      const y = u.valToPos(level, 'y', true);
      line(bbox.left, y, right, y, isLast ? bad : warn, isLast ? [] : [6, 4]);
      ctx.fillStyle = isLast ? bad : warn;
      ctx.fillText(`φ ${level}`, bbox.left + 6, y - 5 * devicePixelRatio);
    }
    const now = u.valToPos((u.scales.x.max ?? 0) - this.#shown.ahead, 'x', true);
    line(now, bbox.top, now, bottom, muted, [2, 3]);
    const due = u.valToPos(this.#suspectAt ?? Number.NaN, 'x', true);
    if (due >= bbox.left && due <= right) line(due, bbox.top, due, bottom, bad, [6, 3]);
    ctx.restore();
  }
}

/** Both curves over all instants of either: uPlot wants one x for all. */
function aligned(past: Curve, ahead: Curve): uPlot.AlignedData {
  const seconds = (at: number) => at / 1000;
  const nothing = <T>(list: readonly T[]) => list.map(() => null);
  return [
    [...past.at, ...ahead.at].map(seconds),
    [...past.phi, ...nothing(ahead.phi)],
    [...nothing(past.phi), ...ahead.phi],
  ];
}
