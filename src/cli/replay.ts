/** `phi-accrual replay`: what the detector would have said of a recorded trace, and how well. */
import { type Command, Option } from 'commander';
import { type LearnRule, modelNames } from '../index.js';
import { integer, number, parsePause, parsePhi, parseRate } from './arguments.js';
import type { ReplayArguments } from './replay-file.js';

const LEARN_RULES: LearnRule[] = ['guarded', 'always', 'while-available'];
const parsePositive = number('a number above 0, at most 1e15', Number.MIN_VALUE, 1e15);
const parseWindow = integer('an integer from 1 to 262144', 1, 262_144);

export function addReplay(program: Command): void {
  program
    .command('replay')
    .description('Say how well the detector would have done on a recorded trace.')
    .argument('<trace>', 'CSV: session,seq,send_ms,recv_ms; may be gzipped')
    .option(
      '--threshold <phi>',
      'φ at which a peer is suspected (default: 8; calibrated: 4)',
      parsePhi,
    )
    .addOption(new Option('--model <name>', '(default: normal)').choices(modelNames))
    .option('--max-mistakes <rate>', 'instead, for calibrated: e.g. 10/hour', parseRate)
    .option('--interval <ms>', "expected at first (default: the trace's)", parsePositive)
    .option('--pause <ms>', 'a silence that is always tolerated (default: 0)', parsePause)
    .option(
      '--min-std-dev <ms>',
      'the least σ (default: 10 ms or a quarter of the mean)',
      parsePause,
    )
    .option('--window <n>', 'intervals that are remembered (default: 1000)', parseWindow)
    .addOption(new Option('--learn <rule>', '(default: guarded)').choices(LEARN_RULES))
    .option(
      '--max-silence <ms>',
      'suspected whatever φ says (default: never; calibrated: 30 s)',
      parsePositive,
    )
    .option('--json', 'as JSON, in ms and shares of 1')
    .action(async (path: string, options: ReplayArguments) => {
      // What the other commands need not load takes longer to load than all the rest.
      const { replayFile } = await import('./replay-file.js');
      await replayFile(path, options);
    });
}
