/** `phi-accrual tune`: settings for a network, from a trace of it. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { ModelName } from '../core/arrival-model.js';
import { modelNames } from '../index.js';
import { readTrace } from '../lab/traces/read-trace.js';
import type { TuneGoal } from '../lab/tune/goal.js';
import { tune } from '../lab/tune/tune.js';
import { parseMs, UsageError } from './arguments.js';
import { withProgress } from './progress.js';
import { tuneTable } from './tune-table.js';

interface TuneCommandOptions {
  maxMistakes?: number;
  detectWithin?: number;
  models?: ModelName[];
  json?: true;
}

export function addTune(program: Command): void {
  program
    .command('tune')
    .description('Find settings for a network, from a recorded trace of it.')
    .argument('<trace>', 'a CSV file, gzipped or not, as `phi-accrual record` writes it')
    .option('--max-mistakes <rate>', 'that are tolerated, e.g. 1/day or 10/hour', parseRate)
    .option('--detect-within <ms>', 'in which 99 of 100 crashes are to be detected', parseMs)
    .option('--models <names>', `of ${modelNames.join(', ')}; all by default`, parseModels)
    .option('--json', 'print the report as JSON')
    .action(run);
}

const HOURS = { s: 1 / 3600, m: 1 / 60, h: 1, d: 24, w: 168 };
const RATE = /^(\d*\.?\d+)\s*\/\s*(s|m|h|d|w)(ec|econd|in|inute|our|ay|eek)?$/i;

/** Mistakes an hour. */
function parseRate(text: string): number {
  const [, count, unit] = RATE.exec(text.trim()) ?? [];
  const rate = Number(count) / HOURS[unit?.toLowerCase() as keyof typeof HOURS];
  if (!(rate > 0)) throw new InvalidArgumentError('Expected a rate as 1/day, 10/hour or 5/min.');
  return rate;
}

function parseModels(text: string): ModelName[] {
  const names = text.split(',') as ModelName[];
  const known = names.every((name) => modelNames.includes(name));
  if (!known) throw new InvalidArgumentError(`Expected some of ${modelNames.join(', ')}.`);
  return names;
}

async function run(path: string, options: TuneCommandOptions): Promise<void> {
  const { maxMistakes, detectWithin, models, json } = options;
  if (maxMistakes === undefined && detectWithin === undefined) {
    throw new UsageError('tune: give --max-mistakes, --detect-within or both');
  }
  const goal: TuneGoal = {
    ...(maxMistakes !== undefined && { maxMistakesPerHour: maxMistakes }),
    ...(detectWithin !== undefined && { detectWithin }),
  };
  const trace = await readTrace(path);
  const report = await withProgress('tuning', (onProgress) =>
    tune(trace, goal, { onProgress, ...(models && { models }) }),
  );
  process.stdout.write(`${json ? JSON.stringify(report, null, 2) : tuneTable(report)}\n`);
  // Whoever pastes what comes out is to know that there is nothing to paste.
  if (report.chosen === undefined) process.exitCode = 1;
}
