/** `phi-accrual watch`: a monitor of whoever beats at its port. */
import type { Command } from 'commander';
import { FailureDetector, type ModelName, modelNames } from '../index.js';
import { listenUdp } from '../sources/udp.js';
import {
  asUsage,
  parseCount,
  parseMs,
  parsePause,
  parsePhi,
  parsePort,
  parseRate,
  parseSeconds,
  UsageError,
} from './arguments.js';
import { ended } from './ending.js';
import { describeSystemError } from './format.js';
import { Monitor } from './monitor.js';
import { summary } from './summary.js';

interface WatchOptions {
  port: number;
  host: string;
  threshold?: number;
  maxMistakes?: number;
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
    .description('Listen for heartbeats, show every peer, and say when one is suspected.')
    .option('--port <port>', 'UDP port', parsePort, 7946)
    .option(
      '--host <address>',
      'local address; others than loopback are open to anybody',
      '127.0.0.1',
    )
    .option('--threshold <phi>', 'φ at which a peer is suspected (8; calibrated: 4)', parsePhi)
    .option('--max-mistakes <rate>', 'tolerated instead of a threshold, e.g. 1/day', parseRate)
    .option('--interval <ms>', 'expected between heartbeats, until learnt', parseMs, 1000)
    .option('--pause <ms>', 'a silence that is always tolerated', parsePause, 0)
    .option('--model <name>', `one of ${modelNames.join(', ')}; normal by default`)
    .option('--max-peers <n>', 'refuse more peers than this', parseCount, 10_000)
    .option('--explain <id>', 'show all that led to the answer about one peer')
    .option('--for <seconds>', 'end by itself', parseSeconds)
    .action(watch);
}

async function watch(options: WatchOptions): Promise<void> {
  const { port, host, threshold, maxMistakes, interval, pause, model, maxPeers } = options;
  if (threshold !== undefined && maxMistakes !== undefined) {
    throw new UsageError('watch: give --threshold or --max-mistakes, not both');
  }
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
      : `${maxMistakes.toPrecision(3)} mistakes an hour`;
  monitor.log(`watching on udp ${listener.address}:${listener.port}, ${limit}`);
  monitor.show();
  await ended(options.for);
  monitor.end();
  await listener.close();
  detector.close();
  process.stdout.write(`${summary(listener.stats, monitor.said)}\n`);
}
