/** `phi-accrual demo` (npm start): the registry, its page, and processes that die and return. */
import { emitKeypressEvents, type Key } from 'node:readline';
import type { Command } from 'commander';
import type { Change, Registry } from '../registry/index.js';
import type { DemoNodes, RegistryService } from '../registry/service/index.js';
import { endAfter, integer, parseMs, parsePort, UsageError } from './arguments.js';
import { Nodes } from './demo-nodes.js';
import { ended } from './ending.js';
import { describeSystemError, printable } from './format.js';
import { Monitor } from './monitor.js';

interface DemoOptions {
  nodes: number;
  interval: number;
  port?: number;
  script: boolean;
  for?: number;
}

/** What its keys do, in one line. */
const KEYS = ' 1–9 node · k kill · f freeze 3 s · r restart · q quit';

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('Run a registry with its page, and nodes that die, freeze and return.')
    .option('--nodes <n>', 'number of nodes', integer('1 to 9', 1, 9), 5)
    .option('--interval <ms>', 'time between their heartbeats', parseMs, 200)
    .option('--port <port>', 'TCP port of the page (default: 7946, or a free one)', parsePort)
    .option('--no-script', 'do not kill or freeze nodes automatically')
    .addOption(endAfter())
    .addHelpText('after', `\nKeys, on a terminal: ${KEYS.trim()}`)
    .action(demo);
}

const FREEZE = 3000;

/** Starts the service at `port`, or at the usual one, or at a free one if that is taken. */
async function open(port: number | undefined, demo: DemoNodes): Promise<RegistryService> {
  // All of its nodes are its own: there is nobody whom it once knew.
  const registry = { warmUp: 0 };
  const { startService } = await import('../registry/service/index.js');
  const at = (each: number) => startService({ port: each, udpPort: 0, demo, registry });
  try {
    return await at(port ?? 7946);
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (taken && port === undefined) return await at(0);
    throw new UsageError(describeSystemError(error, `127.0.0.1:${port ?? 7946}`));
  }
}

/** Resolves once all of them have been heard. */
function whenHeard(registry: Registry, ids: readonly string[]): Promise<void> {
  const waiting = new Set(ids);
  const done = new AbortController();
  return new Promise((resolve) => {
    const hear = ({ instance: { id, status } }: Change) => {
      if (status !== 'starting') waiting.delete(id);
      if (waiting.size > 0) return;
      done.abort();
      resolve();
    };
    registry.on('change', hear, { signal: done.signal });
  });
}

/** Runs the demo until it is to end; the address of the page is the first line on the screen. */
async function demo(options: DemoOptions): Promise<void> {
  let chosen = 'node-1';
  const keys = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const nodes = new Nodes(options.nodes, options.interval);
  let monitor: Monitor | undefined;
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const after = (ms: number, act: () => void) => timers.add(setTimeout(act, ms));

  /** What is done to a node, by the script, a key, or a button of the page. */
  const done = (id: string, what: string, happened: boolean) => {
    if (happened) monitor?.log(`→ ${id} ${what}pid ${nodes.pid(id)})`);
    return happened;
  };
  const act: DemoNodes = {
    kill: (id) => done(id, 'killed (SIGKILL, ', nodes.kill(id)),
    freeze: (id) => done(id, 'frozen (SIGSTOP, ', nodes.freeze(id)),
    resume: (id) => done(id, 'resumed (SIGCONT, ', nodes.resume(id)),
    start: (id) => done(id, 'started anew (', nodes.start(id)),
  };
  const freezeAwhile = (id: string) => {
    if (act.freeze(id)) after(FREEZE, () => act.resume(id));
  };

  const service = await open(options.port, act);
  process.stdout.write(`${service.url}\n`);
  nodes.begin(service.url);
  monitor = new Monitor(service.registry.detectors.service, () =>
    keys ? `${KEYS} · chosen: ${chosen}` : ' Ctrl-C ends.',
  );
  service.registry.on('change', ({ kind, instance: { id, generation } }) => {
    const again = kind === 'registered' && generation > 1;
    if (again) monitor.log(`${printable(id)} has registered anew, generation ${generation}`);
  });
  monitor.log(`the registry and its page: ${service.url}`);
  monitor.log(`${options.nodes} processes beat every ${options.interval} ms`);
  monitor.log(`try: npx phi-accrual beat --id me --registry ${service.url} --service api`);
  monitor.show();
  if (options.script) {
    const id = (i: number) => nodes.ids[i % nodes.ids.length];
    // On a loaded machine it takes a while until all are there.
    whenHeard(service.registry, nodes.ids).then(() => {
      after(3000, () => act.kill(id(1)));
      after(6000, () => freezeAwhile(id(3)));
      after(11_500, () => act.start(id(1)));
    });
  }
  const onKey = (text: string | undefined, key: Key) => {
    if (text !== undefined && nodes.ids.includes(`node-${text}`)) chosen = `node-${text}`;
    else if (key.name === 'k') act.kill(chosen);
    else if (key.name === 'f') freezeAwhile(chosen);
    else if (key.name === 'r') act.start(chosen);
    else if (key.name === 'q' || (key.ctrl && key.name === 'c')) process.emit('SIGINT');
  };
  if (keys) {
    emitKeypressEvents(process.stdin);
    process.stdin.setRawMode(true);
    process.stdin.on('keypress', onKey);
  }

  await ended(options.for);

  for (const timer of timers) clearTimeout(timer);
  if (keys) {
    process.stdin.off('keypress', onKey);
    process.stdin.setRawMode(false);
    process.stdin.pause();
  }
  const { heartbeats } = service.registry.stats;
  const malformed = service.datagrams?.dropped.malformed ?? 0;
  monitor.end();
  await nodes.stop();
  await service.close();
  process.stdout.write(`${monitor.summary({ heartbeats, malformed })}\n`);
}
