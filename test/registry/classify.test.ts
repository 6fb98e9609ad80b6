/** The table, cell by cell. */
import { describe, expect, it } from 'vitest';
import { classify, type Reading, readingOfMisses } from '../../src/registry/classify.js';
import { registryOn } from './world.js';

const KNOWN = ['ok', 'late', 'missing'] as const;
const SERVICE = [...KNOWN, 'not-ready'] as const;
const TABLE = {
  ok: ['available', 'overloaded', 'zombie', 'not-ready'],
  late: ['overloaded', 'critical', 'zombie', 'not-ready'],
  missing: ['probe-failing', 'critical', 'dead', 'not-ready'],
} as const;

describe('classification', () => {
  it.each(KNOWN.flatMap((p) => SERVICE.map((s, i) => [p, s, TABLE[p][i]] as const)))(
    'process %s, service %s is %s',
    (process, service, status) => {
      for (const before of ['starting', 'available', 'dead'] as const) {
        expect(classify(process, service, before)).toBe(status);
      }
    },
  );

  it('takes critical for late where both signals are known', () => {
    for (const other of KNOWN) {
      expect(classify('critical', other, 'available')).toBe(classify('late', other, 'available'));
      expect(classify(other, 'critical', 'available')).toBe(classify(other, 'late', 'available'));
    }
  });

  it('follows the ladder with one signal', () => {
    const ladder: [Reading, string][] = [
      ['ok', 'available'],
      ['late', 'overloaded'],
      ['critical', 'critical'],
      ['missing', 'dead'],
    ];
    for (const [reading, status] of ladder) {
      for (const other of ['unused', 'unknown'] as const) {
        expect(classify(reading, other, 'starting')).toBe(status);
        expect(classify(other, reading, 'starting')).toBe(status);
      }
    }
  });

  it('is starting while nothing was heard, and stays where nothing can be', () => {
    expect(classify('unused', 'unused', 'starting')).toBe('starting');
    expect(classify('unknown', 'unused', 'available')).toBe('available');
    expect(classify('unknown', 'unknown', 'dead')).toBe('dead');
    expect(classify('unused', 'not-ready', 'starting')).toBe('not-ready');
  });

  it('counts missed polls: one late, two and three critical, the fourth missing', () => {
    expect([0, 1, 2, 3, 4, 5].map(readingOfMisses)).toEqual([
      ...['ok', 'late', 'critical', 'critical', 'missing', 'missing'],
    ]);
  });
});

