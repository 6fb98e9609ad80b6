/** `phi-accrual run`: a command that is restarted when it is dead or a zombie. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { number, parseMs, parseSeconds, UsageError } from './arguments.js';
import { printable } from './format.js';
import { isNode, probeOf } from './run/beats.js';
import { Child } from './run/child.js';
import type { Elsewhere } from './run/elsewhere.js';
import { Guard } from './run/guard.js';
import type { RestartLimit } from './run/restart-policy.js';
import type { Supervision, Supervisor } from './run/supervisor.js';

interface RunOptions extends Supervision {
  id?: string;
  killGroup: boolean;
  http?: string;
  tcp?: string;
  registry?: string;
  address?: string;
  /** In ms. */
  drain?: number;
  onFenced?: 'exit' | 'wait';
}

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
    .description('Run a command, and restart it when it is dead or a zombie.')
    .argument('<command...>', 'command to run, after two dashes')
    .option('--id <id>', 'name of the instance (default: the command)')
    .option('--interval <ms>', 'time between heartbeats, and between probes', parseMs, 1000)
    .option('--pause <ms>', 'silence that is always tolerated', parsePause, 5000)
    .option('--delay <ms>', 'time before the first restart; doubles each time', parseMs, 1000)
    .option(
      '--start-timeout <ms>',
      'time from a start to the first sign of service',
      parsePause,
      60_000,
    )
    .option('--grace <seconds>', 'time from SIGTERM to SIGKILL', parseSeconds, 10)
    .addOption(
      new Option('--restart <when>', 'when to restart a command that ended by itself')
        .choices(['on-failure', 'always', 'never'])
        .default('on-failure'),
    )
    .option('--max-restarts <limit>', 'give up after this many restarts: 5, or 5/60s', parseLimit)
    .option('--kill-group', 'end everything that the command has started', true)
    .option('--no-kill-group', 'signal the command alone, in the process group of run')
    .addOption(
      new Option('--http <url>', 'URL that answers while the service works').conflicts('tcp'),
    )
    .option('--tcp <host:port>', 'port that accepts connections while the service works')
    .option('--registry <url>', 'register the command at this registry; needs --service')
    .option('--service <name>', 'service that the instance belongs to')
    .option('--address <address>', 'where the instance takes requests (default: host name)')
    .option('--drain <ms>', 'time from leaving the route to SIGTERM (default: 1000)', parsePause)
    .addOption(
      new Option('--on-fenced <how>', 'if another registers the id (default: exit)').choices([
        'exit',
        'wait',
      ]),
    )
    .addHelpText('after', '\nThe token for --registry comes from PHI_ACCRUAL_TOKEN.')
    .action(run);
}

