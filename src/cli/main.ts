#!/usr/bin/env node
/** The phi-accrual command. */
import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { UsageError } from './arguments.js';
import { addBeat } from './beat.js';
import { addDemo } from './demo.js';
import { printable } from './format.js';
import { addRecord } from './record.js';
import { addReplay } from './replay.js';
import { addRun } from './run.js';
import { addServe } from './serve.js';
import { addTune } from './tune.js';
import { addWatch } from './watch.js';

const program = new Command('phi-accrual')
  .description('Feed it heartbeats; it tells you how likely each peer has failed.')
  .version(packageJson.version)
  .exitOverride()
  .configureOutput({ outputError: () => {} })
  .showSuggestionAfterError(false);

addDemo(program);
addBeat(program);
addWatch(program);
addServe(program);
addRun(program);
addTune(program);
addRecord(program);
addReplay(program);

/** Bad arguments are one line and exit code 2. */
function fail(message: string, code: number): void {
  const line = message.replace(/^error: /, '').split('\n')[0];
  process.stderr.write(`phi-accrual: ${printable(line, ' ')}\n`);
  process.exitCode = code;
}

try {
  if (process.argv.length === 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version come as such errors too, with code 0.
    if (error.exitCode !== 0) fail(error.message, 2);
  } else if (error instanceof UsageError) {
    fail(error.message, 2);
  } else {
    fail(error instanceof Error ? error.message : String(error), 1);
  }
}