describe('signals of an instance', () => {
  const alone = () => {
    const world = registryOn();
    world.registry.register({ id: 'a', service: 's', address: 'x' });
    const status = () => world.registry.get('a')?.status;
    return { ...world, status };
  };

  it('one signal climbs the ladder at φ 1, 3 and 8', () => {
    const { loop, registry } = alone();
    const seen: [string, number][] = [];
    registry.on('change', ({ instance: { status } }) => {
      seen.push([status, registry.detectors.service.phi('a') as number]);
    });
    for (let at = 1; at < 20_000; at += 1000) {
      loop.runUntil(at);
      registry.heartbeat('a', { generation: 1 });
    }
    loop.runUntil(30_000);
    expect(seen.map(([status]) => status)).toEqual([
      ...['available', 'overloaded', 'critical', 'dead'],
    ]);
    expect(seen[1][1]).toBeCloseTo(1, 1);
    expect(seen[2][1]).toBeCloseTo(3, 1);
    expect(seen[3][1]).toBeCloseTo(8, 1);
  });

  it('a blocked main loop is a zombie, and back when it beats', () => {
    const { loop, registry, status } = alone();
    for (let at = 1; at < 40_000; at += 1000) {
      loop.runUntil(at);
      registry.heartbeat('a', { generation: 1, signal: 'process' });
      if (at < 20_000 || at > 25_000) registry.heartbeat('a', { generation: 1 });
      if (at > 24_000 && at < 25_000) expect(status()).toBe('zombie');
    }
    expect(status()).toBe('available');
    expect(registry.get('a')?.signals).toEqual({ process: 'ok', service: 'ok' });
  });

  it('a broken way of the polls is probe-failing and keeps its traffic; without it, dead', () => {
    const { loop, registry, status } = alone();
    registry.probe('a', 1, { outcome: 'answered' });
    for (let at = 1; at < 20_000; at += 1000) {
      loop.runUntil(at);
      registry.heartbeat('a', { generation: 1 });
    }
    const seen = [1, 2, 3, 4].map(() => {
      registry.probe('a', 1, { outcome: 'failed', error: 'connection refused' });
      return status();
    });
    expect(seen).toEqual(['overloaded', 'overloaded', 'overloaded', 'probe-failing']);
    expect(registry.route('s').targets).toMatchObject([{ id: 'a' }]);
    loop.runUntil(25_000);
    expect(status()).toBe('dead');
    registry.probe('a', 1, { outcome: 'answered' });
    expect(status()).toBe('zombie');
  });

  it('polls of which none was ever answered keep it starting, if they began before it was heard', () => {
    const { registry, status } = alone();
    for (let i = 0; i < 4; i++) {
      registry.probe('a', 1, { outcome: 'failed' });
      expect(status()).toBe('starting');
    }
    expect(registry.route('s').mode).toBe('empty');
    registry.heartbeat('a', { generation: 1 });
    expect(registry.get('a')).toMatchObject({
      ...{ status: 'starting', signals: { process: 'missing', service: 'ok' } },
    });
    expect(registry.explain('a')?.held).toEqual(['first-poll']);
    registry.probe('a', 1, { outcome: 'answered' });
    expect(status()).toBe('overloaded'); // one answer does not make up for what it missed
    registry.register({ id: 'a', service: 's', address: 'x' });
    registry.heartbeat('a', { generation: 2 });
    expect(status()).toBe('available');
    registry.probe('a', 2, { outcome: 'failed' });
    expect(status()).toBe('overloaded');
  });

  it('polls that fail and pass by turns leave one status, and two answers make up for them', () => {
    const { registry, status } = alone();
    const poll = (outcome: 'answered' | 'failed') => {
      registry.probe('a', 1, { outcome, at: clock++ });
      return status();
    };
    let clock = 1;
    expect(poll('answered')).toBe('available');
    for (let i = 0; i < 20; i++) {
      expect([poll('failed'), poll('answered')]).toEqual(['overloaded', 'overloaded']);
    }
    expect(poll('answered')).toBe('available');
    expect([1, 2, 3, 4].map(() => poll('failed')).at(-1)).toBe('dead');
    expect([poll('answered'), poll('answered')]).toEqual(['overloaded', 'available']);
  });

  it('polls that do not reach it say nothing of it, however many', () => {
    const { loop, registry, status } = alone();
    for (let at = 1; at < 10_000; at += 1000) {
      loop.runUntil(at);
      registry.probe('a', 1, { outcome: 'answered' });
    }
    const before = registry.get('a');
    for (let at = 10_000; at < 200_000; at += 1000) {
      loop.runUntil(at);
      registry.probe('a', 1, { outcome: 'unreached', error: 'ENOTFOUND' });
      expect(status()).toBe('available');
    }
    expect(registry.get('a')?.signals.process).toBe('unknown');
    expect(registry.explain('a')?.lease.expiresIn).toBeGreaterThan(28_000);
    expect(registry.stats.polls.unreached).toBe(190);
    registry.probe('a', 1, { outcome: 'answered' });
    expect({ ...registry.get('a'), revision: 0 }).toEqual({ ...before, revision: 0 });
  });

  it('not ready until it says so, whatever its process does; silent, it is dead all the same', () => {
    const { loop, registry, status } = alone();
    registry.heartbeat('a', { generation: 1, ready: false });
    expect(status()).toBe('not-ready');
    loop.runUntil(1000);
    registry.heartbeat('a', { generation: 1 });
    expect(status()).toBe('not-ready');
    loop.runUntil(2000);
    registry.heartbeat('a', { generation: 1, ready: true });
    expect(status()).toBe('available');
    loop.runUntil(3000);
    registry.heartbeat('a', { generation: 1, ready: false });
    loop.runUntil(10_000);
    expect(status()).toBe('dead');
  });
});
