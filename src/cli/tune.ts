/** `phi-accrual tune`: settings for a network, from a trace of it. */
import { accessSync, constants, existsSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import colours from 'picocolors';
import packageJson from '../../package.json' with { type: 'json' };
import { type ModelName, modelNames } from '../index.js';
import type { Trace } from '../lab/traces/trace.js';
import type { Interval } from '../lab/tune/confidence.js';
import type { TuneGoal } from '../lab/tune/goal.js';
import type { TunedModel, TuneReport } from '../lab/tune/tune.js';
import { figure, formatHours, pasted, wish } from '../lab/tune/words.js';
import { parseMs, parseRate, UsageError } from './arguments.js';
import { counted, formatMs } from './format.js';
import { readTraceFile, withProgress } from './trace-file.js';

interface TuneOptions {
  maxMistakes?: number;
  detectWithin?: number;
  models?: ModelName[];
  json?: true;
  report?: string;
}

export function addTune(program: Command): void {
  program
    .command('tune')
    .description('Find settings for a network, from a recorded trace of it.')
    .argument('<trace>', 'CSV file that `phi-accrual record` wrote; may be gzipped')
    .option('--max-mistakes <rate>', 'budget of false suspicions, e.g. 1/day or 10/hour', parseRate)
    .option('--detect-within <ms>', 'time in which 99 of 100 crashes must be detected', parseMs)
    .option('--models <names>', `some of ${modelNames.join(',')} (default: all)`, parseModels)
    .option('--report <file>', 'write a page with charts; overwrites the file')
    .option('--json', 'print the report as JSON')
    .action(tuneFile);
}

function parseModels(text: string): ModelName[] {
  const names = text.split(',') as ModelName[];
  const known = names.every((name) => modelNames.includes(name));
  if (!known) throw new InvalidArgumentError(`Expected some of ${modelNames.join(', ')}.`);
  return names;
}

async function tuneFile(path: string, options: TuneOptions): Promise<void> {
  const { maxMistakes, detectWithin, models, json, report: page } = options;
  if (maxMistakes === undefined && detectWithin === undefined) {
    throw new UsageError('tune: give --max-mistakes, --detect-within or both');
  }
  const goal: TuneGoal = {
    ...(maxMistakes !== undefined && { maxMistakesPerHour: maxMistakes }),
    ...(detectWithin !== undefined && { detectWithin }),
  };
  if (page !== undefined) checkWritable(page, path);
  const trace = await readTraceFile(path);
  const { tune } = await import('../lab/tune/tune.js');
  const report = await withProgress('tuning', (onProgress) =>
    tune(trace, goal, { onProgress, ...(models && { models }) }),
  ).catch((error: Error) => {
    throw new Error(`${path}: ${error.message}`);
  });
  if (page !== undefined) await writePage(page, path, trace, report);
  process.stdout.write(`${json ? JSON.stringify(report, null, 2) : tuneTable(report)}\n`);
  // Whoever pastes what comes out is to know that there is nothing to paste.
  if (report.chosen === undefined) process.exitCode = 1;
}

/** Nothing is searched for a page that cannot be written, and no trace overwritten by its page. */
function checkWritable(page: string, trace: string): void {
  try {
    if (!existsSync(page)) accessSync(dirname(page), constants.W_OK);
    else if (statSync(page).isDirectory()) throw new UsageError(`${page}: a directory`);
    else accessSync(page, constants.W_OK);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${page}: ${describe(error)}`);
  }
  if (existsSync(page) && existsSync(trace) && same(statSync(page), statSync(trace))) {
    throw new UsageError(`--report ${page}: that is the trace`);
  }
}

const same = (a: Stats, b: Stats): boolean => a.dev === b.dev && a.ino === b.ino;

const describe = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such directory' : 'not writable';

/** Overwrites: a page is made again whenever the trace has grown. */
async function writePage(
  page: string,
  path: string,
  trace: Trace,
  report: TuneReport,
): Promise<void> {
  // A megabyte of charts, for who wants them.
  const pages = await import('../lab/report/report.js');
  const { version } = packageJson;
  const name = basename(path);
  const command = ['npx phi-accrual', ...process.argv.slice(2).map(quoted)].join(' ');
  const html = await pages.report(trace, report, { name, command, version, date: new Date() });
  writeFileSync(page, html);
  process.stderr.write(`report: ${page}\n`);
}

/** As a shell takes it. */
const quoted = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replace(/'/g, `'\\''`)}'`;

/** Nothing in a trace tells whether its sessions were. */
const TOGETHER =
  'Sessions count as runs of their own: if they were recorded at the same time, the limits are too good.';

const HEADINGS = ['model', 'detects in', '99 of 100 in', 'mistakes an hour', 'kept'];

function tuneTable(report: TuneReport): string {
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
      `${formatMs(report.heartbeatInterval, 1)}. Goal: ${wish(goal)}.`,
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
