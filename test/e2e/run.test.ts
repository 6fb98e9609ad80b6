/** `phi-accrual run` and `beat --registry`: real children that crash, freeze, block and end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { RegistryClient } from '../../src/registry/index.js';
import { startService } from '../../src/registry/service/index.js';
import { cli, Running } from '../support/processes.js';

/** It does what its argument says, and says its pid. */
const PROGRAM = `
const [what, code] = process.argv.slice(2);
const stay = setInterval(() => {}, 1000);
process.on('SIGUSR2', () => console.log('usr2'));
if (what === 'exit') setTimeout(() => process.exit(Number(code)), 300);
if (what === 'leave') { clearInterval(stay); process.removeAllListeners('SIGUSR2'); }
if (what === 'block') setTimeout(() => { for (;;); }, 1000);
if (what === 'tidy') process.on('SIGINT', () => { console.log('tidied'); process.exit(9); });
// Once it hears signals.
console.log('pid ' + process.pid + ' options ' + (process.env.NODE_OPTIONS ?? 'none'));
`;

let folder = '';
let program = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'phi run ')); // with a space
  program = join(folder, 'program.cjs');
  writeFileSync(program, PROGRAM);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const FAST = ['--interval', '50', '--pause', '1000', '--delay', '50', '--grace', '1'];

function run(options: string[], command: string[]): Running {
  const running = new Running([cli, 'run', ...FAST, ...options, '--', ...command]);
  open.push({
    async close() {
      for (const pid of pids(running)) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // gone already, as it should
        }
      }
      running.kill('SIGKILL');
      await running.exited;
    },
  });
  return running;
}

const pids = ({ output }: Running): number[] =>
  [...output.matchAll(/: pid (\d+)/g)].map(([, pid]) => Number(pid));

const lives = (n: number, running: Running) =>
  vi.waitUntil(() => pids(running).length >= n, { timeout: 50_000, interval: 20 });

const ours = (what: string, ...more: string[]) => [process.execPath, program, what, ...more];

