/** `phi-accrual run` acts on all that its command has started, as on one. Linux only. */
import { describe, expect, it, vi } from 'vitest';
import { statOf } from '../../src/cli/run/processes.js';
import { freePort, lives, PATIENCE, Runs } from '../support/supervised.js';

const runs = new Runs();

/** A server whose main loop stops turning at /block; says its pid, and what it hears. */
const SERVER = `
const { createServer } = require('node:http');
const [port, what] = process.argv.slice(2);
if (what === 'ignore') process.on('SIGTERM', () => console.log('heard TERM'));
process.on('uncaughtException', (error) => { console.log(error.code); process.exit(1); });
createServer((request, answer) => {
  if (request.url === '/block') for (;;);
  if (request.url === '/exit') process.exit(1);
  answer.end(String(process.pid));
  console.log('answered ' + process.pid);
}).listen(port, '127.0.0.1', () => console.log('serves ' + process.pid));
`;

const served = (output: string) => [...output.matchAll(/serves (\d+)/g)].map(([, pid]) => +pid);
/** It waits for its answer, or for the end of the server: given up early, it might never arrive. */
const ask = (port: number, path: string) =>
  fetch(`http://127.0.0.1:${port}${path}`)
    .then((answer) => answer.text())
    .catch(() => undefined);

const node = process.execPath;
const quoted = (...words: (string | number)[]) => words.map((word) => `'${word}'`).join(' ');

/** How a command may hide the server that it starts: the name of it, and the command. */
const WRAPPED: [string, (server: string, port: number) => string[]][] = [
  ['npm start', () => ['npm', 'start', '--silent']],
  ['a shell that waits', (server, port) => ['sh', '-c', `${quoted(node, server, port)} & wait`]],
  [
    'a server that has left the group',
    (server, port) => ['sh', '-c', `setsid ${quoted(node, server, port)} & wait`],
  ],
  [
    'a server that was forked twice and belongs to nobody',
    (server, port) => ['sh', '-c', `(setsid ${quoted(node, server, port)} &) ; sleep 1000`],
  ],
  [
    'a server with an environment of its own',
    (server, port) => ['sh', '-c', `env -i PATH="$PATH" ${quoted(node, server, port)} & wait`],
  ],
];

