/** The command as people run it: real processes, real signals. Needs the build (npm ci makes it). */
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as library from '../../src/lab/lab.js';
import { cli, processesWith, Running, root } from '../support/processes.js';
import { textOf } from '../support/snippets.js';

const running: Running[] = [];
function run(...args: string[]): Running {
  const process = new Running([cli, ...args]);
  running.push(process);
  return process;
}
afterEach(async () => {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all(running.splice(0).map((process) => process.exited));
});

const gone = (text: string) =>
  vi.waitUntil(() => processesWith(text).length === 0, { timeout: 20_000, interval: 50 });

describe('phi-accrual demo', () => {
  it('kills, freezes and restarts real nodes, and sees it all', async () => {
    const demo = run('demo', '--port', '0');
    const [, url] = await demo.says(/^(http:\/\/127\.0\.0\.1:\d+)\n/); // the first line
    await demo.says(/5 processes beat every 200 ms/);
    expect((await fetch(url)).headers.get('content-type')).toMatch(/^text\/html/);
    await demo.says(/node-2 has registered anew[\s\S]*node-2 available φ/);
    demo.kill('SIGINT');
    expect(await demo.exited).toEqual({ code: 0, signal: null });
    const { output } = demo;
    // What was done to each node, and after it what was seen of it.
    const told = (pattern: RegExp) => {
      const at = output.search(pattern);
      expect(at, `${pattern} in:\n${output}`).toBeGreaterThan(-1);
      return at;
    };
    const killed = told(/→ node-2 killed \(SIGKILL, pid \d+\)/);
    const dead = output.indexOf('node-2 is suspect', killed);
    const anew = told(/→ node-2 started anew \(pid \d+\)/);
    const back = output.indexOf('node-2 has registered anew, generation 2', anew);
    expect(killed < dead && dead < anew && anew < back, output).toBe(true);
    const frozen = told(/→ node-4 frozen \(SIGSTOP, pid \d+\)/);
    const silent = output.indexOf('node-4 is suspect', frozen);
    const resumed = told(/→ node-4 resumed \(SIGCONT, pid \d+\)/);
    const well = output.indexOf('node-4 is available again', resumed);
    expect(frozen < silent && silent < resumed && resumed < well, output).toBe(true);
    told(/suspect: last heartbeat \d+ ms ago, predicted \d+\.\d\d ms ago/);
    told(/\d+ heartbeats, 0 malformed datagrams, \d+ suspicions, \d+ recoveries/);
    expect(processesWith(url)).toEqual([]);
  });

  it('ends by itself, with a summary', async () => {
    const demo = run('demo', '--port', '0', '--for', '1');
    expect(await demo.exited).toEqual({ code: 0, signal: null });
    expect(demo.output).toMatch(/\d+ heartbeats, \d+ malformed/);
    const [url] = demo.output.split('\n', 1);
    expect(processesWith(url)).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends at %s with nothing left', async (signal) => {
    const demo = run('demo', '--port', '0', '--no-script');
    const [, url] = await demo.says(/^(http:\S+)\n/);
    await demo.says(/node-5 available/);
    expect(processesWith(url).length).toBe(5);
    demo.kill(signal);
    expect(await demo.exited).toEqual({ code: 0, signal: null });
    expect(processesWith(url)).toEqual([]);
  });

  it('ends, with nothing left, when nobody reads its output any more', async () => {
    const demo = run('demo', '--port', '0', '--no-script');
    const [, url] = await demo.says(/^(http:\S+)\n/);
    await demo.says(/node-5 available/);
    demo.child.stdout?.destroy();
    demo.child.stderr?.destroy();
    await gone(url);
  });

  it('leaves no node behind when it is killed itself', async () => {
    const demo = run('demo', '--port', '0', '--nodes', '2', '--no-script');
    const [, url] = await demo.says(/^(http:\S+)\n/);
    await demo.says(/node-2 available/);
    demo.kill('SIGKILL');
    await demo.exited;
    await gone(url);
  });
});

describe('phi-accrual demo, asked for no port,', () => {
  it('takes a free one if the usual one is taken, and says which', async () => {
    const first = run('demo', '--nodes', '1', '--no-script');
    const [, one] = await first.says(/^(http:\S+)\n/);
    const second = run('demo', '--nodes', '1', '--no-script');
    const [, other] = await second.says(/^(http:\S+)\n/);
    expect(other).not.toBe(one);
  });
});

