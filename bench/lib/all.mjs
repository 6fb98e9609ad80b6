/** Every benchmark, each in a fresh process, and the machine that they ran on. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { smoke } from './report.mjs';

export const BENCHMARKS = [
  'phi',
  'one-peer',
  'many-peers',
  'hot-path',
  'crossings',
  'memory',
  'garbage',
  'ingest',
  'growth',
  'replay',
  'models',
];

async function run(name) {
  const path = fileURLToPath(new URL(`../${name}.mjs`, import.meta.url));
  const child = fork(path, smoke ? ['--smoke'] : []);
  let found;
  child.on('message', (message) => {
    found = message;
  });
  const [code] = await once(child, 'exit');
  if (code !== 0 || found === undefined) throw new Error(`${name}: ended with code ${code}`);
  return { name, ...found };
}

/** @returns `{ date, node, machine, results: [{ name, title, rows }] }` */
export async function runAll(names = []) {
  const results = [];
  for (const name of names.length > 0 ? names : BENCHMARKS) results.push(await run(name));
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    machine: `${cpu.model}, ${cpus().length} cores, ${memory}, ${process.platform} ${process.arch}`,
    results,
  };
}
