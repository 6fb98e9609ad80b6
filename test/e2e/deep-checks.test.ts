/** A whole service, with real servers and real faults: each is told apart from the others. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { hasPostgres, hasRedis, postgres, redis } from '../support/databases.js';
import { Running } from '../support/processes.js';
import { type Cleanups, cleanUp, folder } from '../support/servers.js';

const cleanups: Cleanups = [];
afterEach(() => cleanUp(cleanups));

const script = fileURLToPath(new URL('../support/deep-service.mjs', import.meta.url));

async function service(env: Record<string, string>) {
  const running = new Running([script], { env: { ...process.env, ...env } });
  cleanups.push(() => running.kill('SIGKILL'));
  const url = `http://127.0.0.1:${(await running.says(/^(\d+)\n/))[1]}`;
  /** Status and lines of a group; 0 if there is no answer within a second, as a kubelet waits. */
  const probe = async (group: 'livez' | 'readyz') => {
    try {
      const signal = AbortSignal.timeout(1000);
      const response = await fetch(`${url}/${group}?verbose`, { signal });
      const lines = (await response.text()).trim().split('\n');
      return { status: response.status, lines: lines.filter((line) => /^\[/.test(line)) };
    } catch (error) {
      if ((error as Error).name !== 'TimeoutError') throw error;
      return { status: 0, lines: [] };
    }
  };
  const failing = async () => {
    const both = [await probe('livez'), await probe('readyz')];
    return both
      .flatMap(({ status, lines }) => (status === 0 ? ['no answer'] : lines))
      .filter((line) => !line.startsWith('[+]'));
  };
  const ask = (path: string) => fetch(`${url}${path}`).then((response) => response.text());
  /** Waits until that is all that fails, and says what was said of it. */
  const fails = async (...expected: RegExp[]): Promise<string[]> => {
    let last: string[] = [];
    for (const end = Date.now() + 40_000; Date.now() < end; ) {
      last = await failing();
      const fits =
        last.length === expected.length && expected.every((each, i) => each.test(last[i]));
      if (fits) return last;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`expected ${expected.join(' and ') || 'nothing'} to fail, got ${last}`);
  };
  const status = async () => JSON.parse(await ask('/status'));
  return { probe, ask, fails, status };
}

/** A small disk of its own; undefined where we may not mount one. */
function disk(): string | undefined {
  const path = folder(cleanups);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  cleanups.push(() => execFileSync('umount', ['-l', path]));
  return path;
}

describe('deep checks, end to end', () => {
  it('a main loop that is stuck, and an event loop that is blocked, fail livez and nothing else', async () => {
    const { ask, fails, probe } = await service({});
    await fails();
    await ask('/stick?on=true');
    const [stuck] = await fails(/^\[-\]main failed/);
    expect(stuck).not.toContain('event-loop');
    expect((await probe('readyz')).status).toBe(200);
    await ask('/stick?on=false');
    await fails();
    await ask('/block?ms=2500');
    expect(await probe('livez')).toEqual({ status: 0, lines: [] });
    const [blocked] = await fails(/^\[-\]event-loop failed/);
    expect(blocked).toMatch(/blocked for 2\d\d\dms, more than 1500ms/);
    await fails();
  });

  it('PostgreSQL, frozen and dead, fails readyz and not livez', async (context) => {
    if (!hasPostgres) return context.skip('PostgreSQL is not installed');
    const cluster = await postgres(cleanups);
    const database = await cluster.start();
    const { fails, probe } = await service({ POSTGRES: String(database.port) });
    await fails();
    database.freeze();
    const [frozen] = await fails(/^\[-\]database failed/);
    expect(frozen).toContain('timeout after 100ms');
    expect((await probe('livez')).status).toBe(200);
    expect((await probe('readyz')).status).toBe(503);
    database.thaw();
    await fails();
    await database.end();
    await fails(/^\[-\]database failed: .*ECONNREFUSED/);
    expect((await probe('livez')).status).toBe(200);
    await cluster.start();
    await fails();
    expect((await probe('readyz')).status).toBe(200);
  });

  it('Redis, frozen and dead, degrades readyz, which passes', async (context) => {
    if (!hasRedis) return context.skip('Redis is not installed');
    const cache = await redis(cleanups);
    const database = await cache.start();
    const { probe, status } = await service({ REDIS: String(database.port) });
    const reaches = async (ok: boolean, reason = /.*/) => {
      for (const end = Date.now() + 40_000; ; ) {
        const { checks } = (await status()).groups.readyz;
        const { last } = checks.find(({ name }: { name: string }) => name === 'cache');
        await probe('readyz');
        if (last?.ok === ok && reason.test(last.reason ?? '')) return;
        if (Date.now() > end) throw new Error(`still ${JSON.stringify(last)}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await reaches(true);
    database.freeze();
    await reaches(false, /timeout after 100ms/);
    expect((await probe('readyz')).status).toBe(200);
    expect((await probe('livez')).status).toBe(200);
    database.thaw();
    await reaches(true);
    await database.end();
    await reaches(false);
    expect((await probe('readyz')).status).toBe(200);
    await cache.start();
    await reaches(true);
  });

  it.skipIf(!hasPostgres)(
    'all at once are told apart: loop, database and disk',
    async (context) => {
      if (!hasPostgres) return context.skip('PostgreSQL is not installed');
      const path = disk();
      if (path === undefined) return context.skip('only root can mount a disk to fill');
      const database = await (await postgres(cleanups)).start();
      const { ask, fails, probe } = await service({ POSTGRES: String(database.port), DISK: path });
      await fails();
      writeFileSync(join(path, 'full'), Buffer.alloc(2 ** 20));
      await fails(/^\[-\]disk failed: 0\.0% of the space free/);
      expect((await probe('livez')).status).toBe(200);
      database.freeze();
      await fails(/^\[-\]database failed/, /^\[-\]disk failed/);
      expect((await probe('livez')).status).toBe(200);
      await ask('/stick?on=true');
      await fails(/^\[-\]main failed/, /^\[-\]database failed/, /^\[-\]disk failed/);
      rmSync(join(path, 'full'));
      await fails(/^\[-\]main failed/, /^\[-\]database failed/);
      database.thaw();
      await fails(/^\[-\]main failed/);
      await ask('/stick?on=false');
      await fails();
      expect((await probe('readyz')).status).toBe(200);
    },
  );
});
