/** `phi-accrual demo` (npm start): the registry, its page, and processes that die and return. */
import type { Command } from 'commander';
import { integer, parseMs, parsePort, parseSeconds } from './arguments.js';
import { type DemoOptions, KEYS } from './demo-options.js';

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('A registry with its page, and nodes of its own that die, freeze and return.')
    .option('--nodes <n>', 'how many nodes', integer('1 to 9', 1, 9), 5)
    .option('--interval <ms>', 'between their heartbeats', parseMs, 200)
    .option('--port <port>', 'of the page; 7946, or a free one if that is taken', parsePort)
    .option('--no-script', 'kill and freeze nothing by itself')
    .option('--for <seconds>', 'end by itself', parseSeconds)
    .addHelpText('after', `\nKeys, on a terminal: ${KEYS.trim()}`)
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('./run-demo.js');
      await runDemo(options);
    });
}
