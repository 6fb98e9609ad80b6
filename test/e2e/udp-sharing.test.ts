/** One UDP port in several processes of node:cluster, and its clock on runtimes other than Node. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Running, root } from '../support/processes.js';

const running: Running[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const each of running.splice(0)) each.kill('SIGKILL');
  for (const each of folders.splice(0)) rmSync(each, { recursive: true, force: true });
});

/** A program beside nothing, that imports the built package by its files. */
function program(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'phi-'));
  folders.push(folder);
  const path = join(folder, 'program.mjs');
  const dist = (name: string) => pathToFileURL(join(root, 'dist', `${name}.js`)).href;
  writeFileSync(
    path,
    source.replace(/'phi-accrual\/(\w+)'/g, (_, name) => `'${dist(name)}'`),
  );
  return path;
}

const SHARED = `
  import cluster from 'node:cluster';
  import { createSocket } from 'node:dgram';
  import { listenUdp } from 'phi-accrual/udp';
  if (cluster.isPrimary) {
    const free = createSocket('udp4').bind(0, '127.0.0.1', () => {
      const PORT = free.address().port;
      free.close(() => {
        cluster.fork({ PORT }).once('message', () => {
          cluster.fork({ PORT }).once('message', (said) => {
            console.log('second: ' + said);
            for (const id in cluster.workers) cluster.workers[id].kill();
          });
        });
      });
    });
  } else {
    const sink = { heartbeat() {}, now: () => 0 };
    listenUdp(sink, { port: Number(process.env.PORT) }).then(
      () => process.send('listens as well'),
      (error) => process.send(error.code),
    );
  }
`;

/** Three nodes that beat each 200 ms: who is suspected while they do is counted. */
const BEATS = `
  import { startService } from 'phi-accrual/service';
  import { UdpSender } from 'phi-accrual/udp';
  const registry = { heartbeatInterval: 200 };
  const service = await startService({ port: 0, udpPort: 0, registry });
  let suspected = 0;
  service.registry.on('suspect', () => suspected++);
  const senders = ['a', 'b', 'c'].map((id) => {
    const lease = service.registry.register({ id, service: 's', address: '10.0.0.1:80' });
    const to = '127.0.0.1:' + service.udpPort;
    return new UdpSender({ id, to, interval: 200, incarnation: lease.generation });
  });
  setTimeout(async () => {
    const statuses = service.registry.instances().map(({ status }) => status);
    console.log(suspected + ' suspected; ' + statuses);
    for (const sender of senders) sender.close();
    await service.close();
    process.exit(0);
  }, 4000);
`;

/** The binary of a runtime: that of an environment variable, or of the path. */
function runtime(name: string): string | undefined {
  const path = process.env[name.toUpperCase()] ?? name;
  try {
    execFileSync(path, ['--version'], { stdio: 'ignore' });
    return path;
  } catch {
    return undefined;
  }
}

describe('a UDP port', () => {
  it('is refused to a second worker of node:cluster, which would take a part of the heartbeats', async () => {
    const cluster = new Running([program(SHARED)]);
    running.push(cluster);
    const [, said] = await cluster.says(/second: (.+)/);
    expect(said).toBe('EADDRINUSE');
    await cluster.exited;
  });

  for (const name of ['node', 'bun', 'deno']) {
    const path = name === 'node' ? process.execPath : runtime(name);
    // Deno asks for permissions, and its `run` comes first.
    const flags = name === 'deno' ? ['run', '--allow-all', '--node-modules-dir=manual'] : [];
    it.skipIf(path === undefined)(`suspects no node that beats, on ${name}`, () => {
      const output = execFileSync(path as string, [...flags, program(BEATS)], {
        cwd: root,
        encoding: 'utf8',
        timeout: 50_000,
      });
      expect(output).toContain('0 suspected; available,available,available');
    });
  }
});
