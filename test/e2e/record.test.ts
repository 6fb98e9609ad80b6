/** `phi-accrual record` as people run it, and what can be read of it. Needs the build. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readTrace, type Trace } from '../../src/lab/lab.js';
import { cli, Running } from '../support/processes.js';

let folder = '';
const running: Running[] = [];
const servers: { server: Server; sockets: Set<Socket> }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'phi-record-'));
});
afterEach(async () => {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all(running.splice(0).map((process) => process.exited));
  await Promise.all(servers.splice(0).map(stop));
  rmSync(folder, { recursive: true });
});

const run = (args: readonly string[], env = process.env): Running => {
  const started = new Running([cli, ...args], { env });
  running.push(started);
  return started;
};
const file = (name = 'trace.csv') => join(folder, name);
const beat = (port: string, ...ids: string[]) =>
  run(['beat', '--id', ...ids, '--to', `127.0.0.1:${port}`, '--interval', '20']);

function stop({ server, sockets }: { server: Server; sockets: Set<Socket> }): Promise<unknown> {
  for (const socket of sockets) socket.destroy();
  return new Promise((resolve) => server.close(resolve));
}

async function listen(server: Server) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const opened = { server, sockets, port: (server.address() as AddressInfo).port };
  servers.push(opened);
  return opened;
}

/** Reads the trace while it is written, until there is in it what is wanted. */
async function traceWith(path: string, enough: (trace: Trace) => boolean): Promise<Trace> {
  let trace: Trace | undefined;
  await vi.waitUntil(
    async () => {
      // While there is a header alone the trace is empty, which is an error to a reader.
      trace = await readTrace(path).catch(() => undefined);
      return trace !== undefined && enough(trace);
    },
    { timeout: 30_000, interval: 30 },
  );
  return trace as Trace;
}

const names = (trace: Trace) => trace.sessions.map(({ session }) => session).sort();

