/** What readyz is about beside dependencies, and what livez is: holds, maintenance, loops. */
import { describe, expect, it, vi } from 'vitest';
import { createHealth, leaseCheck, membersCheck } from '../../src/health/index.js';
import { FailureDetector } from '../../src/index.js';
import { Loop } from '../support/loop.js';
import { deferred, get, run, settle } from './support.js';

describe('readiness', () => {
  it('waits for all holds, says which, and is told of once', async () => {
    const health = createHealth();
    const ready = vi.fn();
    health.on('ready', ready);
    let first = false;
    void health.whenFirstReady().then(() => {
      first = true;
    });
    const releases = [health.hold('cache-warm'), health.hold('migrations')];
    expect((await get(health, '/readyz')).body).toBe(
      '[-]cache-warm failed: not finished\n[-]migrations failed: not finished\n\n',
    );
    releases[1]();
    releases[1]();
    expect((await get(health, '/readyz')).status).toBe(503);
    releases[0]();
    expect(first).toBe(false); // nobody has asked
    expect((await get(health, '/readyz?verbose')).body).toBe(
      '[+]cache-warm ok\n[+]migrations ok\nok\n',
    );
    await health.whenFirstReady();
    await get(health, '/readyz');
    expect(first).toBe(true);
    expect(ready).toHaveBeenCalledTimes(1);
  });

  it('is held by all who hold a name, and may be held by it again', async () => {
    const health = createHealth();
    const releases = [health.hold('warm-up'), health.hold('warm-up')];
    releases[0]();
    releases[0]();
    expect((await get(health, '/readyz')).body).toBe('[-]warm-up failed: not finished\n\n');
    releases[1]();
    expect((await get(health, '/readyz?verbose')).body).toBe('[+]warm-up ok\nok\n');
    const again = health.hold('warm-up');
    releases[1]();
    expect((await get(health, '/readyz')).body).toBe('[-]warm-up failed: not finished\n\n');
    expect(health.remove('readyz', 'warm-up')).toBe(true);
    expect((await get(health, '/readyz')).status).toBe(200);
    const last = health.hold('warm-up');
    again();
    expect((await get(health, '/readyz')).status).toBe(503);
    last();
    expect((await get(health, '/readyz')).status).toBe(200);
    health.add('readyz', 'own', () => true);
    expect(() => health.hold('own')).toThrow(/^name: expected one that readyz has not yet/);
  });

  it('caches nothing of what we know ourselves', async () => {
    const clock = new Loop();
    const health = createHealth({ clock, cacheMs: 60_000 });
    const lease = { isValid: () => true };
    const asked = vi.fn(() => true);
    health.add('readyz', 'asked', asked);
    health.add('readyz', 'alarms', health.alarms.check());
    health.add('readyz', 'lease', leaseCheck(lease));
    const release = health.hold('cache-warm');
    const end = health.maintenance('backup');
    expect((await get(health, '/readyz')).status).toBe(503);
    release();
    expect((await get(health, '/readyz')).body).toContain('[+]cache-warm ok\n');
    const endOther = health.maintenance('defragmentation');
    expect((await get(health, '/readyz')).body).toContain('backup, defragmentation\n');
    end();
    endOther();
    expect((await get(health, '/readyz')).status).toBe(200);
    health.alarms.raise('NOSPACE');
    expect((await get(health, '/readyz')).body).toContain('[-]alarms failed');
    health.alarms.clear('NOSPACE');
    lease.isValid = () => false;
    expect((await get(health, '/readyz')).body).toContain('[-]lease failed');
    lease.isValid = () => true;
    expect((await get(health, '/readyz')).status).toBe(200);
    const loop = health.loop('loop');
    expect((await get(health, '/livez')).status).toBe(200);
    clock.runUntil(30_000);
    expect((await get(health, '/livez')).status).toBe(503);
    loop.beat();
    expect((await get(health, '/livez')).status).toBe(200);
    expect(asked).toHaveBeenCalledTimes(1);
    health.close();
  });

  it('is interrupted by maintenance, and livez is not; nothing is listed before or after', async () => {
    const health = createHealth();
    const ends = [health.maintenance('defragmentation'), health.maintenance('backup')];
    expect((await get(health, '/readyz')).body).toBe(
      '[-]maintenance failed: under maintenance: defragmentation, backup\n\n',
    );
    expect((await get(health, '/livez')).status).toBe(200);
    ends[0]();
    ends[0]();
    expect((await get(health, '/readyz')).body).toContain('under maintenance: backup\n');
    ends[1]();
    expect((await get(health, '/readyz?verbose')).body).toBe('[+]ping ok\nok\n');
  });

  it('fails for the alarms that a check was made for', async () => {
    const health = createHealth();
    health.add('readyz', 'data_corruption', health.alarms.check('CORRUPT'));
    health.add('deep', 'alarms', health.alarms.check());
    health.alarms.raise('NOSPACE');
    expect((await get(health, '/readyz')).status).toBe(200);
    expect((await get(health, '/deep')).body).toContain('alarm activated: NOSPACE\n');
    health.alarms.raise('CORRUPT');
    expect((await get(health, '/readyz')).body).toBe(
      '[-]data_corruption failed: alarm activated: CORRUPT\n\n',
    );
    expect(health.alarms.clear('CORRUPT')).toBe(true);
    expect(health.alarms.clear('CORRUPT')).toBe(false);
    expect((await get(health, '/readyz')).status).toBe(200);
  });

  it('ends with our own lease', async () => {
    const health = createHealth();
    let valid = true;
    const check = leaseCheck({ isValid: () => valid });
    health.add('readyz', 'lease', check);
    expect(() => health.add('livez', 'lease', check)).toThrow(RangeError);
    expect((await get(health, '/readyz')).status).toBe(200);
    valid = false;
    expect((await get(health, '/readyz')).body).toBe('[-]lease failed: lease has run out\n\n');
    expect(() => leaseCheck({} as never)).toThrow(/^lease: /);
  });

  it('needs so many members of a group, of whom the slow ones count', async () => {
    const health = createHealth();
    const members: { service: string; status: string; routable?: boolean }[] = [
      { service: 'a', status: 'available' },
      { service: 'a', status: 'overloaded' },
      { service: 'a', status: 'dead' },
      { service: 'a', status: 'available', routable: false }, // draining
      { service: 'b', status: 'available' },
    ];
    const registry = { instances: (name?: string) => members.filter((m) => m.service === name) };
    health.add('readyz', 'quorum', membersCheck(registry, { min: 2, service: 'a' }));
    expect((await get(health, '/readyz')).status).toBe(200);
    members[0].status = 'zombie';
    const { status, body } = await get(health, '/readyz');
    expect([status, body]).toEqual([
      503,
      '[-]quorum failed: 1 of 4 members are available, 2 are needed\n\n',
    ]);
    expect(health.status().groups.readyz.checks[0].last?.figures).toEqual({
      available: 1,
      members: 4,
      min: 2,
    });
    const client = { instances: async () => registry.instances('b') };
    health.add('far', 'quorum', membersCheck(client, { min: 2 }));
    expect((await get(health, '/far')).body).toContain('1 of 1 members');
    expect(() => membersCheck(registry, {} as never)).toThrow(/^min: /);
    expect(() => membersCheck({} as never, { min: 1 })).toThrow(/^group: /);
  });

  it('needs so many peers of a detector', async () => {
    const clock = new Loop();
    using detector = new FailureDetector({ clock });
    const health = createHealth({ clock });
    health.add('readyz', 'peers', membersCheck(detector, { min: 2 }));
    for (const peer of ['a', 'b']) detector.heartbeat(peer);
    expect((await get(health, '/readyz')).status).toBe(200);
    clock.runUntil(60_000);
    expect((await get(health, '/readyz')).body).toContain('0 of 2 members are available');
  });
});

