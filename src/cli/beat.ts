/** `phi-accrual beat`: a node that beats. */
import type { Command } from 'commander';
import { UdpSender } from '../sources/udp.js';
import { asUsage, number, parseMs, parseSeconds } from './arguments.js';
import { ended } from './ending.js';

interface BeatOptions {
  id: string[];
  to: string;
  interval: number;
  jitter: number;
  for?: number;
}

export function addBeat(program: Command): void {
  program
    .command('beat')
    .description('Send heartbeats to a monitor until Ctrl-C.')
    .requiredOption('--id <id...>', 'who beats; several ids share their datagrams')
    .requiredOption('--to <host:port>', 'the monitor')
    .option('--interval <ms>', 'between heartbeats', parseMs, 1000)
    .option('--jitter <share>', 'random delay, a share of the interval', parseShare, 0)
    .option('--for <seconds>', 'end by itself', parseSeconds)
    .action(beat);
}

const parseShare = number('a share from 0 to 1', 0, 1);

async function beat(options: BeatOptions): Promise<void> {
  const { id, to, interval, jitter } = options;
  let failed = false;
  const onError = (error: Error) => {
    if (!failed) process.stderr.write(`phi-accrual: ${to}: ${error.message}\n`);
    failed = true; // one line, however often it goes on failing
  };
  const make = () => new UdpSender({ id, to, interval, jitter, keepAlive: true, onError });
  const sender = asUsage(make);
  // A node that a demo has started must not outlive it, however that ended.
  const parent = new Promise<void>((resolve) => process.once('disconnect', resolve));
  await ended(options.for, parent);
  sender.close();
}
