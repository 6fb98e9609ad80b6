/** The schedule of pings, and which answer belongs to which: by a fake clock. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Answer, PingRecorder } from '../src/lab/record/ping-recorder.js';
import type { Row } from '../src/lab/record/row.js';

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'],
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

type Outcome = number | { fails: string; after: number };

/** A recorder whose n-th ping is answered after `outcomes[n]` ms, the last one for all others. */
function record(outcomes: readonly Outcome[], interval = 100, timeout = 1000) {
  const rows: Row[] = [];
  const sentAt: number[] = [];
  const aborted: number[] = [];
  const start = performance.now();
  const ping = (signal: AbortSignal) =>
    new Promise<Answer>((resolve, reject) => {
      const n = sentAt.push(performance.now() - start) - 1;
      signal.addEventListener('abort', () => aborted.push(n));
      const outcome = outcomes[Math.min(n, outcomes.length - 1)];
      if (typeof outcome === 'number') {
        setTimeout(() => resolve({ at: performance.now(), kind: 'pong' }), outcome);
      } else {
        setTimeout(() => reject(new Error(outcome.fails)), outcome.after);
      }
    });
  const recorder = new PingRecorder('s', ping, (row) => rows.push(row), { interval, timeout });
  return { recorder, rows, sentAt, aborted };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('PingRecorder', () => {
  it('sends at the interval whether or not there are answers, and tells them apart', async () => {
    const { recorder, rows, sentAt } = record([350, 50, 220, 10]);
    await pass(360);
    expect(sentAt).toEqual([0, 100, 200, 300]);
    expect(rows).toEqual([
      { session: 's', seq: 1, sendMs: 100, recvMs: 150 },
      { session: 's', seq: 3, sendMs: 300, recvMs: 310 },
      { session: 's', seq: 0, sendMs: 0, recvMs: 350 },
    ]);
    await pass(65);
    expect(rows[3]).toEqual({ session: 's', seq: 4, sendMs: 400, recvMs: 410 });
    expect(rows[4]).toEqual({ session: 's', seq: 2, sendMs: 200, recvMs: 420 });
    expect(recorder.counts).toMatchObject({ sent: 5, answered: 5, lost: 0 });
    expect([...recorder.counts.kinds]).toEqual([['pong', 5]]);
  });

  it('takes a ping for lost after the time-out; a later answer changes nothing', async () => {
    const { recorder, rows, aborted } = record([700, 10], 1000, 500);
    await pass(499);
    expect(rows).toEqual([]);
    await pass(2);
    expect(rows).toEqual([{ session: 's', seq: 0, sendMs: 0 }]);
    expect(aborted).toEqual([0]);
    await pass(600);
    expect(rows.map(({ seq }) => seq)).toEqual([0, 1]);
    expect([...recorder.counts.reasons]).toEqual([['timed out', 1]]);
  });

  it('writes a failure at once, and counts why', async () => {
    const { recorder, rows } = record([{ fails: 'refused', after: 5 }]);
    await pass(250);
    expect(rows).toEqual([0, 1, 2].map((seq) => ({ session: 's', seq, sendMs: seq * 100 })));
    expect([...recorder.counts.reasons]).toEqual([['refused', 3]]);
  });

  it('sends nothing after its end, and leaves no row of what was open', async () => {
    const { recorder, rows, sentAt, aborted } = record([10, 400]);
    await pass(150);
    recorder.stop();
    await pass(5000);
    expect(sentAt).toEqual([0, 100]);
    expect(rows.map(({ seq }) => seq)).toEqual([0]);
    expect(aborted).toEqual([1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  /** The process stands still: the clock goes on, and timers come late. */
  function stall(ms: number): void {
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + ms);
  }

  it('reads what waits before it takes a ping for lost because it was late itself', async () => {
    const { recorder, rows } = record([420, 5000], 60_000, 400);
    await pass(390);
    stall(3000);
    await pass(40); // the expiry is 3 s late, the answer comes after it
    expect(rows).toEqual([{ session: 's', seq: 0, sendMs: 0, recvMs: 3420 }]);
    expect(recorder.counts.lost).toBe(0);
  });

  it('still takes it for lost when nothing waits', async () => {
    const { rows } = record([1e6], 60_000, 400);
    await pass(390);
    stall(3000);
    await pass(490);
    expect(rows).toEqual([]);
    await pass(30);
    expect(rows).toEqual([{ session: 's', seq: 0, sendMs: 0 }]);
  });

  it('does not number the turns that it missed, and stays on its schedule', async () => {
    const { rows, sentAt } = record([1]);
    await pass(150);
    stall(1030);
    await pass(250);
    // Sent at 0 and 100; the turn of 200 came at 1230, and then those of 1300 and 1400.
    expect(rows.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4].slice(0, rows.length));
    expect(sentAt.slice(0, 4)).toEqual([0, 100, 1230, 1300]);
  });

  it('writes one row for each ping, answered if and only if the answer came in time', async () => {
    const delays = fc.array(fc.integer({ min: 1, max: 450 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(delays, fc.integer({ min: 1, max: 300 }), async (list, interval) => {
        const outcomes = list.map((delay) => 2 * delay); // none is just at the time-out
        const { recorder, rows, sentAt } = record(outcomes, interval, 451);
        await pass(interval * (list.length - 1) + 1000);
        recorder.stop();
        for (const [seq, delay] of outcomes.entries()) {
          const sendMs = sentAt[seq];
          const recvMs = sendMs + delay;
          const expected = { session: 's', seq, sendMs, ...(delay < 451 && { recvMs }) };
          expect(rows.filter((row) => row.seq === seq)).toEqual([expected]);
        }
      }),
      { numRuns: 50 },
    );
  });
});
