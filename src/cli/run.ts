/** `phi-accrual run`: a command that is restarted when it is dead or a zombie. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { number, parseMs, parseSeconds } from './arguments.js';
import type { RunOptions } from './run/options.js';
import type { RestartLimit } from './run/restart-policy.js';

const parsePause = number('ms from 0 to 2147483647', 0, 2147483647);

const LIMIT = /^(\d{1,9})(?:\/(\d{1,9})(s|m|h|d))?$/;
const UNIT: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** As 5, in all, or 5/60s, within any 60 s. */
function parseLimit(text: string): RestartLimit {
  const [, most, count, unit] = LIMIT.exec(text.trim()) ?? [];
  const within = count === undefined ? Infinity : Number(count) * UNIT[unit];
  if (most === undefined || within === 0) {
    throw new InvalidArgumentError('Expected a number of restarts as 5, or as 5/60s, 5/10m, 5/1h.');
  }
  return { most: Number(most), within };
}

export function addRun(program: Command): void {
  program
    .command('run')
    .description('Start a command, beat for it, and restart it when it is dead or a zombie.')
    .argument('<command...>', 'what to run, after two dashes')
    .option('--id <id>', 'its name; default the command')
    .option('--interval <ms>', 'between its beats', parseMs, 1000)
    .option('--pause <ms>', 'silence that is always tolerated', parsePause, 5000)
    .option('--delay <ms>', 'before the first restart; doubles each time', parseMs, 1000)
    .option('--start-timeout <ms>', 'to the first proof that it serves', parsePause, 60_000)
    .option('--grace <seconds>', 'from SIGTERM to SIGKILL', parseSeconds, 10)
    .addOption(
      new Option('--restart <when>', 'after which end')
        .choices(['on-failure', 'always', 'never'])
        .default('on-failure'),
    )
    .option('--max-restarts <limit>', 'give up after as many: 5, or 5/60s', parseLimit)
    .option('--kill-group', 'end all that the command has started with it (default)', true)
    .option('--no-kill-group', 'signal the command alone, in the process group of run')
    .addOption(new Option('--http <url>', 'the service lives if this answers').conflicts('tcp'))
    .option('--tcp <host:port>', 'the service lives if this accepts')
    .option('--registry <url>', 'register it there as well; needs --service')
    .option('--service <name>', 'of which it is an instance')
    .option('--address <address>', 'where it takes requests')
    .option('--drain <ms>', 'from out of the route to SIGTERM; default 1000', parsePause)
    .addOption(
      new Option('--on-fenced <how>', 'if another registers its id; default exit').choices([
        'exit',
        'wait',
      ]),
    )
    .addHelpText('after', '\nThe token for --registry comes from PHI_ACCRUAL_TOKEN.')
    .action(async (command: string[], options: RunOptions) => {
      // No other command waits for the registry to be loaded.
      const { run } = await import('./run/run-command.js');
      await run(command, options);
    });
}