describe('phi-accrual record', () => {
  it('records every peer that beats, and a restarted one as another session', async () => {
    const record = run(['record', file(), '--port', '0']);
    const [, port] = await record.says(/recording heartbeats on udp 127\.0\.0\.1:(\d+) into /);
    const first = beat(port, 'a', 'odd, "one"');
    await traceWith(file(), ({ heartbeats }) => heartbeats >= 40);
    first.kill('SIGKILL');
    await first.exited;
    beat(port, 'a');
    await traceWith(file(), ({ sessions }) => sessions.length === 3);
    record.kill('SIGINT');
    expect(await record.exited).toEqual({ code: 0, signal: null });
    const trace = await readTrace(file());
    expect(names(trace)).toEqual(['a', 'a#2', 'odd, "one"']);
    expect(trace.truncated).toBe(false);
    expect(record.output).toContain(`${trace.heartbeats} heartbeats · 2 peers · 3 sessions`);
    for (const { seq, sendMs, recvMs } of trace.sessions) {
      expect(recvMs[0]).toBe(0);
      expect(sendMs.every(Number.isNaN)).toBe(true);
      expect([...recvMs].every((at, i) => i === 0 || at >= recvMs[i - 1])).toBe(true);
      expect([...seq].every((n, i) => i === 0 || n > seq[i - 1])).toBe(true);
    }
  });

  it.each(['trace.csv', 'trace.csv.gz'])('loses nothing of %s when it is killed', async (name) => {
    const record = run(['record', file(name), '--port', '0']);
    const [, port] = await record.says(/udp 127\.0\.0\.1:(\d+)/);
    const node = beat(port, 'a', 'b');
    await traceWith(file(name), ({ heartbeats }) => heartbeats >= 60);
    node.kill('SIGSTOP');
    // What was sent before it stopped is in the file without any further event.
    let before = -1;
    await vi.waitUntil(
      async () => {
        const { heartbeats } = await readTrace(file(name));
        const still = heartbeats === before;
        before = heartbeats;
        return still;
      },
      { timeout: 20_000, interval: 400 },
    );
    record.kill('SIGKILL');
    await record.exited;
    const trace = await readTrace(file(name));
    expect(trace.heartbeats).toBe(before);
    for (const { heartbeats, seq } of trace.sessions) {
      expect(seq[heartbeats - 1] - seq[0]).toBe(heartbeats - 1);
    }
  });

  it('can be read wherever in a flood it is killed', async () => {
    const record = run(['record', file('flood.csv.gz'), '--port', '0']);
    const [, port] = await record.says(/udp 127\.0\.0\.1:(\d+)/);
    const ids = Array.from({ length: 60 }, (_, i) => `node-${i}`);
    run(['beat', '--id', ...ids, '--to', `127.0.0.1:${port}`, '--interval', '1']);
    await vi.waitUntil(() => statSync(file('flood.csv.gz')).size > 40_000, { timeout: 30_000 });
    record.kill('SIGKILL');
    await record.exited;
    const trace = await readTrace(file('flood.csv.gz'));
    expect(names(trace)).toEqual([...ids].sort());
    for (const { seq } of trace.sessions) {
      expect([...seq].every((n, i) => i === 0 || n > seq[i - 1])).toBe(true);
    }
  });

  it('says what became of HTTP pings: answered, hanging, dead', async () => {
    let mode: 'well' | 'hangs' = 'well';
    const http = await listen(
      createHttp((request, response) => {
        if (mode === 'well') response.writeHead(request.url === '/up?key=1' ? 503 : 404).end('no');
      }),
    );
    const url = `http://user:secret@127.0.0.1:${http.port}/up?key=1`;
    const record = run(['record', file(), '--http', url, '--interval', '50', '--timeout', '300']);
    const answered = ({ sessions }: Trace) => [...sessions[0].recvMs].filter((at) => at >= 0);
    const lost = ({ heartbeats, sessions }: Trace) =>
      heartbeats - answered({ sessions } as Trace).length;
    await traceWith(file(), (trace) => answered(trace).length >= 5);
    mode = 'hangs';
    await traceWith(file(), (trace) => lost(trace) >= 4);
    await stop(http);
    await vi.waitUntil(async () => lost(await readTrace(file())) >= 20, { timeout: 30_000 });
    record.kill('SIGTERM');
    expect((await record.exited).code).toBe(0);
    expect(record.output).toMatch(/answers: \d+ status 503\n/);
    expect(record.output).toMatch(/lost: (?=.*\d+ timed out)(?=.*\d+ ECONNREFUSED)/);
    const trace = await readTrace(file());
    // Passwords and tokens are not for traces.
    expect(names(trace)).toEqual([`http://127.0.0.1:${http.port}/up`]);
    const [{ heartbeats, seq, sendMs, recvMs }] = trace.sessions;
    expect([...seq].sort((a, b) => a - b)).toEqual(Array.from({ length: heartbeats }, (_, i) => i));
    expect(sendMs.some(Number.isNaN)).toBe(false);
    expect(sendMs[seq.indexOf(0)]).toBe(0);
    expect([...recvMs].every((at, i) => !(at < sendMs[i]))).toBe(true);
    expect([...recvMs].every((at, i) => !(at - sendMs[i] > 10_000))).toBe(true);
  });

  it('records TCP pings to a server that dies midway', async () => {
    const tcp = await listen(createTcp());
    const record = run(['record', file(), '--tcp', `127.0.0.1:${tcp.port}`, '--interval', '20']);
    await traceWith(file(), ({ heartbeats }) => heartbeats >= 10);
    await stop(tcp);
    await traceWith(
      file(),
      ({ sessions: [{ recvMs }] }) => recvMs.filter(Number.isNaN).length >= 5,
    );
    record.kill('SIGINT');
    expect((await record.exited).code).toBe(0);
    expect(record.output).toMatch(/\d+ pings · \d+ answered · \d+ lost · \d/);
    const [{ session, recvMs }] = (await readTrace(file())).sessions;
    expect(session).toBe(`127.0.0.1:${tcp.port}`);
    expect(recvMs[0]).toBeGreaterThanOrEqual(0);
    expect(recvMs.at(-1)).toBeNaN();
  });
});