describe('progress', () => {
  it('is judged by samples of the background, against what the last probe saw', async () => {
    const clock = new Loop();
    const health = createHealth({ clock });
    let index = 7;
    let taken = 0;
    let idle = false;
    const sample = () => {
      taken++;
      return index;
    };
    const progress = health.progress('commit-index', sample, {
      interval: 1000,
      idle: () => idle,
    });
    const probe = async () => (await get(health, '/readyz/commit-index')).body;
    expect(await probe()).toBe('[-]commit-index failed: not sampled yet\n\n');
    await run(clock, 100);
    expect(await probe()).toBe('ok\n');
    // Faster than samples: the same answer, and no sample for it.
    for (let i = 0; i < 100; i++) expect(await probe()).toBe('ok\n');
    expect(taken).toBe(1);
    await run(clock, 1500);
    const stuck = '[-]commit-index failed: no progress since the last probe: still at 7\n\n';
    expect(await probe()).toBe(stuck);
    expect(await probe()).toBe(stuck);
    index = 8;
    await run(clock, 2500);
    expect(await probe()).toBe('ok\n');
    idle = true;
    await run(clock, 9500);
    expect(await probe()).toBe('ok\n');
    progress.close();
    expect(await probe()).toBe('404 page not found\n');
    const before = taken;
    await run(clock, 20_000);
    expect(taken).toBe(before);
  });

  it.each([[{}], [null], [undefined], [true]])('is not to be seen from %j', async (value) => {
    const clock = new Loop();
    const health = createHealth({ clock });
    health.progress('index', () => value as never, { interval: 1000 });
    await run(clock, 2500);
    expect((await get(health, '/readyz')).body).toMatch(
      /^\[-\]index failed: no sample: it is \w+, not/,
    );
    health.close();
  });

  it('is none from NaN to NaN', async () => {
    const clock = new Loop();
    const health = createHealth({ clock });
    health.progress('index', () => Number.NaN, { interval: 1000 });
    await run(clock, 100);
    await get(health, '/readyz');
    await run(clock, 1500);
    expect((await get(health, '/readyz')).body).toContain('no progress since the last probe');
  });

  it('fails when samples do: thrown, or not in time', async () => {
    const clock = new Loop();
    const health = createHealth({ clock });
    const samples = [deferred<number>()];
    health.progress('x', () => samples[0].promise, { interval: 1000, timeout: 500 });
    await run(clock, 700, 10);
    expect((await get(health, '/readyz')).body).toBe(
      '[-]x failed: no sample: timeout after 500ms\n\n',
    );
    samples[0].reject(new Error('gone'));
    await settle();
    await run(clock, 2500, 10);
    expect((await get(health, '/readyz')).body).toBe('[-]x failed: no sample: gone\n\n');
    expect(() => health.progress('y', () => 1, { interval: 10, timeout: 20 })).toThrow(/^timeout/);
    expect(() => health.progress('x', () => 1)).toThrow(/^name/);
    health.close();
    expect(clock.timers).toBe(0);
  });
});

