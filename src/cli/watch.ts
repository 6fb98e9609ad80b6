/** `phi-accrual watch`: a monitor of whoever sends heartbeats to its port. */
import type { Command } from 'commander';
import { FailureDetector, type ModelName, modelNames } from '../index.js';
import { listenUdp } from '../sources/udp.js';
import {
  asUsage,
  checkSuspicion,
  endAfter,
  localAddress,
  mostPeers,
  parseMs,
  parsePause,
  parsePhi,
  parsePort,
  parseRate,
  type SuspicionFlags,
  UsageError,
} from './arguments.js';
import { ended } from './ending.js';
import { describeSystemError } from './format.js';
import { Monitor } from './monitor.js';

interface WatchOptions extends SuspicionFlags {
  port: number;
  host: string;
  interval: number;
  pause: number;
  model?: ModelName;
  maxPeers: number;
  explain?: string;
  for?: number;
}

export function addWatch(program: Command): void {
  program
    .command('watch')
    .description('Listen for heartbeats, show every peer, and tell when one is suspected.')
    .option('--port <port>', 'UDP port; 0 takes a free one', parsePort, 7946)
    .addOption(localAddress())
    .option(
      '--threshold <phi>',
      'φ at which a peer is suspected (default: 8; calibrated: 4)',
      parsePhi,
    )
    .option('--max-mistakes <rate>', 'budget of false suspicions instead, e.g. 1/day', parseRate)
    .option('--interval <ms>', 'heartbeat interval to expect until it is learnt', parseMs, 1000)
    .option('--pause <ms>', 'silence that is always tolerated', parsePause, 0)
    .option('--model <name>', `one of ${modelNames.join(', ')} (default: normal)`)
    .addOption(mostPeers())
    .option('--explain <id>', 'show everything that led to the status of one peer')
    .addOption(endAfter())
    .action(watch);
}

async function watch(options: WatchOptions): Promise<void> {
  const { port, host, threshold, maxMistakes, interval, pause, model, maxPeers } = options;
  checkSuspicion('watch', options);
  const detector = asUsage(
    () =>
      new FailureDetector({
        threshold,
        maxMistakesPerHour: maxMistakes,
        heartbeatInterval: interval,
        acceptablePause: pause,
        model,
        maxPeers,
      }),
  );
  const listener = await listenUdp(detector, { port, address: host }).catch((error) => {
    detector.close();
    throw new UsageError(describeSystemError(error, `${host}:${port}`));
  });
  const monitor = new Monitor(detector, () => ' Ctrl-C ends.', options.explain);
  const limit =
    maxMistakes === undefined
      ? `threshold φ ${threshold ?? (model === 'calibrated' ? 4 : 8)}`
      : `at most ${maxMistakes.toPrecision(3)} false suspicions an hour`;
  monitor.log(`watching on udp ${listener.address}:${listener.port}, ${limit}`);
  monitor.show();
  await ended(options.for);
  monitor.end();
  await listener.close();
  detector.close();
  process.stdout.write(`${monitor.summary(listener.stats)}\n`);
}
