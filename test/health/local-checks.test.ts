/** Checks of this machine and this process, with real faults. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { open, statfs, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Check, type CheckResult, isAboutOthers, reasonOf } from '../../src/health/check.js';
import { cpuAllowance, memoryAllowance } from '../../src/health/checks/cgroup.js';
import { type DiskIo, diskCheck } from '../../src/health/checks/disk.js';
import { cpuCheck, eventLoopCheck, memoryCheck } from '../../src/health/checks/own-process.js';
import { processCheck } from '../../src/health/checks/process.js';
import { Producer } from '../../src/health/deep.js';
import { resolve } from '../../src/health/net/resolve.js';
import { type Cleanups, cleanUp, folder } from '../support/servers.js';

const cleanups: Cleanups = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await cleanUp(cleanups);
});

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const until = (condition: () => boolean) =>
  vi.waitUntil(condition, { timeout: 20_000, interval: 5 });

async function ask(check: Check, signal = new AbortController().signal): Promise<CheckResult> {
  try {
    return (await check(signal)) as CheckResult;
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
}

/** Keeps the process from all else. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const io: DiskIo = { statfs, open, unlink };

describe('diskCheck', () => {
  it('measures, writes, and leaves nothing', async () => {
    const path = folder(cleanups);
    const check = diskCheck(path, { freeShare: 0, inodeShare: 0 });
    const { ok, figures } = await ask(check);
    expect(ok).toBe(true);
    expect(figures?.freeBytes).toBeGreaterThan(0);
    expect(figures?.writeLatency).toBeGreaterThan(0);
    expect(readdirSync(path)).toEqual([]);
    expect(isAboutOthers(check)).toBe(true);
  });

  it('tells a disk without space, without inodes, and one that takes no write', async (context) => {
    const path = folder(cleanups);
    try {
      const options = 'size=256k,nr_inodes=20,mode=0777';
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' });
    } catch {
      return context.skip('only root can mount a disk to fill');
    }
    cleanups.push(() => execFileSync('umount', [path]));
    const check = diskCheck(path);
    const writing = diskCheck(path, { freeShare: 0, inodeShare: 0 });
    expect((await ask(check)).ok).toBe(true);
    expect((await ask(diskCheck(path, { free: 2 ** 20 }))).reason).toMatch(/bytes free, less than/);
    writeFileSync(join(path, 'full'), Buffer.alloc(256 * 1024));
    expect((await ask(check)).reason).toBe('0.0% of the space free, less than 5.0%');
    expect((await ask(writing)).reason).toBe('a write failed: ENOSPC');
    execFileSync('truncate', ['-s', '0', join(path, 'full')]);
    expect((await ask(check)).ok).toBe(true);
    for (let i = 0; i < 18; i++) writeFileSync(join(path, `file${i}`), '');
    expect((await ask(check)).reason).toMatch(/of the inodes free, less than 2.0%/);
    expect((await ask(writing)).reason).toBe('a write failed: ENOSPC');
    execFileSync('rm', ['-f', join(path, 'file0')]);
    execFileSync('mount', ['-o', 'remount,ro', path]);
    expect((await ask(writing)).reason).toBe('a write failed: EROFS');
    expect((await ask(diskCheck(path, { write: false }))).ok).toBe(true);
    execFileSync('mount', ['-o', 'remount,rw', path]);
  });

  it('fails where the folder is gone, and says so', async () => {
    const answer = await ask(diskCheck(join(folder(cleanups), 'gone')));
    expect(answer.reason).toContain('ENOENT');
  });

  it('disks that hang take two threads at most: the others go on, and are accused of nothing', async () => {
    let hanging = 0;
    let broken = true;
    const ends: (() => void)[] = [];
    const hung: DiskIo = {
      ...io,
      open: ((...args: Parameters<typeof open>) => {
        if (!broken) return open(...args);
        hanging++;
        return new Promise((resolve) => ends.push(() => resolve(open(...args))));
      }) as typeof open,
    };
    const producer = new Producer();
    cleanups.push(() => producer.close());
    const every = { interval: 40, timeout: 40, fall: 2, jitter: 0 };
    const path = folder(cleanups);
    const limits = { freeShare: 0, inodeShare: 0 };
    const disks = [1, 2, 3, 4].map(() => producer.deepCheck(diskCheck(path, limits, hung), every));
    await until(() => disks[0].state === 'down' && disks[1].state === 'down');
    await until(() => disks[3].runs.length > 5);
    expect(hanging).toBe(2);
    expect(disks[0]().reason).toMatch(/^timeout after 40ms, and still running after \d+ms$/);
    for (const waiting of disks.slice(2)) {
      expect(waiting.state).toBe('unknown');
      expect(waiting.runs.every(({ undecided }) => undecided)).toBe(true);
      expect(waiting.runs[0].reason).toMatch(/^not done: 2 others hang/);
    }
    // Files of everybody else, and names.
    await open(join(path, 'other'), 'w').then((file) => file.close());
    const names = resolve('localhost', AbortSignal.timeout(20));
    await expect(names).rejects.toThrow();
    broken = false;
    for (const end of ends) end();
    await until(() => disks.every(({ state }) => state === 'up'));
    await expect(resolve('localhost', AbortSignal.timeout(20_000))).resolves.not.toHaveLength(0);
  });
});

describe('processCheck', () => {
  const daemon = (command = 'sleep', args = ['60']) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    cleanups.push(() => child.kill('SIGKILL'));
    return child;
  };

  it('tells one that runs from one that is stopped and one that is gone', async () => {
    const child = daemon();
    const file = join(folder(cleanups), 'daemon.pid');
    writeFileSync(file, `${child.pid}\nmore lines\n`);
    const checks = [
      processCheck({ pid: child.pid }),
      processCheck({ pidFile: file }),
      processCheck({ pidFile: file, name: 'sleep' }),
    ];
    const all = async () => Promise.all(checks.map((check) => ask(check)));
    for (const answer of await all()) {
      expect(answer).toEqual({ ok: true, figures: { pid: child.pid } });
    }
    expect(isAboutOthers(checks[0])).toBe(true);
    if (process.platform === 'linux') {
      child.kill('SIGSTOP');
      while ((await ask(checks[0])).ok) await sleep(5);
      for (const { reason } of await all()) expect(reason).toBe(`process ${child.pid} is stopped`);
      child.kill('SIGCONT');
      while (!(await ask(checks[0])).ok) await sleep(5);
    }
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    for (const { reason } of await all()) expect(reason).toBe(`no process ${child.pid}`);
  });

  it.runIf(process.platform === 'linux')('tells a zombie', async () => {
    // The shell becomes a program that does not look after the child that it inherits.
    const parent = daemon('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 60']);
    const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
    const check = processCheck({ pid });
    while ((await ask(check)).ok) await sleep(5);
    expect((await ask(check)).reason).toContain('a zombie');
  });

  it.runIf(process.platform === 'linux')('finds one by name', async () => {
    const path = join(folder(cleanups), 'phi-daemon-with-a-long-name');
    execFileSync('cp', ['/bin/sleep', path]);
    const check = processCheck({ name: basename(path) });
    expect((await ask(check)).reason).toBe('no process named phi-daemon-with-a-long-name');
    const child = daemon(path);
    while (!(await ask(check)).ok) await sleep(5);
    child.kill('SIGSTOP');
    while ((await ask(check)).ok) await sleep(5);
    expect((await ask(check)).reason).toBe(`${child.pid} is stopped`);
    const second = daemon(path); // one that runs will do
    while (!(await ask(check)).ok) await sleep(5);
    expect((await ask(check)).figures).toEqual({ pid: second.pid });
  });

  it.runIf(process.platform === 'linux')('tells a stale pid file', async () => {
    const child = daemon();
    const file = join(folder(cleanups), 'daemon.pid');
    writeFileSync(file, String(child.pid));
    const long = Date.now() / 1000 - 3600;
    utimesSync(file, long, long);
    expect((await ask(processCheck({ pidFile: file }))).reason).toMatch(/^stale pid file/);
    // By name it is certain, whatever the times say.
    expect((await ask(processCheck({ pidFile: file, name: 'sleep' }))).ok).toBe(true);
    const other = await ask(processCheck({ pidFile: file, name: 'postgres' }));
    expect(other.reason).toBe(`process ${child.pid} is sleep, not postgres`);
  });

  it('one that may not be signalled, and is not to be seen, runs', async () => {
    const refuse = (code: string) => () => {
      throw Object.assign(new Error(code), { code });
    };
    const hidden = processCheck({ pid: 2 ** 31 - 1 }); // beyond any number that is given
    vi.spyOn(process, 'kill').mockImplementation(refuse('EPERM'));
    expect((await ask(hidden)).ok).toBe(true);
    vi.spyOn(process, 'kill').mockImplementation(refuse('ESRCH'));
    expect((await ask(hidden)).ok).toBe(false);
  });

  it('says what is wrong with a pid file, and with its options', async () => {
    const file = join(folder(cleanups), 'daemon.pid');
    const check = processCheck({ pidFile: file });
    expect((await ask(check)).reason).toBe('no pid file daemon.pid');
    for (const text of ['', 'abc', '-1', '0', '12x', '99999999999', '1e3']) {
      writeFileSync(file, text);
      expect((await ask(check)).reason).toBe('no process number in daemon.pid');
    }
    expect(() => processCheck({})).toThrow('options: expected pid, pidFile or name');
    expect(() => processCheck({ pid: 0 })).toThrow('pid: expected');
    expect(() => processCheck({ pid: 1, pidFile: 'x' })).toThrow('not both');
    expect(() => processCheck({ name: '' })).toThrow('name: expected');
  });
});

/** A tree of the kernel's files. */
function tree(files: Record<string, string>): string {
  const root = folder(cleanups);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), `${text}\n`);
  }
  return root;
}

