/** A trace file replayed, and its score printed. */

import { resolveDetectorOptions } from '../core/options.js';
import type { DetectorOptions, LearnRule, ModelName } from '../index.js';
import { replay } from '../lab/lab.js';
import { asUsage } from './arguments.js';
import { withProgress } from './progress.js';
import { report } from './score.js';
import { readTraceFile } from './trace-file.js';

export interface ReplayArguments {
  threshold?: number;
  maxMistakes?: number;
  model?: ModelName;
  interval?: number;
  pause?: number;
  minStdDev?: number;
  window?: number;
  learn?: LearnRule;
  maxSilence?: number;
  json?: true;
}

export async function replayFile(path: string, given: ReplayArguments): Promise<void> {
  const trace = await readTraceFile(path);
  const { interval, pause, window, maxMistakes, json, ...rest } = given;
  const options: DetectorOptions = {
    ...rest,
    maxMistakesPerHour: maxMistakes,
    heartbeatInterval: interval,
    acceptablePause: pause,
    windowSize: window,
  };
  // What is wrong with them is said before anything takes long.
  asUsage(() => resolveDetectorOptions(options));
  const score = await withProgress('replaying', (onProgress) =>
    replay(trace, { ...options, onProgress }),
  );
  // Whoever read the output is gone: there is nobody to tell.
  process.stdout.on('error', () => {});
  const { heartbeats, truncated } = trace;
  const { heartbeatInterval } = score;
  const used = resolveDetectorOptions({ ...options, heartbeatInterval });
  const told = { ...options, model: used.model, threshold: used.threshold };
  const text = json
    ? JSON.stringify({ trace: { path, heartbeats, truncated }, options: told, score }, null, 2)
    : report(path, trace, used, interval === undefined, score);
  process.stdout.write(`${text}\n`);
}
