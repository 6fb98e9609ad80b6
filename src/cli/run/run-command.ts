/** The work of `phi-accrual run`. */
import { hostname } from 'node:os';
import type { HeldLease, InstanceView } from '../../registry/index.js';
import { UsageError } from '../arguments.js';
import { printable } from '../format.js';
import { registerAt } from '../registering.js';
import { probeOf } from './beats.js';
import { exitCodeOf } from './child.js';
import type { RunOptions } from './options.js';
import { Supervisor } from './supervisor.js';

/** These end the command; others that can be caught are the command's own. */
const ENDS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
const FORWARDED = ['SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const;

const log = (line: string) => void process.stderr.write(`phi-accrual: ${printable(line, ' ')}\n`);

/** Registers the child elsewhere; there it is ready while it is available here. */
async function registerToo(supervisor: Supervisor, options: RunOptions): Promise<() => unknown> {
  const { registry: url, service, address = hostname(), interval } = options;
  if (url === undefined) {
    if ((service ?? options.address) === undefined) return () => {};
    throw new UsageError('run: --service and --address need --registry');
  }
  if (service === undefined) throw new UsageError('run: --registry needs --service');
  const stop = new AbortController();
  const { registry, id } = supervisor;
  const isUp = (view: InstanceView | undefined) => view?.routable === true;
  let held: HeldLease | undefined;
  const about = { id, service, address, heartbeatInterval: interval };
  const request = { ...about, ready: false, signal: stop.signal };
  registry.on('change', () => held?.ready(isUp(registry.get(id))));
  // What is supervised starts whether or not anybody else is there to know of it.
  const registering = registerAt(url, request, log).then(
    (lease) => {
      held = lease.ready(isUp(registry.get(id)));
    },
    (error: Error) => {
      if (!stop.signal.aborted) log(`${url}: ${error.message}`);
    },
  );
  return async () => {
    await held?.deregister().catch((error: Error) => log(`${url}: ${error.message}`));
    stop.abort();
    await registering;
  };
}

/** Runs until the command has ended for good; its exit code is ours. */
export async function run([command, ...args]: string[], options: RunOptions): Promise<void> {
  const probe = probeOf(options);
  const supervisor = new Supervisor({ command, args, options, probe, log });
  // A terminal sends Ctrl-C to the whole group: handed on, it would come twice.
  const fromTerminal = (signal: string) => signal === 'SIGINT' && process.stdin.isTTY === true;
  const forward = (signal: NodeJS.Signals) => supervisor.forward(signal);
  const end = (signal: NodeJS.Signals) =>
    void supervisor.stop(fromTerminal(signal) ? undefined : signal);
  for (const signal of ENDS) process.on(signal, end);
  for (const signal of FORWARDED) process.on(signal, forward);
  let unregister: () => unknown = () => {};
  try {
    unregister = await registerToo(supervisor, options);
    await supervisor.start();
    // Nothing else has to keep this process alive, as while a restart waits.
    const alive = setInterval(() => {}, 2 ** 30);
    const ending = await supervisor.finished.finally(() => clearInterval(alive));
    if (ending.error) log(`${command}: ${ending.error.message}`);
    process.exitCode = exitCodeOf(ending);
  } finally {
    for (const signal of ENDS) process.off(signal, end);
    for (const signal of FORWARDED) process.off(signal, forward);
    await supervisor.close();
    await unregister();
  }
}