describe('memoryCheck', () => {
  it('has figures, and fails beyond each limit', async () => {
    const { ok, figures } = await ask(memoryCheck({ rssShare: 1, heapShare: 1 }));
    expect(ok).toBe(true);
    expect(figures?.rss).toBeGreaterThan(figures?.heapUsed as number);
    expect(figures?.limit).toBeGreaterThan(figures?.rss as number);
    expect((await ask(memoryCheck({ rss: 1000 }))).reason).toMatch(/^resident .* of 0\.0 MiB$/);
    expect((await ask(memoryCheck({ heapShare: 1e-6 }))).reason).toMatch(/^heap /);
    expect(() => memoryCheck({ rssShare: 0 })).toThrow('rssShare: expected');
  });

  it('goes by the limit of the cgroup', async () => {
    const rss = process.memoryUsage.rss();
    vi.spyOn(process, 'constrainedMemory').mockReturnValue(rss / 2);
    expect((await ask(memoryCheck())).reason).toMatch(/^resident/);
  });

  it('goes by the limits of the cgroups above it, version 1 and 2', async () => {
    const v2 = tree({
      'proc/self/cgroup': '0::/slice/service',
      'sys/fs/cgroup/slice/service/memory.max': 'max',
      'sys/fs/cgroup/slice/memory.max': '1000000',
      'sys/fs/cgroup/memory.max': '2000000',
    });
    expect(memoryAllowance(v2)).toBe(1e6);
    expect((await ask(memoryCheck({}, v2))).reason).toMatch(/^resident .* of 1\.0 MiB$/);
    const v1 = tree({
      'proc/self/cgroup': '4:memory:/slice/service\n3:cpu:/\n0::/',
      'sys/fs/cgroup/memory/slice/service/memory.limit_in_bytes': '9223372036854771712',
      'sys/fs/cgroup/memory/slice/memory.limit_in_bytes': '3000000',
    });
    expect(memoryAllowance(v1)).toBe(3e6);
    expect(memoryAllowance(tree({}))).toBe(Infinity);
    expect(memoryAllowance(tree({ 'proc/self/cgroup': '0::/' }))).toBe(Infinity);
  });
});

