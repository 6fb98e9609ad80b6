/** Heartbeats of others as rows of a trace. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeartbeatRecorder } from '../src/lab/record/heartbeat-recorder.js';
import type { Row } from '../src/lab/record/row.js';

function recorder(maxPeers = 100) {
  const rows: Row[] = [];
  const recorded = new HeartbeatRecorder((row) => rows.push(row), maxPeers);
  const hear = (id: string, at: number, sequence: number, incarnation = 1) =>
    recorded.heartbeat(id, at, { incarnation, sequence });
  return { recorded, rows, hear };
}

describe('HeartbeatRecorder', () => {
  it('writes times from the first heartbeat of each peer on, in whole µs', () => {
    const { rows, hear } = recorder();
    hear('a', 1000.5, 7);
    hear('b', 1001, 1);
    hear('a', 1100.62345678, 8);
    expect(rows).toEqual([
      { session: 'a', seq: 7, recvMs: 0 },
      { session: 'b', seq: 1, recvMs: 0 },
      { session: 'a', seq: 8, recvMs: 100.123 },
    ]);
  });

  it('begins another session with a newer life, and drops what an older one still says', () => {
    const { recorded, rows, hear } = recorder();
    hear('a', 0, 1, 10);
    hear('a', 500, 1, 11);
    hear('a', 600, 2, 10);
    hear('a', 700, 2, 11);
    expect(rows.map(({ session, seq, recvMs }) => [session, seq, recvMs])).toEqual([
      ['a', 1, 0],
      ['a#2', 1, 0],
      ['a#2', 2, 200],
    ]);
    expect(recorded.counts).toMatchObject({ heartbeats: 3, peers: 1, sessions: 2, stale: 1 });
  });

  it('writes late ones, and each once', () => {
    const { recorded, rows, hear } = recorder();
    for (const sequence of [5, 6, 9, 9, 7, 7, 4, 10]) hear('a', sequence, sequence);
    expect(rows.map(({ seq }) => seq)).toEqual([5, 6, 9, 7, 4, 10]);
    // Of those from its first on only 8 is missing; 4 was sent before it listened.
    expect(recorded.counts).toMatchObject({ heartbeats: 6, lost: 1, duplicates: 2 });
  });

  it('counts as lost what an oracle that remembers everything counts', () => {
    const shuffled = fc
      .array(fc.nat({ max: 120 }), { minLength: 1, maxLength: 200 })
      .map((numbers) => numbers.map((n) => n + 1000));
    fc.assert(
      fc.property(shuffled, (numbers) => {
        const { recorded, rows, hear } = recorder();
        for (const n of numbers) hear('a', n, n);
        const all = [...new Set(numbers)];
        expect(rows.map(({ seq }) => seq)).toEqual(all);
        const after = all.filter((n) => n >= numbers[0]);
        const passed = Math.max(...all) - numbers[0] + 1;
        expect(recorded.counts.lost).toBe(passed - after.length);
        expect(recorded.counts.duplicates).toBe(numbers.length - all.length);
      }),
    );
  });

  it('gives no two sessions one name, whatever peers call themselves', () => {
    const id = fc.constantFrom('a', 'a#1', 'a#2', 'a#2#2', 'a#02', '#1', '#');
    const beat = fc.record({ id, incarnation: fc.nat({ max: 4 }) });
    fc.assert(
      fc.property(fc.array(beat, { maxLength: 60 }), (beats) => {
        const lives = new Set<string>();
        const latest = new Map<string, number>();
        const { rows, hear } = recorder();
        for (const [i, { id: each, incarnation }] of beats.entries()) {
          hear(each, i, i, incarnation);
          if (incarnation < (latest.get(each) ?? 0)) continue;
          latest.set(each, incarnation);
          lives.add(JSON.stringify([each, incarnation]));
        }
        expect(new Set(rows.map(({ session }) => session)).size).toBe(lives.size);
      }),
    );
  });

  it('refuses peers beyond the most, and hears those that it has', () => {
    const { recorded, rows, hear } = recorder(2);
    for (const id of ['a', 'b', 'c', 'a', 'c']) hear(id, rows.length, rows.length);
    expect(rows.map(({ session }) => session)).toEqual(['a', 'b', 'a']);
    expect(recorded.counts).toMatchObject({ peers: 2, refused: 2 });
  });
});