describe('phi-accrual watch and beat', () => {
  it('see a node come, freeze, return and die', async () => {
    const watch = run('watch', '--port', '0', '--interval', '100');
    const [, port] = await watch.says(/watching on udp 127\.0\.0\.1:(\d+), threshold φ 8/);
    const to = `127.0.0.1:${port}`;
    const beat = run('beat', '--id', 'mine', '--to', to, '--interval', '100', '--jitter', '0.1');
    await watch.says(/mine available/);
    beat.kill('SIGSTOP');
    await watch.says(/mine is suspect/);
    beat.kill('SIGCONT');
    await watch.says(/mine is available again/);
    beat.kill('SIGKILL');
    await watch.says(/mine is suspect[\s\S]*mine is suspect/);
    watch.kill('SIGINT');
    expect(await watch.exited).toEqual({ code: 0, signal: null });
    expect(watch.output).toMatch(/events came \d/);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'say that a node that ends by %s has left, and do not suspect it',
    async (signal) => {
      const watch = run('watch', '--port', '0', '--interval', '100');
      const [, port] = await watch.says(/watching on udp 127\.0\.0\.1:(\d+)/);
      const to = `127.0.0.1:${port}`;
      const beat = run('beat', '--id', 'mine', 'other', '--to', to, '--interval', '100');
      await watch.says(/mine available/);
      beat.kill(signal);
      expect((await beat.exited).code).toBe(0);
      await watch.says(/other has left[\s\S]*no peer is watched/);
      expect(watch.output).toContain('mine has left');
      expect(watch.output).not.toContain('is suspect');
    },
  );

  it('let no id move the cursor: such a datagram is malformed, and no node may have such an id', async () => {
    const watch = run('watch', '--port', '0', '--interval', '50');
    const [, port] = await watch.says(/udp 127\.0\.0\.1:(\d+)/);
    const evil = 'evil\u001b[2J\u0007';
    const numbers = Buffer.alloc(12);
    const head = Buffer.from([0xcf, 0x86, 1, 1, evil.length]);
    const socket = createSocket('udp4');
    const datagram = Buffer.concat([head, Buffer.from(evil), numbers]);
    await new Promise((done) => socket.send(datagram, Number(port), '127.0.0.1', done));
    socket.close();
    run('beat', '--id', 'fine', '--to', `127.0.0.1:${port}`, '--interval', '50');
    await watch.says(/fine available/);
    watch.kill('SIGTERM');
    await watch.exited;
    expect(watch.output).toContain('1 malformed');
    const beat = run('beat', '--id', evil, '--to', `127.0.0.1:${port}`);
    expect((await beat.exited).code).toBe(2);
    for (const control of ['\u001b', '\u0007']) {
      expect(watch.output + beat.output).not.toContain(control);
    }
  });

  it('say in one line that a monitor cannot be found', async () => {
    const beat = run('beat', '--id', 'a', '--to', 'nosuch.invalid:7946', '--for', '2');
    await beat.exited;
    expect(beat.output).toMatch(/^phi-accrual: nosuch\.invalid:7946: .+\n$/);
  });

  it('end by themselves after --for', async () => {
    const watch = run('watch', '--port', '0', '--for', '0.5');
    const beat = run('beat', '--id', 'a', 'b', '--to', '127.0.0.1:9', '--for', '0.3');
    expect((await watch.exited).code).toBe(0);
    expect((await beat.exited).code).toBe(0);
    expect(beat.output).toBe('');
  });

  it('say so in one line when the port is taken', async () => {
    const first = run('watch', '--port', '0');
    const [, port] = await first.says(/udp 127\.0\.0\.1:(\d+)/);
    const second = run('watch', '--port', port);
    expect((await second.exited).code).toBe(2);
    expect(second.output).toBe(`phi-accrual: 127.0.0.1:${port}: the port is in use\n`);
  });
});

describe('phi-accrual', () => {
  it.each([
    [['--help'], /Commands:[\s\S]*demo[\s\S]*beat[\s\S]*watch[\s\S]*record/],
    [[], /Usage: phi-accrual/],
    [['beat', '--help'], /--interval <ms>/],
    [['watch', '--help'], /--threshold <phi>/],
    [['demo', '--help'], /k kill/],
    [['record', '--help'], /--icmp <host>/],
    [['--version'], /^\d+\.\d+\.\d+\n$/],
  ])('%j tells a person what to do, exit code 0', async (args, pattern) => {
    const help = run(...args);
    expect((await help.exited).code).toBe(0);
    expect(help.output).toMatch(pattern);
  });

  it.each([
    [['frobnicate'], /frobnicate/],
    [['demo', 'extra'], /too many arguments/],
    [['demo', '--nodes', '12'], /--nodes.*'12'/],
    [['demo', '--for', '-1'], /--for/],
    [['demo', '--fro', '1'], /--fro/],
    [['beat', '--to', '127.0.0.1:1'], /--id/],
    [['beat', '--id', 'a'], /--to/],
    [['beat', '--id', 'a', '--to', 'nowhere'], /host:port/],
    [['beat', '--id', '', '--to', '127.0.0.1:1'], /id: expected/],
    [['watch', '--port', '70000'], /--port/],
    [['watch', '--host', '192.0.2.1', '--port', '0'], /192\.0\.2\.1/],
    [['watch', '--model', 'gauss'], /model/],
    [['watch', '--threshold', '0'], /--threshold/],
    [['record'], /file/],
    [['record', 'no/such/folder/a.csv', '--port', '0'], /no such file or directory/],
    [['record', 'a.csv', '--tcp', 'nowhere'], /--tcp.*host:port/],
    [['record', 'a.csv', '--http', 'ftp://localhost/'], /--http.*https?:/],
    [['record', 'a.csv', '--http', 'http://a', '--tcp', 'a:1'], /--http.*--tcp/],
    [['record', 'a.csv', '--tcp', 'a:1', '--port', '1'], /--tcp.*--port/],
    [['record', 'a.csv', '--interval', '5'], /--interval is for pings/],
    [['record', 'a.csv', '--timeout', '5'], /--timeout is for pings/],
    [['record', 'a.csv', '--head'], /--head needs --http/],
    [['record', 'a.csv', '--icmp', 'a', '--timeout', '20000'], /--timeout: at most 10000/],
    [['record', 'a.csv', '--icmp', 'nosuch.invalid'], /--icmp nosuch\.invalid: /],
    [['record', 'a.csv', '--icmp', '-f'], /--icmp/],
  ])('%j is one line and exit code 2', async (args, pattern) => {
    const wrong = run(...args);
    expect((await wrong.exited).code).toBe(2);
    expect(wrong.output).toMatch(pattern);
    expect(wrong.output).toMatch(/^phi-accrual: .+\n$/);
  });
});

describe('phi-accrual replay', () => {
  const trace = join(root, 'test/traces/netns_relay_wan_100ms.csv.gz');
  const fails = async (code: number, ...args: string[]) => {
    const replay = run('replay', ...args);
    expect(await replay.exited, replay.output).toEqual({ code, signal: null });
    expect(replay.output).toMatch(/^phi-accrual: .*\n$/);
    return replay.output;
  };

  it('says how well the detector did, as the library does', async () => {
    const replay = run('replay', trace);
    expect(await replay.exited, replay.output).toEqual({ code: 0, signal: null });
    const shown = textOf('docs/command-line.md').match(/^trace[.]csv: [^`]*/m)?.[0] ?? '';
    expect(replay.output.replace(trace, 'trace.csv')).toContain(shown);
    expect(shown.length).toBeGreaterThan(300);
  });

  it('says the same as JSON, with every option', async () => {
    const flags =
      '--threshold 5 --model logistic --interval 100 --pause 10 --min-std-dev 20 ' +
      '--window 500 --learn always --max-silence 900 --json';
    const replay = run('replay', trace, ...flags.split(' '));
    expect(await replay.exited, replay.output).toEqual({ code: 0, signal: null });
    const { options, score } = JSON.parse(replay.output);
    expect(options).toEqual({
      threshold: 5,
      model: 'logistic',
      heartbeatInterval: 100,
      acceptablePause: 10,
      minStdDev: 20,
      windowSize: 500,
      learn: 'always',
      maxSilence: 900,
    });
    expect(score).toEqual(await library.replay(await library.readTrace(trace), options));
  });

  it('says what is wrong in one line', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'phi-replay-'));
    const file = join(folder, 'bad.csv');
    writeFileSync(file, 'seq,send_ms,recv_ms\n0,,0\n1,,soon\n');
    expect(await fails(1, file)).toContain(`${file}: line 3: recv_ms: expected`);
    writeFileSync(file, 'seq,send_ms,recv_ms\n0,,0\n');
    expect(await fails(1, file)).toContain('trace: expected');
    rmSync(folder, { recursive: true });
    expect(await fails(1, file)).toContain(`${file}: no such file`);
    expect(await fails(2)).toContain('trace');
    expect(await fails(2, trace, '--model', 'bayes')).toContain('bayes');
    expect(await fails(2, trace, '--threshold', '-1')).toContain('--threshold');
    expect(await fails(2, trace, '--window', '0')).toContain('--window');
  });
});
