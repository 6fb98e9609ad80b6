/** `phi-accrual replay`: what the detector would have said of a recorded trace, and how well. */
import { type Command, Option } from 'commander';
import colours from 'picocolors';
import { type ResolvedOptions, resolveDetectorOptions } from '../core/options.js';
import { type DetectorOptions, type LearnRule, type ModelName, modelNames } from '../index.js';
import type { Score, Trace } from '../lab/lab.js';
import { asUsage, integer, number, parsePause, parsePhi, parseRate } from './arguments.js';
import { counted, formatMs } from './format.js';
import { readTraceFile, withProgress } from './trace-file.js';

interface ReplayOptions {
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

const LEARN_RULES: LearnRule[] = ['guarded', 'always', 'while-available'];
const parsePositive = number('a number above 0, at most 1e15', Number.MIN_VALUE, 1e15);
const parseWindow = integer('an integer from 1 to 262144', 1, 262_144);

export function addReplay(program: Command): void {
  program
    .command('replay')
    .description('Tell how well the detector would have done on a recorded trace.')
    .argument('<trace>', 'CSV file with session,seq,send_ms,recv_ms; may be gzipped')
    .option(
      '--threshold <phi>',
      'φ at which a peer is suspected (default: 8; calibrated: 4)',
      parsePhi,
    )
    .addOption(
      new Option('--model <name>', 'how φ follows from the intervals (default: normal)').choices(
        modelNames,
      ),
    )
    .option('--max-mistakes <rate>', 'budget of false suspicions instead, e.g. 1/day', parseRate)
    .option('--interval <ms>', "heartbeat interval at first (default: the trace's)", parsePositive)
    .option('--pause <ms>', 'silence that is always tolerated (default: 0)', parsePause)
    .option('--min-std-dev <ms>', 'least σ (default: 10 ms or a quarter of the mean)', parsePause)
    .option('--window <n>', 'number of intervals that are remembered (default: 1000)', parseWindow)
    .addOption(
      new Option('--learn <rule>', 'which intervals are learnt (default: guarded)').choices(
        LEARN_RULES,
      ),
    )
    .option(
      '--max-silence <ms>',
      'silence that is suspected whatever φ is (default: never; calibrated: 30 s)',
      parsePositive,
    )
    .option('--json', 'print JSON, in ms and shares of 1')
    .action(replayFile);
}

async function replayFile(path: string, given: ReplayOptions): Promise<void> {
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
  const { replay } = await import('../lab/lab.js');
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

/** A share of 1, with digits enough to tell it from 0 and from 1. */
function percent(share: number): string {
  const rest = Math.min(share, 1 - share);
  const digits = rest > 0 ? Math.min(Math.max(1 - Math.floor(Math.log10(100 * rest)), 0), 9) : 0;
  return `${(100 * share).toFixed(digits)} %`;
}

const rate = (perHour: number) => (perHour < 100 ? perHour.toPrecision(3) : perHour.toFixed(0));

function detection({ mean, p50, p99, max }: Score['detectionTime']): string {
  const [a, b, c, d] = [mean, p50, p99, max].map((ms) => formatMs(ms));
  return `${a} in the mean, ${b} (median), ${c} (p99), ${d} (at most)`;
}

function calibration({ calibration: rows }: Score): string[] {
  return rows.map(({ phi, gaps, late, share }) =>
    [
      String(phi).padStart(3),
      percent(10 ** -phi).padStart(14),
      percent(share).padStart(12),
      `${late} of ${gaps}`.padStart(20),
    ].join(''),
  );
}

function report(
  path: string,
  { heartbeats, truncated }: Trace,
  { model, threshold, maxMistakesPerHour: budget }: ResolvedOptions,
  estimated: boolean,
  score: Score,
): string {
  const asked = budget === undefined ? '' : ` (budget: ${rate(budget)} mistakes an hour)`;
  const lost = heartbeats - score.heartbeats;
  const { mistakes, longestMistake } = score;
  const lasting = `${formatMs(score.meanMistakeDuration)} in the mean, ${formatMs(longestMistake)} (at most)`;
  const rows: [string, string][] = [
    ['mistakes', `${mistakes}, ${rate(score.mistakesPerHour)} an hour`],
    ['they last', mistakes === 0 ? '–' : lasting],
    ['accuracy', `${percent(score.queryAccuracy)} of the time`],
    ['late gaps', percent(score.lateShare)],
    ['detection', detection(score.detectionTime)],
  ];
  const bold = (text: string) => colours.bold(text);
  return [
    `${bold(path)}: ${counted(heartbeats, 'heartbeat')}, ${percent(lost / heartbeats)} lost, ` +
      `${counted(score.sessions, 'session')}${truncated ? ', cut off' : ''}`,
    `model ${model}, threshold φ ${Number(threshold.toPrecision(3))}${asked}, ` +
      `interval ${formatMs(score.heartbeatInterval, 1)}${estimated ? ' (estimated)' : ''}`,
    `scored: ${counted(score.gaps, 'gap')} in ${score.hours.toPrecision(3)} hours`,
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(11)}${value}`),
    '',
    colours.dim('  φ      φ promises    exceeded in'),
    ...calibration(score),
  ].join('\n');
}