describe('eventLoopCheck', () => {
  it('tells a loop that was blocked, within its window only', async () => {
    const check = eventLoopCheck({ delay: 150, window: 20 });
    await sleep(60);
    expect(await ask(check)).toMatchObject({ ok: true });
    block(400);
    await sleep(60);
    const blocked = await ask(check);
    expect(blocked.ok).toBe(false);
    expect(blocked.reason).toMatch(/^blocked for \d+ms, more than 150ms$/);
    expect(blocked.figures?.delay).toBeGreaterThan(300);
    // A loaded machine may block the next window as well, but not for ever.
    do await sleep(60);
    while (!(await ask(check)).ok);
  });

  it('tells a busy loop at once, by the window and not by its lifetime', async () => {
    const check = eventLoopCheck({ utilization: 0.9, delay: 1e6, window: 100 });
    const lifetime = performance.eventLoopUtilization().utilization;
    block(400);
    const { ok, figures } = await ask(check);
    expect(ok).toBe(false);
    expect(figures?.utilization).toBeGreaterThan(0.99);
    expect(figures?.utilization).toBeGreaterThan(lifetime);
    expect(await ask(check)).toMatchObject({ ok: false }); // the same window
  });
});

describe('cpuCheck', () => {
  it('measures per window', async () => {
    const check = cpuCheck({ share: 0.001, window: 50 });
    expect(await ask(check)).toEqual({ ok: true }); // no window is over
    // Of CPU time: a loaded machine takes longer for it.
    for (const from = process.cpuUsage(); process.cpuUsage(from).user < 100_000; ) block(5);
    const busy = await ask(check);
    expect(busy.figures?.share).toBeGreaterThan(0.001);
    expect(busy.reason).toMatch(/CPUs in use, more than 0.001$/);
    expect((await ask(check)).figures).toEqual(busy.figures); // the same window
  });

  it('reads the limits of cgroups, version 1 and 2, the tightest of those above', () => {
    const none = { cpus: Infinity, periods: 0, throttled: 0 };
    const stat = 'usage_usec 5\nnr_periods 40\nnr_throttled 10\nthrottled_usec 3';
    const v2 = tree({
      'proc/self/cgroup': '0::/a/b',
      'sys/fs/cgroup/a/b/cpu.max': 'max 100000',
      'sys/fs/cgroup/a/b/cpu.stat': 'nr_periods 1',
      'sys/fs/cgroup/a/cpu.max': '50000 100000',
      'sys/fs/cgroup/a/cpu.stat': stat,
    });
    expect(cpuAllowance(v2)).toEqual({ cpus: 0.5, periods: 40, throttled: 10 });
    const v1 = tree({
      'proc/self/cgroup': '3:cpu,cpuacct:/x\n2:memory:/y\n0::/',
      'sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us': '150000',
      'sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us': '100000',
      'sys/fs/cgroup/cpu,cpuacct/x/cpu.stat': stat,
    });
    expect(cpuAllowance(v1).cpus).toBe(1.5);
    // In a container: the host's path, and what is there is at the root.
    const container = tree({
      'proc/self/cgroup': '0::/../../system.slice/docker-1.scope',
      'sys/fs/cgroup/cpu.max': '200000 100000',
      'sys/fs/cgroup/cpu.stat': stat,
    });
    expect(cpuAllowance(container).cpus).toBe(2);
    const unlimited = tree({
      'proc/self/cgroup': '3:cpu:/\n0::/',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
      'sys/fs/cgroup/cpu/cpu.stat': stat,
    });
    expect(cpuAllowance(unlimited)).toEqual(none);
    expect(cpuAllowance(tree({}))).toEqual(none);
    expect(cpuAllowance().cpus).toBeGreaterThan(0);
  });

  it('is judged by what the cgroup allows, and by how often it was held back', async () => {
    const root = tree({
      'proc/self/cgroup': '0::/',
      'sys/fs/cgroup/cpu.max': '100 100000',
      'sys/fs/cgroup/cpu.stat': 'nr_periods 10\nnr_throttled 0',
    });
    const check = cpuCheck({ share: 0.9, throttled: 0.5, window: 20 }, root);
    block(60);
    expect((await ask(check)).reason).toMatch(/of 0.001 CPUs in use, more than 0.9$/);
    const idle = cpuCheck({ share: 1, throttled: 0.5, window: 1 }, root);
    writeFileSync(join(root, 'sys/fs/cgroup/cpu.max'), '100000000 100000');
    writeFileSync(join(root, 'sys/fs/cgroup/cpu.stat'), 'nr_periods 20\nnr_throttled 8');
    await sleep(5);
    expect((await ask(idle)).reason).toMatch(/^held back in 0.80 of its periods, more than 0.5$/);
  });
});