describe.runIf(process.platform === 'linux')('run, and what its command has started', () => {
  it.each(WRAPPED)('restarts %s whose main loop is blocked, down to the server', async (_, by) => {
    const port = await freePort();
    const server = runs.program('server.cjs', SERVER);
    runs.program(
      'package.json',
      JSON.stringify({ name: 'x', scripts: { start: `node ${quoted(server, port)}` } }),
    );
    const env = { npm_config_prefix: '', INIT_CWD: '' };
    const run = runs.run(
      ['--http', `http://127.0.0.1:${port}/`],
      ['sh', '-c', `cd '${runs.folder}' && exec "$@"`, 'sh', ...by(server, port)],
      env,
    );
    await vi.waitUntil(() => served(run.output).length >= 1, PATIENCE);
    // Only who was heard can fall silent: a probe was answered, and has come back.
    await vi.waitUntil(() => (run.output.match(/answered/g)?.length ?? 0) > 2, PATIENCE);
    const before = served(run.output).length;
    void ask(port, '/block');
    await vi.waitUntil(() => served(run.output).length > before, PATIENCE);
    expect(served(run.output).slice(0, before).filter(lives)).toEqual([]);
    expect(run.output).not.toMatch(/EADDRINUSE/);
    expect(await ask(port, '/')).toBe(String(served(run.output).at(-1)));
    run.kill('SIGTERM');
    await run.exited;
    expect(served(run.output).filter(lives)).toEqual([]);
    expect(run.all).toEqual([]);
  });

  it('ends what a command has left before it starts it again', async () => {
    const port = await freePort();
    const server = runs.program('server.cjs', SERVER);
    // The server holds the output as well, and does not mind SIGTERM.
    const left = `${quoted(node, server, port, 'ignore')} & sleep 0.5; kill -9 $$`;
    const run = runs.run([], ['sh', '-c', left]);
    await vi.waitUntil(() => served(run.output).length >= 2, PATIENCE);
    expect(run.output).toMatch(/heard TERM/);
    expect(run.output).not.toMatch(/EADDRINUSE/);
    run.kill('SIGTERM');
    await run.exited;
    expect(run.all).toEqual([]);
  });

  it('ends what a command has left that is done', async () => {
    const run = runs.run([], ['sh', '-c', 'sleep 1000 & (setsid sleep 1001 &) ; exit 0']);
    expect(await run.exited).toMatchObject({ code: 0 });
    expect(run.all).toEqual([]);
  });

  it.each(['SIGKILL', 'SIGSEGV'] as const)(
    'leaves nothing behind when it is itself ended by %s',
    async (signal) => {
      const port = await freePort();
      const server = runs.program('server.cjs', SERVER);
      const command = `${quoted(node, server, port, 'ignore')} & setsid sleep 1000 & wait`;
      const run = runs.run([], ['sh', '-c', command]);
      await vi.waitUntil(() => served(run.output).length === 1, PATIENCE);
      run.kill(signal);
      await vi.waitUntil(() => run.all.length === 0, PATIENCE);
      await run.exited;
      expect(run.output).toMatch(/heard TERM/); // it was asked first
    },
  );

  it('gives all of them the grace, and ends them at once when it is told a second time', async () => {
    const trap = 'trap "echo shell heard" TERM; while :; do sleep 0.1; done';
    const run = runs.run(['--grace', '1000'], ['sh', '-c', `sh -c '${trap}' & ${trap}`]);
    await run.starts(1);
    await new Promise((resolve) => setTimeout(resolve, 500)); // the traps are set
    run.kill('SIGTERM');
    await vi.waitUntil(() => run.output.match(/shell heard/g)?.length === 2, PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 300));
    run.kill('SIGTERM');
    expect(await run.exited).toMatchObject({ code: 137 });
    expect(run.all).toEqual([]);
  });

  it('stops and continues with its command, as at Ctrl-Z', async () => {
    const run = runs.run([], ['sh', '-c', 'sleep 1000 & wait']);
    await run.starts(1);
    const [pid] = run.pids;
    const states = (letter: string) =>
      vi.waitUntil(
        () => [pid, run.child.pid ?? 0].every((each) => statOf(each)?.state === letter),
        PATIENCE,
      );
    run.kill('SIGTSTP');
    await states('T');
    await new Promise((resolve) => setTimeout(resolve, 1500)); // longer than the pause
    run.kill('SIGCONT');
    await states('S');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(run.pids).toEqual([pid]);
  });

  it('leaves others alone with --no-kill-group', async () => {
    const command = ['sh', '-c', 'setsid sleep 1000 >/dev/null 2>&1 & echo other $!; wait'];
    const run = runs.run(['--no-kill-group'], command);
    const other = Number((await run.says(/other (\d+)/))[1]);
    // The command may say its line before run has said that it is started.
    await vi.waitUntil(() => run.pids.length > 0, PATIENCE);
    expect(statOf(run.pids[0])?.group).toBe(statOf(run.child.pid ?? 0)?.group);
    run.kill('SIGTERM');
    expect(await run.exited).toMatchObject({ code: 143 });
    expect(lives(other)).toBe(true);
  });

  it('goes on when nobody reads what it says', async () => {
    const run = runs.run(['--restart', 'always'], ['sh', '-c', 'sleep 0.1']);
    run.child.stderr?.destroy();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(run.child.exitCode).toBe(null);
    run.kill('SIGTERM');
    await vi.waitUntil(() => run.child.exitCode !== null || run.child.signalCode, PATIENCE);
    expect(run.all).toEqual([]);
  });
});
