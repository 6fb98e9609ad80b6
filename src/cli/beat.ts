/** `phi-accrual beat`: a node that sends heartbeats. */
import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import type { HeldLease } from '../registry/index.js';
import { UdpSender } from '../sources/udp.js';
import { asUsage, endAfter, number, parseMs, UsageError } from './arguments.js';
import { ended } from './ending.js';
import { printable } from './format.js';

interface BeatOptions {
  id: string[];
  to?: string;
  registry?: string;
  service?: string;
  address?: string;
  by: 'udp' | 'http';
  interval: number;
  jitter: number;
  for?: number;
}

const parseShare = number('a share from 0 to 1', 0, 1);

export function addBeat(program: Command): void {
  program
    .command('beat')
    .description('Send heartbeats to a monitor or a registry until Ctrl-C.')
    .requiredOption('--id <id...>', 'peer id(s) to send as')
    .addOption(
      new Option('--to <host:port>', 'send to this monitor').conflicts([
        'service',
        'address',
        'by',
      ]),
    )
    .addOption(
      new Option('--registry <url>', 'register at this registry and send there').conflicts([
        'to',
        'jitter',
      ]),
    )
    .option('--service <name>', 'service that the instance belongs to; needed by --registry')
    .option('--address <address>', 'where the instance takes requests (default: host name)')
    .addOption(
      new Option('--by <way>', 'how heartbeats reach the registry')
        .choices(['udp', 'http'])
        .default('udp'),
    )
    .option('--interval <ms>', 'time between heartbeats', parseMs, 1000)
    .option('--jitter <share>', 'random delay, as a share of the interval', parseShare, 0)
    .addOption(endAfter())
    .addHelpText('after', '\nThe token for --registry comes from PHI_ACCRUAL_TOKEN.')
    .action(beat);
}

const log = (line: string) => void process.stderr.write(`phi-accrual: ${printable(line, ' ')}\n`);

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
  await beatAt({ ...options, url, service }, end);
}

async function beatTo(to: string, options: BeatOptions, end: () => Promise<void>): Promise<void> {
  const { id, interval, jitter } = options;
  let failed = false;
  const onError = (error: Error) => {
    if (!failed) log(`${to}: ${error.message}`);
    failed = true; // one line, however often it goes on failing
  };
  const make = () => new UdpSender({ id, to, interval, jitter, keepAlive: true, onError });
  const sender = asUsage(make);
  await end();
  await sender.close();
}

/**
 * Registers at the registry and sends both signals until `end` resolves, and then leaves. It ends at
 * once if all its ids were taken over.
 */
async function beatAt(
  options: BeatOptions & { url: string; service: string },
  end: () => Promise<void>,
): Promise<void> {
  const { url, service, address = hostname(), by, interval } = options;
  // Nobody who sends to a monitor waits for the registry's client to be loaded.
  const { beatFromNode } = await import('../registry/index.js');
  const { registerAt } = await import('./registering.js');
  const stop = new AbortController();
  const held: HeldLease[] = [];
  const hold = async (id: string) => {
    const request = { id, service, address, heartbeatInterval: interval, beat: by } as const;
    const lease = await registerAt(url, { ...request, keepAlive: true, signal: stop.signal }, log);
    held.push(lease);
    if (by === 'udp') beatFromNode(lease);
    await new Promise((resolve) => lease.ended.addEventListener('abort', resolve));
  };
  const all = Promise.all(options.id.map(hold));
  // While the registry is away nothing else keeps this process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    await Promise.race([end(), all]);
  } finally {
    clearInterval(alive);
    const left = await Promise.allSettled(held.map((lease) => lease.deregister()));
    for (const each of left) if (each.status === 'rejected') log(`${url}: ${each.reason.message}`);
    stop.abort();
    await all.catch(() => {}); // told by the race, or the end of a registration that was given up
  }
}
