/** A trace file replayed, and its score printed. */
import type { DetectorOptions, LearnRule, ModelName } from '../index.js';
import { readTrace, replay, type Trace, TraceError } from '../lab/lab.js';
import { report } from './score.js';

export interface ReplayArguments {
  threshold?: number;
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
  const trace = await read(path);
  const { interval, pause, window, json, ...rest } = given;
  const options: DetectorOptions = {
    ...rest,
    heartbeatInterval: interval,
    acceptablePause: pause,
    windowSize: window,
  };
  const score = await replay(trace, options);
  // Whoever read the output is gone: there is nobody to tell.
  process.stdout.on('error', () => {});
  const { heartbeats, truncated } = trace;
  const text = json
    ? JSON.stringify({ trace: { path, heartbeats, truncated }, options, score }, null, 2)
    : report(path, trace, options, score);
  process.stdout.write(`${text}\n`);
}

async function read(path: string): Promise<Trace> {
  try {
    return await readTrace(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof TraceError) throw new Error(`${path}: ${message}`);
    if (code === 'ENOENT') throw new Error(`${path}: no such file`);
    throw error;
  }
}
