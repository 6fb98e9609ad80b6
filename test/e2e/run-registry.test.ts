/** `phi-accrual run --registry`: where its command is routed, and from when to when. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import { startService } from '../../src/registry/service/index.js';
import { cli } from '../support/processes.js';
import { freePort, lives, PATIENCE, type Run, Runs } from '../support/supervised.js';

const runs = new Runs();

/** Listens after a while, ends at /exit, and says what it hears. */
const SERVER = `
const { createServer } = require('node:http');
const [port, wait] = process.argv.slice(2);
process.on('SIGTERM', () => { console.log('heard TERM'); process.exit(7); });
const server = createServer((request, answer) => {
  if (request.url === '/exit') process.exit(1);
  answer.end('served');
});
setTimeout(() => server.listen(port, '127.0.0.1', () => console.log('serves')), Number(wait));
`;

/**
 * A registry, and a server that is registered there as 'w' of 'web'. On a busy machine the registry
 * would suspect `run` itself now and then: only what it is told counts here.
 */
async function served(options: string[], wait = 0) {
  const { url, registry, close } = await startService({
    ...{ port: 0, udpPort: 0 },
    registry: { detector: { acceptablePause: 600_000 } },
  });
  runs.closes({ close });
  const port = await freePort();
  const server = runs.program('server.cjs', SERVER);
  const at = `http://127.0.0.1:${port}`;
  const remote = ['--registry', url, '--service', 'web', '--id', 'w', '--address', at];
  /** What it had said when it came into the route, and when it left it. */
  const said: string[] = [];
  let run: Run | undefined;
  let isRouted = false;
  registry.on('change', ({ kind, instance }) => {
    const routed = kind !== 'deregistered' && instance.routable;
    if (routed !== isRouted) said.push(`${routed ? 'in' : 'out'}: ${run?.output}`);
    isRouted = routed;
  });
  run = runs.run([...remote, ...options], [process.execPath, server, String(port), String(wait)]);
  return { registry, run, at, said, probe: `${at}/` };
}

describe('run --registry', () => {
  it.each([
    ['its probe is answered', true, /serves/],
    ['its main loop beats', false, /pid \d+/],
  ])('has nobody routed to its command before %s', async (_, probed, before) => {
    const port = await freePort();
    const http = probed ? ['--http', `http://127.0.0.1:${port}/`] : [];
    const { url, registry, close } = await startService({ port: 0, udpPort: 0 });
    runs.closes({ close });
    const server = runs.program('server.cjs', SERVER);
    const remote = ['--registry', url, '--service', 'web', '--id', 'w', '--address', 'h:1'];
    let outputs = '';
    registry.on('change', ({ instance }) => {
      if (instance.routable) outputs ||= run.output;
    });
    const run = runs.run(
      [...remote, ...http],
      [process.execPath, server, String(port), probed ? '1500' : '0'],
    );
    await vi.waitUntil(() => registry.get('w')?.routable, PATIENCE);
    expect(outputs).toMatch(before);
  });

  it('takes a command out of the route that has ended, long before anybody could suspect it', async () => {
    // A suspicion would take a minute at least, by `run` as by the registry.
    const { registry, run, at, said } = await served(['--delay', '2000', '--pause', '60000']);
    await vi.waitUntil(() => registry.get('w')?.routable && /serves/.test(run.output), PATIENCE);
    await fetch(`${at}/exit`).catch(() => {});
    await vi.waitUntil(() => said.length === 2, PATIENCE);
    expect(registry.get('w')?.status).toBe('not-ready');
    expect(said[1]).not.toMatch(/restart 1/); // it was not there again yet
    await vi.waitUntil(() => registry.get('w')?.routable && run.pids.length === 2, PATIENCE);
    expect(run.output).toMatch(/w: ended with exit code 1\n.*w: restart 1 \(exit 1\)\n/);
  });

  it('takes its command out of the route before it is told to end', async () => {
    const { registry, run, said } = await served(['--drain', '500']);
    await vi.waitUntil(() => registry.get('w')?.routable && /serves/.test(run.output), PATIENCE);
    run.kill('SIGTERM');
    expect(await run.exited).toMatchObject({ code: 7 });
    expect(run.output).toMatch(/heard TERM/);
    expect(said.map((each) => each.slice(0, 3))).toEqual(['in:', 'out']);
    expect(said[1]).not.toMatch(/heard TERM/);
    expect(registry.size).toBe(0);
  });

  it('waits no longer when it is told to end a second time', async () => {
    const { registry, run } = await served(['--drain', '2000000000']);
    await vi.waitUntil(() => registry.get('w')?.routable && /serves/.test(run.output), PATIENCE);
    run.kill('SIGTERM');
    await vi.waitUntil(() => registry.get('w')?.draining, PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 300));
    run.kill('SIGTERM');
    expect(await run.exited).toMatchObject({ code: 137 });
    expect(run.output).not.toMatch(/heard TERM/);
  });

  it('ends its command when another registers the id, with an exit code of its own', async () => {
    const { registry, run } = await served([]);
    await vi.waitUntil(() => registry.get('w')?.routable && /serves/.test(run.output), PATIENCE);
    const other = registry.register({ id: 'w', service: 'web', address: 'h:2' });
    expect(await run.exited).toMatchObject({ code: 120 });
    expect(run.output).toMatch(/heard TERM/);
    expect(run.pids.filter(lives)).toEqual([]);
    expect(other.isValid()).toBe(true);
  });
});

describe('run', () => {
  it('gives up when no restart is left, with an exit code of its own', async () => {
    const run = runs.run(['--max-restarts', '2/1h', '--id', 'x'], ['sh', '-c', 'exit 3']);
    expect(await run.exited).toMatchObject({ code: 121 });
    expect(run.pids).toHaveLength(3);
    expect(run.output).toMatch(/x: restarted 2 times \(exit 2\)/);
  });

  const isolated = ['--pid', '--fork', '--mount-proc', '--kill-child'];
  const canIsolate = spawnSync('unshare', [...isolated, 'true']).status === 0;

  it.runIf(canIsolate)('says as pid 1 that somebody has to reap orphans', () => {
    const command = [process.execPath, cli, 'run', '--', 'sh', '-c', '(sleep 0.1 &); exit 4'];
    const options = ['--restart', 'never'];
    command.splice(3, 0, ...options);
    const { status, stderr } = spawnSync('unshare', [...isolated, ...command]);
    expect(String(stderr)).toMatch(/pid 1.*--init/);
    expect(status).toBe(4);
  });
});
