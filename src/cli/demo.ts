/** `phi-accrual demo` (npm start): a monitor, and real processes that die, freeze and return. */
import { emitKeypressEvents, type Key } from 'node:readline';
import type { Command } from 'commander';
import { integer, parseMs, parsePort, parseSeconds } from './arguments.js';
import { ended } from './ending.js';
import { Monitor } from './monitor.js';
import { Nodes } from './nodes.js';
import { summary } from './summary.js';

interface DemoOptions {
  nodes: number;
  interval: number;
  port: number;
  script: boolean;
  for?: number;
}

const FREEZE = 3000;
const KEYS = ' 1–9 node · k kill · f freeze 3 s · r restart · q quit';

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('Watch real processes die: a monitor and nodes of its own.')
    .option('--nodes <n>', 'how many nodes', integer('1 to 9', 1, 9), 5)
    .option('--interval <ms>', 'between their heartbeats', parseMs, 200)
    .option('--port <port>', 'UDP port of the monitor; 0 takes a free one', parsePort, 0)
    .option('--no-script', 'kill and freeze nothing by itself')
    .option('--for <seconds>', 'end by itself', parseSeconds)
    .addHelpText('after', `\nKeys, on a terminal: ${KEYS.trim()}`)
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  let chosen = 'node-1';
  const keys = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const monitor = await Monitor.open(
    { heartbeatInterval: options.interval },
    { port: options.port, address: '127.0.0.1' },
    () => (keys ? `${KEYS} · chosen: ${chosen}` : ' Ctrl-C ends.'),
  );
  const { port } = monitor.listener;
  const nodes = new Nodes(options.nodes, `127.0.0.1:${port}`, options.interval);
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const after = (ms: number, act: () => void) => timers.add(setTimeout(act, ms));

  const act = {
    kill(id: string) {
      if (nodes.kill(id)) monitor.log(`→ ${id} killed (SIGKILL, pid ${nodes.pid(id)})`);
    },
    freeze(id: string) {
      if (!nodes.freeze(id)) return;
      monitor.log(`→ ${id} frozen (SIGSTOP, pid ${nodes.pid(id)})`);
      after(FREEZE, () => {
        if (nodes.resume(id)) monitor.log(`→ ${id} resumed (SIGCONT)`);
      });
    },
    start(id: string) {
      if (nodes.start(id)) monitor.log(`→ ${id} started anew (pid ${nodes.pid(id)})`);
    },
  };

  monitor.log(`${options.nodes} processes beat every ${options.interval} ms to udp port ${port}`);
  monitor.log(`try: npx phi-accrual beat --id me --to 127.0.0.1:${port} --interval 200`);
  monitor.show();
  if (options.script) {
    const id = (i: number) => nodes.ids[i % nodes.ids.length];
    after(4000, () => act.kill(id(1)));
    after(7000, () => act.freeze(id(3)));
    after(12_500, () => act.start(id(1)));
  }
  const onKey = (text: string | undefined, key: Key) => {
    if (text !== undefined && nodes.ids.includes(`node-${text}`)) chosen = `node-${text}`;
    else if (key.name === 'k') act.kill(chosen);
    else if (key.name === 'f') act.freeze(chosen);
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
  await nodes.stop();
  await monitor.close();
  process.stdout.write(`${summary(monitor)}\n`);
}