/** These end the command; others that can be caught are the command's own. */
const ENDS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
const FORWARDED = ['SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const;
/** What a terminal tells its whole process group. */
const OF_GROUP: readonly string[] = ['SIGWINCH', 'SIGCONT'];

/** All that the command starts has it in its environment. */
const MARK = 'PHI_ACCRUAL_TREE';
/** In ms: a signal that comes again so soon was sent once, and came by two ways, as through npm. */
const SAME = 200;
/** In ms, with a registry. */
const DRAIN = 1000;
/** The exit code of `run` when another has registered the id; the command's own are others. */
const FENCED = 120;

const log = (line: string) => void process.stderr.write(`phi-accrual: ${printable(line, ' ')}\n`);

/** Registers the command elsewhere, if asked to; there it is ready while it is up here. */
async function register(
  supervisor: Supervisor,
  id: string,
  options: RunOptions,
): Promise<Elsewhere | undefined> {
  const { registry: url, service, address = hostname(), interval, onFenced } = options;
  if (url === undefined) {
    if ((service ?? options.address) !== undefined) {
      throw new UsageError('run: --service and --address need --registry');
    }
    if ((options.drain ?? onFenced) !== undefined) {
      throw new UsageError('run: --drain and --on-fenced need --registry');
    }
    return undefined;
  }
  if (service === undefined) throw new UsageError('run: --registry needs --service');
  const { Elsewhere } = await import('./run/elsewhere.js');
  const elsewhere = new Elsewhere({
    url,
    request: { id, service, address, heartbeatInterval: interval },
    log,
    waits: onFenced === 'wait',
    onFenced: () => void supervisor.stop('SIGTERM', FENCED),
  });
  supervisor.onChange(() => {
    elsewhere.isUp = supervisor.isUp;
  });
  return elsewhere;
}

/** Hands signals on until `stop` is called, which takes the listeners away. */
function listen(child: () => Child | undefined, ownGroup: boolean, end: EndBy): () => void {
  const undo: (() => void)[] = [];
  const on = (signal: NodeJS.Signals, listener: () => void) => {
    process.on(signal, listener);
    undo.push(() => process.off(signal, listener));
  };
  // A terminal sends Ctrl-C to the whole group: handed on, it would come twice.
  const hasComeToBoth = (signal: string) =>
    !ownGroup && signal === 'SIGINT' && process.stdin.isTTY === true;
  for (const signal of ENDS) {
    on(signal, () => end(hasComeToBoth(signal) ? undefined : signal));
  }
  for (const signal of FORWARDED) {
    const toAll = OF_GROUP.includes(signal);
    on(signal, () => (toAll ? child()?.signalAll(signal) : child()?.signal(signal)));
  }
  if (ownGroup) {
    // Ctrl-Z. SIGTSTP does nothing to the leader of a session, as the command is.
    on('SIGTSTP', () => {
      child()?.signalAll('SIGSTOP');
      process.kill(process.pid, 'SIGSTOP');
    });
  }
  return () => {
    for (const each of undo) each();
  };
}

type EndBy = (signal: NodeJS.Signals | undefined) => void;

/** Runs until the command has ended for good; its exit code is ours. */
async function run([command, ...args]: string[], options: RunOptions): Promise<void> {
  const probe = probeOf(options.http, options.tcp);
  // No other command waits for the registry to be loaded.
  const { Supervisor } = await import('./run/supervisor.js');
  const id = options.id ?? basename(command);
  // There are no process groups on Windows.
  const ownGroup = options.killGroup && process.platform !== 'win32';
  const mark = `${MARK}=${randomBytes(8).toString('hex')}`;
  let guard: Guard | undefined;
  let child: Child | undefined;
  const spawn = (variables: NodeJS.ProcessEnv) => {
    const [name, value] = mark.split('=');
    const env = { ...process.env, ...variables, ...(ownGroup && { [name]: value }) };
    child = new Child(command, args, { env, mark, ownGroup, log });
    guard?.watch(child.pid);
    return child;
  };
  const beatsForItself = isNode(command);
  const supervisor = new Supervisor({ id, options, spawn, beatsForItself, probe, log });
  const elsewhere = await register(supervisor, id, options);

  const hurry = new AbortController();
  let toldAt: number | undefined;
  const end: EndBy = (signal) => {
    const now = performance.now();
    if (toldAt === undefined) {
      toldAt = now;
      supervisor.retire();
      const drained = elsewhere?.drain(options.drain ?? DRAIN, hurry.signal);
      void Promise.resolve(drained).then(() => supervisor.stop(signal));
    } else if (now - toldAt > SAME) {
      hurry.abort();
      void supervisor.kill();
    }
  };
  // Whatever goes wrong here, nothing outlives this process; the guard sees to it as well.
  const killAll = () => child?.signalAll('SIGKILL');
  process.on('exit', killAll);
  // Nobody reads what is said here any more: that ends nothing.
  process.stderr.on('error', () => {});
  const stopListening = listen(() => child, ownGroup, end);
  try {
    if (process.pid === 1) {
      log('is pid 1, and cannot reap orphans: start the container with --init, or tini');
    }
    if (ownGroup) guard = new Guard(options.grace * 1000, mark);
    await supervisor.start();
    // Nothing else has to keep this process alive, as while a restart waits.
    const alive = setInterval(() => {}, 2 ** 30);
    process.exitCode = await supervisor.finished.finally(() => clearInterval(alive));
  } finally {
    stopListening();
    await supervisor.close();
    await elsewhere?.close();
    guard?.close();
    process.off('exit', killAll);
  }
}