describe('phi-accrual record --icmp', () => {
  const hasPing = spawnSync('ping', ['-n', '-c', '1', '127.0.0.1']).status === 0;
  if (!hasPing) console.log('There is no ping that works here: the test of a real one is skipped.');

  it.skipIf(!hasPing)('pings the loopback', async () => {
    const record = run(['record', file(), '--icmp', '127.0.0.1', '--interval', '100']);
    await traceWith(file(), ({ heartbeats }) => heartbeats >= 5);
    record.kill('SIGINT');
    expect((await record.exited).code, record.output).toBe(0);
    const [{ session, sendMs, recvMs }] = (await readTrace(file())).sessions;
    expect(session).toBe('127.0.0.1');
    expect(recvMs.some(Number.isNaN)).toBe(false);
    expect([...recvMs].every((at, i) => at >= sendMs[i])).toBe(true);
  });

  /** An environment whose `ping` is a script of the test's own. */
  function withPing(script: string): NodeJS.ProcessEnv {
    writeFileSync(join(folder, 'ping'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, 'ping'), 0o755);
    return { ...process.env, PATH: folder };
  }
  const icmp = (env: NodeJS.ProcessEnv, ...more: string[]) =>
    run(['record', file(), '--icmp', '127.0.0.1', '--interval', '50', ...more], env);

  it('says so when there is no ping', async () => {
    const record = icmp({ ...process.env, PATH: folder });
    expect((await record.exited).code).toBe(2);
    expect(record.output).toBe(
      'phi-accrual: --icmp 127.0.0.1: there is no command ping on this system\n',
    );
    expect(existsSync(file())).toBe(false);
  });

  it('says so when it is not permitted', async () => {
    const record = icmp(withPing('echo "ping: socket: Operation not permitted" >&2; exit 2'));
    expect((await record.exited).code).toBe(2);
    expect(record.output).toMatch(/^phi-accrual: .*ping failed: ping: socket: Operation not perm/);
    expect(existsSync(file())).toBe(false);
  });

  it('counts why pings are lost, and kills one that does not end', async () => {
    // The n-th call, of which the first is the trial: an answer, an ICMP error, then silence.
    const record = icmp(
      withPing(`
        echo . >> ${folder}/calls
        n=0; while read -r _; do n=$((n + 1)); done < ${folder}/calls
        case $n in
          1|2) echo "64 bytes from 127.0.0.1: seq=0 ttl=64 time=0.040 ms" ;;
          3) echo "From 192.0.2.2 icmp_seq=1 Destination Host Unreachable"; exit 1 ;;
          *) while :; do read -r _ < ${folder}/ping; done ;;
        esac`),
      '--interval',
      '600',
      '--timeout',
      '400',
    );
    await traceWith(file(), ({ heartbeats }) => heartbeats >= 3);
    record.kill('SIGINT');
    expect((await record.exited).code).toBe(0);
    expect(record.output).toMatch(/lost: (?=.*1 Destination Host Unreachable)(?=.*\d timed out)/);
    expect(readFileSync(file(), 'utf8')).toMatch(/^127\.0\.0\.1,0,[\d.]+,[\d.]+\n/m);
  });
});

describe('the file of phi-accrual record', () => {
  it('is not overwritten unless that is asked for', async () => {
    writeFileSync(file(), 'precious');
    const refused = run(['record', file(), '--port', '0']);
    expect((await refused.exited).code).toBe(2);
    expect(refused.output).toMatch(/: the file exists; --force overwrites it\n$/);
    expect(readFileSync(file(), 'utf8')).toBe('precious');
    const forced = run(['record', file(), '--port', '0', '--force', '--for', '0.2']);
    expect((await forced.exited).code).toBe(0);
    expect(readFileSync(file(), 'utf8')).toBe('session,seq,send_ms,recv_ms\n');
  });

  it('is not touched when there is nothing to record', async () => {
    writeFileSync(file(), 'precious');
    const other = run(['watch', '--port', '0']);
    const [, port] = await other.says(/udp 127\.0\.0\.1:(\d+)/);
    const record = run(['record', file(), '--port', port, '--force']);
    expect((await record.exited).code).toBe(2);
    expect(record.output).toBe(`phi-accrual: 127.0.0.1:${port}: the port is in use\n`);
    expect(readFileSync(file(), 'utf8')).toBe('precious');
  });

  it.skipIf(!existsSync('/dev/full'))('ends the command when it cannot be written', async () => {
    const { port } = await listen(createTcp());
    const pings = ['--tcp', `127.0.0.1:${port}`, '--interval', '20', '--for', '3600'];
    const record = run(['record', '/dev/full', '--force', ...pings]);
    expect((await record.exited).code).toBe(1);
    expect(record.output).toMatch(/phi-accrual: ENOSPC.*\n$/);
  });
});
