/** `phi-accrual beat`: a node that beats. */
import { type Command, Option } from 'commander';
import { UdpSender } from '../sources/udp.js';
import { asUsage, number, parseMs, parseSeconds, UsageError } from './arguments.js';
import type { BeatOptions } from './beat-options.js';
import { ended } from './ending.js';
import { printable } from './format.js';

export function addBeat(program: Command): void {
  program
    .command('beat')
    .description('Send heartbeats to a monitor or a registry until Ctrl-C.')
    .requiredOption('--id <id...>', 'who beats; several ids share their datagrams')
    .addOption(
      new Option('--to <host:port>', 'the monitor').conflicts(['service', 'address', 'by']),
    )
    .addOption(
      new Option('--registry <url>', 'or the registry: registers there').conflicts([
        'to',
        'jitter',
      ]),
    )
    .option('--service <name>', 'of which it is an instance; with --registry')
    .option('--address <address>', 'where it takes requests; default the name of this host')
    .addOption(
      new Option('--by <way>', 'how it beats at the registry')
        .choices(['udp', 'http'])
        .default('udp'),
    )
    .option('--interval <ms>', 'between heartbeats', parseMs, 1000)
    .option('--jitter <share>', 'random delay, a share of the interval', parseShare, 0)
    .option('--for <seconds>', 'end by itself', parseSeconds)
    .addHelpText('after', '\nThe token for --registry comes from PHI_ACCRUAL_TOKEN.')
    .action(beat);
}

const parseShare = number('a share from 0 to 1', 0, 1);

async function beat(options: BeatOptions): Promise<void> {
  // A node that a demo has started must not outlive it, however that ended.
  const parent = new Promise<void>((resolve) => {
    if (process.connected === false)
      resolve(); // it was gone before we could listen
    else process.once('disconnect', resolve);
  });
  const end = () => ended(options.for, parent);
  const { to, registry: url, service } = options;
  if (to !== undefined) return beatTo(to, options, end);
  if (url === undefined) throw new UsageError('beat: expected --to or --registry');
  if (service === undefined) throw new UsageError('beat: --registry needs --service');
  // Who beats to a monitor does not wait for the registry to be loaded.
  const { beatAt } = await import('./beat-at.js');
  await beatAt({ ...options, url, service }, end);
}

async function beatTo(to: string, options: BeatOptions, end: () => Promise<void>): Promise<void> {
  const { id, interval, jitter } = options;
  let failed = false;
  const onError = (error: Error) => {
    if (!failed)
      process.stderr.write(`phi-accrual: ${printable(`${to}: ${error.message}`, ' ')}\n`);
    failed = true; // one line, however often it goes on failing
  };
  const make = () => new UdpSender({ id, to, interval, jitter, keepAlive: true, onError });
  const sender = asUsage(make);
  await end();
  await sender.close();
}
