/** The picture of docs/choosing.md: too short, too long; legible on white and on black. */
import * as echarts from 'echarts';

const SIZE = { width: 860, height: 500 };
const FONT = 'system-ui, sans-serif';
const TEXT = '#768390';
const RED = '#e5484d';
const GRID = 'rgba(118, 131, 144, 0.22)';
const COLORS = {
  'fixed time-out': '#768390',
  normal: '#e08a1e',
  exponential: '#8b5cf6',
  calibrated: '#1f9d55',
};
/** Where the axis of mistakes ends: what was simulated cannot show less. */
const LEAST = 0.01;
/** Time-outs that people take without measuring, in ms. */
const FOLKLORE = {
  300: { text: 'too short: 3 heartbeats', position: 'bottom' },
  1000: { text: '10 heartbeats', position: 'left', offset: [0, 6] },
  10000: { text: 'too long: 10 s', position: 'top' },
};

const power = (value) => (Number.isInteger(Math.log10(value)) ? value.toLocaleString('en') : '');

const axis = (name, low, high, label) => ({
  type: 'log',
  name,
  nameLocation: 'middle',
  nameTextStyle: { color: TEXT, fontSize: 13, fontFamily: FONT },
  min: low,
  max: high,
  minorSplitLine: { show: false },
  splitLine: { lineStyle: { color: GRID } },
  axisLine: { show: false },
  axisTick: { show: false },
  axisLabel: { color: TEXT, fontSize: 12, fontFamily: FONT, formatter: label },
});

/** No mistake at all has no place on a logarithmic axis: its end stands for it. */
const placeOf = ({ seconds, rate }) => [seconds, Math.max(rate, LEAST)];

const label = ({ text, ...place }, color, more = {}) => ({
  show: true,
  formatter: text,
  color,
  ...place,
  fontSize: 12,
  lineHeight: 16,
  fontFamily: FONT,
  distance: 9,
  ...more,
});

function line({ name, points }) {
  const fixed = name === 'fixed time-out';
  return {
    name,
    type: 'line',
    data: points.filter(({ rate }) => rate > 0 || fixed).map(placeOf),
    smoothMonotone: 'x',
    smooth: 0.25,
    symbol: name === 'calibrated' ? 'circle' : 'none',
    symbolSize: 8,
    lineStyle: { width: fixed ? 2 : 2.5, type: fixed ? 'dashed' : 'solid', color: COLORS[name] },
    itemStyle: { color: COLORS[name] },
  };
}

/** The time-outs of folklore, on the line of time-outs. */
function marks({ points }) {
  return {
    type: 'scatter',
    symbol: 'diamond',
    z: 5,
    symbolSize: 15,
    itemStyle: { color: RED, opacity: 1 },
    data: points
      .filter(({ value }) => FOLKLORE[value] !== undefined)
      .map(({ value, ...point }) => ({
        value: placeOf(point),
        label: label(FOLKLORE[value], RED, { fontWeight: 600 }),
      })),
  };
}

/** What was wished, at what was got. */
function wishes({ points }) {
  return {
    type: 'scatter',
    symbolSize: 1,
    itemStyle: { color: COLORS.calibrated, opacity: 1 },
    data: points
      .filter(({ rate }) => rate > 0)
      .map(({ value, ...point }) => ({
        value: placeOf(point),
        label: label(
          { text: `wish: ${value}`, position: 'right', offset: [-2, -8] },
          COLORS.calibrated,
        ),
      })),
  };
}

/** @param series `{ name, points: [{ value, seconds, rate }] }` of each detector */
export function dilemmaChart(series) {
  const find = (name) => series.find((each) => each.name === name);
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...SIZE });
  chart.setOption({
    animation: false,
    grid: { left: 84, right: 30, top: 52, bottom: 62 },
    legend: {
      top: 6,
      left: 76,
      itemGap: 22,
      itemWidth: 22,
      itemHeight: 4,
      textStyle: { color: TEXT, fontSize: 13, fontFamily: FONT },
      data: series.map(({ name }) => ({ name, icon: 'roundRect' })),
    },
    xAxis: {
      ...axis('a crash is noticed after, mean (s)', 0.1, 20, power),
      nameGap: 34,
    },
    yAxis: {
      ...axis('false suspicions an hour', LEAST, 1000, (rate) =>
        rate === LEAST ? 'none' : power(rate),
      ),
      nameGap: 54,
    },
    series: [...series.map(line), marks(find('fixed time-out')), wishes(find('calibrated'))],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  // A still picture: without the styles for a pointer over it.
  return svg
    .replace(/<style[\s\S]*?<\/style>\s*/, '')
    .replace(/ (?:class|pointer-events)="[^"]*"/g, '')
    .replace(/(<svg[^>]*>)/, '$1\n<title>Detection time against false suspicions</title>');
}
