/** What `phi-accrual tune` does; loaded only for it. */
import { accessSync, constants, existsSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import type { ModelName } from '../core/model/distributions.js';
import type { Trace } from '../lab/traces/trace.js';
import type { TuneGoal } from '../lab/tune/goal.js';
import { type TuneReport, tune } from '../lab/tune/tune.js';
import { UsageError } from './arguments.js';
import { withProgress } from './progress.js';
import { readTraceFile } from './trace-file.js';
import { tuneTable } from './tune-table.js';

export interface TuneArguments {
  maxMistakes?: number;
  detectWithin?: number;
  models?: ModelName[];
  json?: true;
  report?: string;
}

export async function tuneFile(path: string, options: TuneArguments): Promise<void> {
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