describe('loops', () => {
  const turning = (clock: Loop, beat: () => void, every: number) => {
    let alive = true;
    const turn = () => {
      if (!alive) return;
      beat();
      clock.setTimeout(turn, every);
    };
    turn();
    return () => {
      alive = false;
    };
  };

  it('that never beat have stalled in the end, sooner if their cadence is known', async () => {
    const clock = new Loop();
    const health = createHealth({ clock });
    health.loop('default');
    health.loop('fast', { heartbeatInterval: 100 });
    const failing = async () =>
      (await health.probe('livez'))?.checks.filter((c) => c.failed).map((c) => c.name);
    clock.runUntil(1000);
    expect(await failing()).toEqual([]);
    clock.runUntil(1600);
    expect(await failing()).toEqual(['fast']);
    clock.runUntil(24_000);
    expect(await failing()).toEqual(['fast']);
    clock.runUntil(26_300);
    expect(await failing()).toEqual(['default', 'fast']);
  });

  it('are not dead because the event loop was blocked, and a stuck one is, all the same', async () => {
    const clock = new Loop();
    const health = createHealth({ clock });
    // Fed by input, as a loop that reads a socket: its beats come after the first probe.
    const io = health.loop('io');
    const stuck = health.loop('stuck');
    for (let at = 0; at < 60_000; at += 100) clock.arrive(at, () => io.beat());
    for (let at = 0; at < 30_000; at += 100) clock.arrive(at, () => stuck.beat());
    const answers: (readonly [number, string])[] = [];
    const probe = () =>
      void health.probe('livez').then((report) => {
        const bad = report?.checks.filter(({ failed }) => failed).map(({ name }) => name);
        answers.push([clock.now(), String(bad)]);
      });
    clock.arrive(20_000, probe);
    for (const at of [30_500, 32_000, 41_000]) clock.arrive(at, probe);
    await run(clock, 19_999);
    clock.block(8000); // healthy until then, and the probe is read first
    await run(clock, 35_000);
    clock.block(5000);
    await run(clock, 42_000);
    expect(answers.map(([, bad]) => bad)).toEqual(['', '', 'stuck', 'stuck']);
    expect(answers[0][0]).toBeGreaterThanOrEqual(27_999);
    health.close();
  });

  it('that are stuck are found although the process stalls again and again', async () => {
    const clock = new Loop();
    const health = createHealth({ clock });
    const stop = turning(clock, health.loop('raft').beat.bind(health.loop('other')), 100);
    stop();
    const raft = health.status().loops;
    expect(Object.keys(raft)).toEqual(['raft', 'other']);
    let failedAt = Infinity;
    // Stalled for longer than it runs, without end.
    for (let i = 0; i < 200 && failedAt === Infinity; i++) {
      await run(clock, clock.now() + 400, 20);
      clock.block(600);
      await run(clock, clock.now() + 20, 20);
      if (!(await health.probe('livez'))?.ok) failedAt = clock.now();
    }
    // Detection of 26 s, twice, and 30 s of excuses at most.
    expect(failedAt).toBeLessThan(85_000);
    health.close();
  });

  it('that become slower for good fail for a while, and are learnt', async () => {
    const clock = new Loop();
    const health = createHealth({ clock });
    const work = health.loop('work');
    let every = 100;
    const turn = () => {
      work.beat();
      clock.setTimeout(turn, every);
    };
    turn();
    clock.runUntil(60_000);
    every = 8000;
    clock.runUntil(68_000);
    expect((await get(health, '/livez')).status).toBe(503);
    clock.runUntil(160_000);
    for (let i = 0; i < 50; i++) {
      clock.runUntil(clock.now() + 1001);
      expect((await get(health, '/livez')).status).toBe(200);
    }
    health.close();
  });

  it.each([
    ['9 of 100 ms, then one of 10 s', 9, 100, 10_000],
    ['99 of 100 ms, then one of 5 s', 99, 100, 5000],
    ['49 of 100 ms, then one of a minute', 49, 100, 60_000],
  ])(
    'of short turns and long ones are learnt, and found when they stop: %s',
    async (_, shorts, short, long) => {
      const clock = new Loop();
      const health = createHealth({ clock });
      const work = health.loop('work');
      const round = shorts * short + long;
      const end = 60 * round;
      let turns = 0;
      const turn = () => {
        if (clock.now() >= end) return;
        work.beat();
        clock.setTimeout(turn, ++turns % (shorts + 1) === 0 ? long : short);
      };
      turn();
      clock.runUntil(30 * round);
      while (clock.now() < end - 997) {
        clock.runUntil(clock.now() + 997);
        expect((await get(health, '/livez')).status).toBe(200);
      }
      clock.runUntil(end + 3 * long);
      expect((await get(health, '/livez')).status).toBe(503);
      health.close();
    },
  );

  it('that wait for work say so, and are no stall however long', async () => {
    const clock = new Loop();
    const health = createHealth({ clock });
    const queue = health.loop('queue');
    const stop = turning(clock, () => queue.beat(), 100);
    clock.runUntil(30_000);
    stop();
    clock.runUntil(30_100);
    queue.idle();
    queue.idle();
    clock.runUntil(4_000_000);
    expect((await get(health, '/livez')).status).toBe(200);
    queue.beat();
    clock.runUntil(4_000_900);
    expect((await get(health, '/livez')).status).toBe(200);
    clock.runUntil(4_000_900 + 30_000); // and is judged again, from the first beat on
    expect((await get(health, '/livez')).status).toBe(503);
    health.close();
  });

  it('that ended are gone with their check, and their name is free', async () => {
    const clock = new Loop();
    const health = createHealth({ clock });
    const first = health.loop('job', { group: 'readyz' });
    expect(() => health.loop('job')).toThrow(/^name: .*no other loop/);
    expect((await get(health, '/readyz/job')).status).toBe(200);
    first.close();
    first.close();
    expect(first.phi).toBeUndefined();
    expect(first.explain()).toBeUndefined();
    first.beat();
    first.idle();
    expect((await get(health, '/readyz/job')).status).toBe(404);
    const second = health.loop('job');
    clock.runUntil(10);
    second.beat();
    first.close();
    expect(health.status().loops.job.status).toBe('available');
    expect(second.phi).toBeLessThan(0.001);
    expect(() => health.loop('x', { heartbeatInterval: -1 })).toThrow(/^heartbeatInterval/);
    expect((await get(health, '/livez/x')).status).toBe(404);
    health.close();
    expect(clock.timers).toBe(0);
  });
});
