/**
 * A benchmark in parts, each in a process of its own: what V8 compiles depends on what it has seen
 * before, and memory that was used once is not always given back.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { report } from './report.mjs';

const PART = '--part=';
const ONLY = '--only=';
const flag = (name) =>
  process.argv.find((argument) => argument.startsWith(name))?.slice(name.length);

function inProcess(url, part) {
  const args = [...process.argv.slice(2), PART + part];
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
 * module `url`, and reports all their rows under one title. `--only=TEXT` measures the parts whose
 * names contain it; `--list` measures nothing and tells the parent process their names.
 */
export async function reportParts(url, title, parts, measure) {
  const mine = flag(PART);
  if (mine !== undefined) {
    process.send(await measure(parts[mine], mine));
    return;
  }
  const text = flag(ONLY) ?? '';
  const names = Object.keys(parts).filter((name) => name.includes(text));
  if (process.argv.includes('--list')) {
    process.send(names);
    return;
  }
  const rows = [];
  for (const name of names) rows.push(...(await inProcess(url, name)));
  report(title, rows);
}
