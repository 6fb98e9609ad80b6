/**
 * Detection time against mistakes on one network, drawn as docs/dilemma.svg: fixed time-outs of any
 * length, and φ by three models (`--no-chart`, and a smoke run, leave the drawing as it is).
 */
import { writeFile } from 'node:fs/promises';
import { dilemmaChart } from './lib/dilemma-chart.mjs';
import { traceOf } from './lib/networks.mjs';
import { report, smoke } from './lib/report.mjs';
import { SCENES } from './lib/scenes.mjs';
import { scored } from './lib/scored.mjs';

const SEED = 1;
const INTERVAL = 100;
const { network, hours } = SCENES.find(({ name }) => name === 'internet');
const trace = traceOf(network, INTERVAL, smoke ? 0.2 : hours, SEED);

const settings = (name, values) =>
  values.map((value) => ({ value, settings: { heartbeatInterval: INTERVAL, ...name(value) } }));
const SWEEPS = [
  {
    name: 'fixed time-out',
    points: [
      150, 200, 300, 400, 500, 700, 1000, 1300, 1700, 2200, 3000, 4000, 5500, 7500, 10_000,
    ].map((ms) => ({ value: ms, settings: ms })),
  },
  {
    name: 'normal',
    points: settings(
      (threshold) => ({ threshold }),
      [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096],
    ),
  },
  {
    name: 'exponential',
    points: settings(
      (threshold) => ({ threshold, model: 'exponential' }),
      [0.7, 1, 1.4, 2, 3, 4, 5.6, 8, 11, 16, 22, 32],
    ),
  },
  {
    name: 'calibrated',
    points: settings((rate) => ({ maxMistakesPerHour: rate }), [0.1, 0.3, 1, 3, 10, 30, 100, 300]),
  },
];

const series = [];
for (const { name, points } of SWEEPS) {
  const line = [];
  for (const { value, settings } of points) {
    const { score } = await scored(trace, INTERVAL, settings);
    line.push({ value, seconds: score.detectionTime.mean / 1000, rate: score.mistakesPerHour });
  }
  series.push({ name, points: line });
}
if (!smoke && !process.argv.includes('--no-chart')) {
  await writeFile(new URL('../docs/dilemma.svg', import.meta.url), dilemmaChart(series));
}
report(
  `Detection time and mistakes, ${trace.heartbeats.toLocaleString('en')} heartbeats`,
  series.flatMap(({ name, points }) =>
    points.flatMap(({ value, seconds, rate }) => [
      { what: `${name} ${value}: detected after`, value: seconds, unit: 's' },
      { what: `${name} ${value}: mistakes an hour`, value: rate, unit: 'an hour' },
    ]),
  ),
);
