/** `phi-accrual record`: live heartbeats, or pings of its own, into a trace. */
import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { LONGEST_ICMP_TIMEOUT } from '../lab/record/icmp-ping.js';
import { TraceWriter } from '../lab/traces/trace-writer.js';
import { parseCount, parseMs, parsePort, parseSeconds, UsageError } from './arguments.js';
import { ended } from './ending.js';
import { Recording } from './recording.js';
import { openSource, type RecordSource, type SourceOptions } from './recording-sources.js';

interface RecordOptions extends SourceOptions {
  force?: boolean;
  for?: number;
}

const HEARTBEATS = ['port', 'host', 'maxPeers'];
const PINGS = ['http', 'tcp', 'icmp'] as const;

export function addRecord(program: Command): void {
  const ping = (flags: string, description: string, ...others: string[]) =>
    new Option(flags, description).conflicts([...HEARTBEATS, ...others]);
  program
    .command('record')
    .description('Record heartbeats, or pings that it sends itself, as a trace.')
    .argument('<file>', 'the trace, a CSV file; compressed if its name ends in .gz')
    .option('--port <port>', 'UDP port to record heartbeats from', parsePort, 7946)
    .option(
      '--host <address>',
      'local address; others than loopback are open to anybody',
      '127.0.0.1',
    )
    .option('--max-peers <n>', 'refuse more peers than this', parseCount, 10_000)
    .addOption(ping('--http <url>', 'ping by HTTP instead; any answer counts', 'tcp', 'icmp'))
    .addOption(ping('--head', 'with --http: ask for the head only', 'tcp', 'icmp'))
    .addOption(ping('--tcp <host:port>', 'ping by TCP connections instead', 'http', 'icmp'))
    .addOption(ping('--icmp <host>', "ping by the system's ping instead", 'http', 'tcp'))
    .addOption(ping('--interval <ms>', 'between pings (default: 1000)').argParser(parseMs))
    .addOption(ping('--timeout <ms>', 'a ping is lost after (default: 5000)').argParser(parseMs))
    .option('--force', 'overwrite the file if there is one')
    .option('--for <seconds>', 'end by itself', parseSeconds)
    .action(record);
}

async function record(file: string, options: RecordOptions): Promise<void> {
  check(options);
  // Nothing that lies there is touched before it is known that there will be something to write.
  if (!options.force && existsSync(file)) throw exists(file);
  const source = await openSource(options);
  let failed = (_error: unknown) => {};
  const failure = new Promise<void>((_, reject) => {
    failed = reject;
  });
  const writer = await openWriter(file, options.force === true, source);
  const recording = new Recording(source, file);
  source.start((row) => {
    try {
      writer.write(row);
    } catch (error) {
      failed(error); // a full disk: what is recorded from now on would have a hole
    }
  }, recording);
  recording.show();
  try {
    await ended(options.for, failure);
  } finally {
    await source.close();
    await writer.close().finally(() => recording.close());
  }
  process.stdout.write(`${recording.summary()}\n`);
}

function check(options: RecordOptions): void {
  const alone = PINGS.every((each) => options[each] === undefined);
  if (alone && (options.interval ?? options.timeout) !== undefined) {
    const flag = options.interval !== undefined ? '--interval' : '--timeout';
    throw new UsageError(`${flag} is for pings: it needs --http, --tcp or --icmp`);
  }
  if (options.head && options.http === undefined) throw new UsageError('--head needs --http');
  if (options.icmp !== undefined && (options.timeout ?? 0) > LONGEST_ICMP_TIMEOUT) {
    throw new UsageError(`--timeout: at most ${LONGEST_ICMP_TIMEOUT} ms with --icmp`);
  }
}

const exists = (file: string) => new UsageError(`${file}: the file exists; --force overwrites it`);

async function openWriter(
  file: string,
  overwrite: boolean,
  source: RecordSource,
): Promise<TraceWriter> {
  try {
    return new TraceWriter(file, { overwrite });
  } catch (error) {
    await source.close();
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === 'EEXIST' ? exists(file) : new UsageError(message);
  }
}
