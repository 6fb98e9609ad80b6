/** `phi-accrual tune`: settings for a network, from a trace of it. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { type ModelName, modelNames } from '../index.js';
import { parseMs, parseRate } from './arguments.js';
import type { TuneArguments } from './tune-file.js';

export function addTune(program: Command): void {
  program
    .command('tune')
    .description('Find settings for a network, from a recorded trace of it.')
    .argument('<trace>', 'a CSV file, gzipped or not, as `phi-accrual record` writes it')
    .option('--max-mistakes <rate>', 'that are tolerated, e.g. 1/day or 10/hour', parseRate)
    .option('--detect-within <ms>', 'in which 99 of 100 crashes are to be detected', parseMs)
    .option('--models <names>', `of ${modelNames.join(', ')}; all by default`, parseModels)
    .option('--report <file>', 'write a page with charts, overwriting it')
    .option('--json', 'print the report as JSON')
    .action(async (path: string, options: TuneArguments) => {
      const { tuneFile } = await import('./tune-file.js');
      await tuneFile(path, options);
    });
}

function parseModels(text: string): ModelName[] {
  const names = text.split(',') as ModelName[];
  const known = names.every((name) => modelNames.includes(name));
  if (!known) throw new InvalidArgumentError(`Expected some of ${modelNames.join(', ')}.`);
  return names;
}
