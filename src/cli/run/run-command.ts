/** The work of `phi-accrual run`. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { UsageError } from '../arguments.js';
import { printable } from '../format.js';
import { probeOf } from './beats.js';
import { Child } from './child.js';
import { Elsewhere } from './elsewhere.js';
import { Guard } from './guard.js';
import { isNode } from './node-child.js';
import { FENCED, type RunOptions } from './options.js';
import { Supervisor } from './supervisor.js';

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

const log = (line: string) => void process.stderr.write(`phi-accrual: ${printable(line, ' ')}\n`);

/** Registers the command elsewhere, if asked to; there it is ready while it is up here. */
function register(supervisor: Supervisor, id: string, options: RunOptions): Elsewhere | undefined {
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
export async function run([command, ...args]: string[], options: RunOptions): Promise<void> {
  const probe = probeOf(options);
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
  const elsewhere = register(supervisor, id, options);

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
