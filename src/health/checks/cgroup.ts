/** What the cgroups of this process leave it: CPU, how often that was held back, and memory. */
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

export interface CpuAllowance {
  /** CPUs' worth of time; Infinity without a limit. */
  readonly cpus: number;
  /** Periods so far in which there was work, and those of them in which it was held back. */
  readonly periods: number;
  readonly throttled: number;
}

const NONE: CpuAllowance = { cpus: Infinity, periods: 0, throttled: 0 };

/** The text of a file of the kernel's; undefined where there is none, as outside Linux. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined; // no such controller, or no cgroups at all: then there is no limit to find
  }
}

/** `path` and what is above it: a limit holds for all below. */
function upwards(path: string): string[] {
  return path === '/' ? [path] : [path, ...upwards(posix.dirname(path))];
}

/** CPUs' worth by version 2's `cpu.max`, or version 1's two files. */
function cpusOf(folder: string, version: 1 | 2): number {
  const [quota, period] =
    version === 2
      ? (textOf(join(folder, 'cpu.max')) ?? '').split(' ')
      : [textOf(join(folder, 'cpu.cfs_quota_us')), textOf(join(folder, 'cpu.cfs_period_us'))];
  const cpus = Number(quota) / Number(period);
  return Number(quota) > 0 && cpus > 0 ? cpus : Infinity; // 'max' and -1 are none
}

const numberIn = (text: string, name: string): number =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);

interface Cgroup {
  readonly folder: string;
  readonly version: 1 | 2;
}

/**
 * The cgroups that a controller limits this process by, and those above them: by /proc/self/cgroup
 * and what is mounted where it is by custom. In a container its path may be that of the host, which
 * is not to be seen from inside: then the mount's root is the container's.
 */
function cgroupsOf(controller: string, root: string): Cgroup[] {
  const own = textOf(join(root, 'proc/self/cgroup')) ?? '';
  return own.split('\n').flatMap((line) => {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    const version = controllers === '' ? 2 : 1;
    if (version === 1 && !controllers.split(',').includes(controller)) return [];
    const base = join(root, 'sys/fs/cgroup', version === 2 ? '' : controllers);
    return upwards(posix.normalize(path)).map((each) => ({ folder: join(base, each), version }));
  });
}

/** @param root for tests: where proc and sys are */
export function cpuAllowance(root = '/'): CpuAllowance {
  let found = NONE;
  for (const { folder, version } of cgroupsOf('cpu', root)) {
    const stat = textOf(join(folder, 'cpu.stat'));
    const cpus = cpusOf(folder, version);
    if (stat === undefined || cpus >= found.cpus) continue;
    found = {
      cpus,
      periods: numberIn(stat, 'nr_periods'),
      throttled: numberIn(stat, 'nr_throttled'),
    };
  }
  return found;
}

/**
 * The memory that the cgroups leave this process, in bytes; Infinity without a limit.
 *
 * @param root for tests: where proc and sys are
 */
export function memoryAllowance(root = '/'): number {
  const limits = cgroupsOf('memory', root).map(({ folder, version }) => {
    const file = version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
    return Number(textOf(join(folder, file)) || Number.NaN); // 'max' is none
  });
  return Math.min(Infinity, ...limits.filter((limit) => limit > 0));
}
