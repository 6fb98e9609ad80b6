/** `phi-accrual run`: a command that is restarted when it is dead or a zombie. */
import { type Command, Option } from 'commander';
import { number, parseMs, parseSeconds } from './arguments.js';
import type { RunOptions } from './run/options.js';

const parsePause = number('ms from 0 to 2147483647', 0, 2147483647);

export function addRun(program: Command): void {
  program
    .command('run')
    .description('Start a command, beat for it, and restart it when it is dead or a zombie.')
    .argument('<command...>', 'what to run, after two dashes')
    .option('--id <id>', 'its name; default the command')
    .option('--interval <ms>', 'between its beats', parseMs, 1000)
    .option('--pause <ms>', 'silence that is always tolerated', parsePause, 5000)
    .option('--delay <ms>', 'before the first restart; doubles each time', parseMs, 1000)
    .option('--grace <seconds>', 'from SIGTERM to SIGKILL', parseSeconds, 10)
    .addOption(
      new Option('--restart <when>', 'after which end')
        .choices(['on-failure', 'always', 'never'])
        .default('on-failure'),
    )
    .addOption(new Option('--http <url>', 'the service lives if this answers').conflicts('tcp'))
    .option('--tcp <host:port>', 'the service lives if this accepts')
    .option('--registry <url>', 'register it there as well; needs --service')
    .option('--service <name>', 'of which it is an instance')
    .option('--address <address>', 'where it takes requests')
    .addHelpText('after', '\nThe token for --registry comes from PHI_ACCRUAL_TOKEN.')
    .action(async (command: string[], options: RunOptions) => {
      // No other command waits for the registry to be loaded.
      const { run } = await import('./run/run-command.js');
      await run(command, options);
    });
}
