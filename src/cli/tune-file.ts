/** What `phi-accrual tune` does; loaded only for it. */
import type { ModelName } from '../core/arrival-model.js';
import type { TuneGoal } from '../lab/tune/goal.js';
import { tune } from '../lab/tune/tune.js';
import { UsageError } from './arguments.js';
import { withProgress } from './progress.js';
import { readTraceFile } from './trace-file.js';
import { tuneTable } from './tune-table.js';

export interface TuneArguments {
  maxMistakes?: number;
  detectWithin?: number;
  models?: ModelName[];
  json?: true;
}

export async function tuneFile(path: string, options: TuneArguments): Promise<void> {
  const { maxMistakes, detectWithin, models, json } = options;
  if (maxMistakes === undefined && detectWithin === undefined) {
    throw new UsageError('tune: give --max-mistakes, --detect-within or both');
  }
  const goal: TuneGoal = {
    ...(maxMistakes !== undefined && { maxMistakesPerHour: maxMistakes }),
    ...(detectWithin !== undefined && { detectWithin }),
  };
  const trace = await readTraceFile(path);
  const report = await withProgress('tuning', (onProgress) =>
    tune(trace, goal, { onProgress, ...(models && { models }) }),
  );
  process.stdout.write(`${json ? JSON.stringify(report, null, 2) : tuneTable(report)}\n`);
  // Whoever pastes what comes out is to know that there is nothing to paste.
  if (report.chosen === undefined) process.exitCode = 1;
}
