/** `phi-accrual record`: live heartbeats, or pings of its own, into a trace. */
import { existsSync, statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { LONGEST_ICMP_TIMEOUT } from '../lab/record/icmp-ping.js';
import { TraceWriter } from '../lab/traces/trace-writer.js';
import { endAfter, localAddress, mostPeers, parseMs, parsePort, UsageError } from './arguments.js';
import { ended } from './ending.js';
import { counted, formatBytes, formatMs, printable } from './format.js';
import { openSource, type RecordSource, type SourceOptions } from './record-sources.js';
import { Screen } from './screen.js';

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
    .description('Record heartbeats, or pings of its own, as a trace.')
    .argument('<file>', 'trace to write (CSV); compressed if its name ends in .gz')
    .option('--port <port>', 'UDP port to record heartbeats from', parsePort, 7946)
    .addOption(localAddress())
    .addOption(mostPeers())
    .addOption(ping('--http <url>', 'ping over HTTP instead; any answer counts', 'tcp', 'icmp'))
    .addOption(ping('--head', 'with --http: send HEAD, not GET', 'tcp', 'icmp'))
    .addOption(ping('--tcp <host:port>', 'ping by TCP connections instead', 'http', 'icmp'))
    .addOption(ping('--icmp <host>', "ping with the system's ping instead", 'http', 'tcp'))
    .addOption(ping('--interval <ms>', 'time between pings (default: 1000)').argParser(parseMs))
    .addOption(
      ping('--timeout <ms>', 'time after which a ping is lost (default: 5000)').argParser(parseMs),
    )
    .option('--force', 'overwrite the file if it exists')
    .addOption(endAfter())
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

const FRAME = 200;
const LINES_EVERY = 2000;
/** How often the recorder polls the clock, in ms. */
const POLL = 50;
/** A poll that is later than this, in ms, is logged: what arrived meanwhile has a wrong time. */
const STALL = 100;

/** The view of a recording: a line of progress, and a summary of the trace. */
class Recording {
  readonly #source: RecordSource;
  readonly #file: string;
  readonly #screen = new Screen(process.stdout);
  readonly #startedAt = performance.now();
  #frames: ReturnType<typeof setInterval> | undefined;
  #polls: ReturnType<typeof setInterval> | undefined;
  #stalls = 0;

  constructor(source: RecordSource, file: string) {
    this.#source = source;
    this.#file = file;
    this.log(`recording ${source.name} into ${printable(file, ' ')}`);
  }

  /** Draws from now on: in place on a terminal, elsewhere a line every two seconds. */
  show(): void {
    const { live } = this.#screen;
    this.#frames = setInterval(() => this.#draw(), live ? FRAME : LINES_EVERY);
    if (live) this.#draw();
    let due = performance.now() + POLL;
    this.#polls = setInterval(() => {
      const late = performance.now() - due;
      if (late > STALL) {
        this.#stalls++;
        this.log(`this process stalled for ${formatMs(late)}: arrivals then are recorded late`);
      }
      due = performance.now() + POLL;
    }, POLL);
  }

  /** A line that stays, above the progress. */
  log(line: string): void {
    this.#screen.log(`${this.#elapsed()}  ${line}`);
  }

  /** Takes the progress away: the summary tells it for good. */
  close(): void {
    clearInterval(this.#frames);
    clearInterval(this.#polls);
    this.#screen.draw([]);
    this.#screen.end();
  }

  /** What has been recorded, once it is on the disk. */
  summary(): string {
    const stalls = this.#stalls > 0 ? [`${counted(this.#stalls, 'stall')} of this process`] : [];
    return [this.#line(), ...this.#source.details(), ...stalls].join('\n');
  }

  #line(): string {
    const { size } = statSync(this.#file);
    return `${this.#source.line()} · ${formatBytes(size)}`;
  }

  #elapsed(): string {
    return `${((performance.now() - this.#startedAt) / 1000).toFixed(1).padStart(6)} s`;
  }

  #draw(): void {
    const line = `${this.#elapsed()}  ${this.#line()}`;
    if (!this.#screen.live) this.#screen.log(line);
    else {
      const { columns } = this.#screen.size;
      this.#screen.draw([line.slice(0, columns - 1), ' Ctrl-C ends.']);
    }
  }
}