describe('run', () => {
  it('starts a child anew that was killed, and one that is frozen', async () => {
    const running = run([], ours('stay'));
    await running.says(/pid \d+ options none/); // what was preloaded does not spread
    process.kill(pids(running)[0], 'SIGKILL');
    await lives(2, running);
    expect(running.output).toMatch(/was ended by SIGKILL/);
    await vi.waitUntil(() => running.output.match(/options none/g)?.length === 2, 50_000);
    process.kill(pids(running)[1], 'SIGSTOP');
    await lives(3, running);
    expect(running.output).toMatch(/: dead\n.*SIGTERM/);
  });

  it('starts a child anew that is frozen before it can beat', async () => {
    const running = run([], ours('stay'));
    await lives(1, running);
    process.kill(pids(running)[0], 'SIGSTOP');
    await lives(2, running);
    expect(running.output).toMatch(/: dead\n.*SIGTERM/);
  });

  it('starts a child anew whose main loop is blocked: a zombie', async () => {
    const running = run([], ours('block'));
    await lives(2, running);
    expect(running.output).toMatch(/: zombie\n/);
    expect(running.output).not.toMatch(/: dead\n/);
  });

  it('starts a child anew that ends at once with an error, again and again', async () => {
    const running = run(['--id', 'x'], ['sh', '-c', 'exit 3']);
    await lives(3, running);
    expect(running.output).toMatch(/x: ended with exit code 3/);
    running.kill('SIGTERM');
    expect((await running.exited).code).toBeGreaterThan(0);
  });

  it.each([
    ['exit code 0', [], ['exit', '0'], 0],
    ['nothing left to do', [], ['leave'], 0],
    ['an error, if asked not to restart', ['--restart', 'never'], ['exit', '7'], 7],
  ])('ends with the child: %s', async (_, options, what, code) => {
    const running = run(options, [process.execPath, program, ...what]);
    expect(await running.exited).toMatchObject({ code });
    expect(pids(running)).toHaveLength(1);
  });

  it('starts a child anew that ended well only with --restart always', async () => {
    const running = run(['--restart', 'always'], ours('exit', '0'));
    await lives(2, running);
  });

  it('hands signals on, and passes the exit code', async () => {
    const running = run([], ours('tidy'));
    await running.says(/options none/);
    running.kill('SIGUSR2');
    await running.says(/usr2/);
    running.kill('SIGINT');
    expect(await running.exited).toMatchObject({ code: 9 });
    expect(running.output).toMatch(/tidied/);
  });

  it('kills a child that does not end within the grace', async () => {
    const running = run([], ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done']);
    await running.says(/ready/);
    running.kill('SIGTERM');
    expect(await running.exited).toMatchObject({ code: 137 });
  });

  it('loads a program as Node alone would, by what hooks into require', async () => {
    const hook = join(folder, 'hook.cjs');
    writeFileSync(hook, "require.extensions['.odd'] = require.extensions['.js'];");
    const odd = join(folder, 'program.odd');
    writeFileSync(odd, `require.main === module && console.log('main');${PROGRAM}`);
    const running = run(['--restart', 'never'], [process.execPath, '-r', hook, odd, 'exit', '4']);
    await running.says(/^main$/m);
    expect(await running.exited).toMatchObject({ code: 4 });
  });

  it('watches a command that is not Node by its state, and its service by a probe', async () => {
    const running = run([], ['sleep', '1000']);
    await lives(1, running);
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.kill(pids(running)[0], 'SIGSTOP');
    await lives(2, running);

    const server = join(folder, 'server.cjs');
    const listen = 'setTimeout(() => server.listen(port, "127.0.0.1"), 100)';
    writeFileSync(
      server,
      `let n = 0; const port = Number(process.argv[2]);
       const server = require('node:http').createServer((_, answer) => {
         answer.statusCode = ++n > 20 ? 503 : 200; answer.end(); }); ${listen};`,
    );
    const probe = await startService({ port: 0, udpPort: false });
    const { port } = new URL(probe.url);
    await probe.close(); // a port that is free
    const http = run(['--http', `http://127.0.0.1:${port}/`], [process.execPath, server, port]);
    await lives(2, http);
    expect(http.output).toMatch(/: zombie\n/);
  });

  it('registers its child elsewhere as well, and takes it back at the end', async () => {
    const { url, registry, close } = await startService({ port: 0, udpPort: 0 });
    open.push({ close });
    const remote = ['--registry', url, '--service', 'web', '--address', 'h:1', '--id', 'w'];
    const running = run(remote, ours('stay'));
    await vi.waitUntil(() => registry.get('w')?.status === 'available', 50_000);
    expect(registry.route('web').targets).toMatchObject([{ id: 'w', address: 'h:1' }]);
    process.kill(pids(running)[0], 'SIGSTOP');
    await vi.waitUntil(() => registry.get('w')?.status === 'not-ready', 50_000);
    await vi.waitUntil(() => registry.get('w')?.status === 'available', 50_000);
    running.kill('SIGTERM');
    await running.exited;
    expect(registry.size).toBe(0);
  });

  it.each([
    [['run'], /missing required argument/],
    [['run', '--registry', 'http://x', '--', 'true'], /run: --registry needs --service/],
    [['run', '--registry', 'x', '--service', 's', '--', 'true'], /url: expected an http/],
    [['run', '--http', 'x', '--', 'true'], /--http: expected a URL/],
    [['run', '--tcp', 'x', '--', 'true'], /--tcp: expected 'host:port'/],
    [['run', '--restart', 'no', '--', 'true'], /--restart/],
    [['beat', '--id', 'a'], /expected --to or --registry/],
    [['beat', '--id', 'a', '--registry', 'http://x'], /--registry needs --service/],
    // What would be passed over in silence is a mistake.
    [['beat', '--id', 'a', '--to', 'h:1', '--service', 's'], /--to.* with option '--service/],
    [['beat', '--id', 'a', '--to', 'h:1', '--by', 'http'], /--to.* with option '--by/],
    [['run', '--service', 's', '--', 'true'], /--service and --address need --registry/],
  ])('%j is refused with one line and exit code 2', async (args, message) => {
    const running = new Running([cli, ...args]);
    expect(await running.exited).toMatchObject({ code: 2 });
    expect(running.output).toMatch(message);
    expect(running.output.trim().split('\n')).toHaveLength(1);
  });

  it('says what cannot be started, with the exit code of a shell', async () => {
    const running = run([], [join(folder, 'nothing')]);
    expect(await running.exited).toMatchObject({ code: 127 });
    expect(running.output).toMatch(/ENOENT/);
  });
});

describe('beat --registry', () => {
  it.each([
    ['udp', 'ok'],
    ['http', 'unused'],
  ])('registers, beats by %s, and leaves', async (by, threads) => {
    const { url, registry, close } = await startService({ port: 0, udpPort: 0 });
    open.push({ close });
    const args = ['beat', '--id', 'a', 'b', '--registry', url, '--service', 's', '--by', by];
    const running = new Running([cli, ...args, '--interval', '50', '--address', 'h:1']);
    open.push({ close: () => running.kill('SIGKILL') });
    const signals = { service: 'ok', process: threads };
    const beating = (id: string) =>
      vi.waitFor(() => expect(registry.get(id)?.signals).toEqual(signals), 50_000);
    await beating('a');
    await beating('b');
    expect(await new RegistryClient({ url }).instances('s')).toMatchObject([
      { address: 'h:1' },
      {},
    ]);
    running.kill('SIGSTOP');
    await vi.waitUntil(() => registry.get('a')?.status === 'dead', 50_000);
    running.kill('SIGCONT');
    await vi.waitUntil(() => registry.get('a')?.status === 'available', 50_000);
    running.kill('SIGINT');
    expect(await running.exited).toMatchObject({ code: 0 });
    expect(registry.size).toBe(0);
  });
});
