/**
 * A benchmark in parts, each in a process of its own: what V8 compiles depends on what it has seen
 * before, and memory that was used once is not always given back.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { report } from './report.mjs';

const FLAG = '--part=';

function inProcess(url, part) {
  const args = [...process.argv.slice(2), FLAG + part];
  const child = fork(fileURLToPath(url), args, { execArgv: process.execArgv });
  let rows;
  child.on('message', (message) => {
    rows = message;
  });
  return once(child, 'exit').then(([code]) => {
    if (code !== 0 || rows === undefined) throw new Error(`${part}: ended with code ${code}`);
    return rows;
  });
}

/**
 * Calls `measure(part, name)` for each entry of `parts`, each in a fresh process that runs the
 * module `url`, and reports all their rows under one title.
 */
export async function reportParts(url, title, parts, measure) {
  const mine = process.argv.find((argument) => argument.startsWith(FLAG))?.slice(FLAG.length);
  if (mine !== undefined) {
    process.send(await measure(parts[mine], mine));
    return;
  }
  const rows = [];
  for (const name of Object.keys(parts)) rows.push(...(await inProcess(url, name)));
  report(title, rows);
}
