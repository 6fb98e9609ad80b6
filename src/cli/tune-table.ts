/** What tuning found, for people. */
import colours from 'picocolors';
import type { Interval } from '../lab/tune/confidence.js';
import type { TunedModel, TuneReport } from '../lab/tune/tune.js';
import { figure, formatHours, pasted, wish } from '../lab/tune/words.js';
import { counted, formatMs } from './format.js';

/** Nothing in a trace tells whether its sessions were. */
const TOGETHER =
  'Sessions count as runs of their own: if they were recorded at the same time, the limits are too good.';

const HEADINGS = ['model', 'detects in', '99 of 100 in', 'mistakes an hour', 'kept'];

export function tuneTable(report: TuneReport): string {
  const { goal, chosen, refusal, unproven, models, heartbeats, sessions, hours, tried } = report;
  const [first, second] = hours.map(formatHours);
  const rows = models.map(cells);
  const widths = HEADINGS.map((heading, i) =>
    Math.max(heading.length, ...rows.map((row) => row[i].length)),
  );
  const line = (row: readonly string[]) => row.map((text, i) => text.padEnd(widths[i])).join('   ');
  const isChosen = (model: TunedModel) =>
    JSON.stringify(model.options) === JSON.stringify(chosen?.options);
  return [
    `${heartbeats.toLocaleString('en')} heartbeats in ${counted(sessions, 'session')}, one each ` +
      `${formatMs(report.heartbeatInterval, 1)}. Wished: ${wish(goal)}.`,
    `${tried} settings were tried on the first half (${first}); the best of each model on the ` +
      `second (${second}):`,
    '',
    colours.dim(`  ${line(HEADINGS)}`),
    ...models.map((model, i) => {
      const text = `${isChosen(model) ? '▸' : ' '} ${line(rows[i])}`;
      return isChosen(model) ? colours.bold(text) : text;
    }),
    ...(models.length === 0 ? ['  no setting came near'] : []),
    '',
    ...(chosen ? ['Paste:', '', `  ${pasted(chosen.options)}`] : []),
    ...(refusal ? [colours.yellow(refusal)] : []),
    ...(unproven ? ['', 'Unproven, but meant for that:', '', `  ${pasted(unproven)}`] : []),
    '',
    ...(sessions > 1 ? [colours.dim(TOGETHER)] : []),
    colours.dim(
      'In brackets: the true figure lies below the upper limit with 95 %, and so above the lower.',
    ),
  ].join('\n');
}

function cells({ model, second, kept }: TunedModel): string[] {
  const { detectionTime, slowDetectionTime, mistakesPerHour } = second;
  return [
    model,
    within(detectionTime, (ms) => formatMs(ms)),
    within(slowDetectionTime, (ms) => formatMs(ms)),
    second.score.mistakes === 0
      ? `none: at most ${figure(mistakesPerHour.high)}`
      : within(mistakesPerHour, figure),
    kept ? 'yes' : 'no',
  ];
}

const within = ({ observed, low, high }: Interval, format: (n: number) => string): string =>
  `${format(observed)} (${format(low)}–${format(high)})`;
