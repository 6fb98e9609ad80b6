/** The scheduler of background checks, on a clock of its own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NotRun } from '../../src/health/check.js';
import { Periodic, type PeriodicTask, type Run, type State } from '../../src/health/periodic.js';
import { resolveSchedule, type ScheduleOptions } from '../../src/health/schedule.js';
import { Loop } from '../support/loop.js';

/**
 * A promise without the microtask between its settling and whoever waits for it: so the loop's
 * clock stands still in between, as a real one nearly does.
 */
class Answer<T> {
  #waiting: [(value: T) => void, (error: unknown) => void] | undefined;

  // biome-ignore lint/suspicious/noThenProperty: it is to be taken for a promise
  then(onValue: (value: T) => void, onError: (error: unknown) => void): void {
    this.#waiting = [onValue, onError];
  }

  resolve(value: T): void {
    this.#waiting?.[0](value);
  }

  reject(error: unknown): void {
    this.#waiting?.[1](error);
  }

  get promise(): Promise<T> {
    return this as unknown as Promise<T>;
  }
}

const schedule = (options: ScheduleOptions = {}) =>
  resolveSchedule({ interval: 100, timeout: 40, jitter: 0, rise: 2, fall: 3, ...options });

const passes = (value: boolean) => value;

/** A task that never settles by itself; its starts, and ways to settle each. */
function hanging(loop: Loop) {
  const starts: number[] = [];
  const settle: ((value: boolean) => void)[] = [];
  const signals: AbortSignal[] = [];
  const runs: Run<boolean>[] = [];
  return {
    starts,
    settle,
    signals,
    runs,
    work: {
      run: (signal: AbortSignal) => {
        starts.push(loop.now());
        signals.push(signal);
        const answer = new Answer<boolean>();
        settle.push((value) => answer.resolve(value));
        return answer.promise;
      },
      passes,
      onRun: (run: Run<boolean>) => runs.push(run),
    },
  };
}

describe('Periodic', () => {
  it('runs after the initial delay, then an interval after each end', () => {
    const loop = new Loop();
    const periodic = new Periodic({ clock: loop });
    const task = hanging(loop);
    periodic.add(task.work, schedule({ initialDelay: 250 }));
    loop.runUntil(249);
    expect(task.starts).toEqual([]);
    loop.runUntil(280);
    task.settle[0](true); // after 30 ms
    loop.runUntil(500);
    expect(task.starts).toEqual([250, 380]);
    expect(task.runs[0]).toMatchObject({ at: 280, duration: 30, decision: 'pass', value: true });
  });

  it('waits no less than the interval, and at most the jitter more', () => {
    for (const [random, wait] of [
      [0, 100],
      [0.5, 110],
      [0.999, 119.98],
    ]) {
      const loop = new Loop();
      const starts: number[] = [];
      const run = () => {
        starts.push(loop.now());
        return true;
      };
      const periodic = new Periodic({ clock: loop, random: () => random });
      periodic.add({ run, passes }, schedule({ jitter: 0.2 }));
      loop.runUntil(1000);
      const gaps = starts.slice(1).map((at, i) => at - starts[i]);
      expect(gaps.length).toBeGreaterThan(6);
      for (const gap of gaps) expect(gap).toBeCloseTo(wait, 9);
    }
  });

  it('aborts a run whose time is up; that is a failure that says so', () => {
    const loop = new Loop();
    const periodic = new Periodic({ clock: loop });
    const task = hanging(loop);
    periodic.add(task.work, schedule());
    loop.runUntil(39);
    expect(task.signals[0].aborted).toBe(false);
    loop.runUntil(50);
    expect(task.signals[0].aborted).toBe(true);
    expect(task.runs).toHaveLength(1);
    expect(task.runs[0]).toMatchObject({ decision: 'fail', at: 40, duration: 40 });
    expect(String(task.runs[0].error)).toBe('TimeoutError: timeout after 40ms');
  });

  it('never runs a task beside itself: while a run hangs, each interval is a failure', () => {
    const loop = new Loop();
    const periodic = new Periodic({ clock: loop, concurrency: 1 });
    const task = hanging(loop);
    const handle = periodic.add(task.work, schedule());
    loop.runUntil(1000);
    expect(task.starts).toEqual([0]);
    expect(task.runs.map(({ at }) => at)).toEqual([
      40, 140, 240, 340, 440, 540, 640, 740, 840, 940,
    ]);
    expect(String(task.runs[1].error)).toContain('still running after 140ms');
    expect(handle.state).toBe('down');
    // Its place was given to others long since.
    expect(periodic.stats).toEqual({ tasks: 1, running: 0, waiting: 0 });
    task.settle[0](true); // too late to count
    loop.runUntil(1100);
    expect(task.starts).toHaveLength(2);
    expect(task.runs.every(({ decision }) => decision === 'fail')).toBe(true);
  });

  it('does not take an answer that came in time but waited for a late process for a time-out', () => {
    const loop = new Loop();
    const periodic = new Periodic({ clock: loop });
    const task = hanging(loop);
    periodic.add(task.work, schedule({ timeout: 100 }));
    loop.runUntil(1);
    // More than an event loop reads in one round.
    for (let i = 0; i < 100; i++) loop.arrive(10, () => {});
    loop.arrive(20, () => task.settle[0](true));
    loop.block(5000);
    loop.runUntil(5050);
    expect(task.runs.map(({ decision }) => decision)).toEqual(['pass']);
  });

  it('gives a late process only so much: then it is a time-out', () => {
    const loop = new Loop();
    const periodic = new Periodic({ clock: loop });
    const task = hanging(loop);
    periodic.add(task.work, schedule({ timeout: 100 }));
    loop.runUntil(1);
    loop.block(5000);
    loop.runUntil(5190);
    expect(task.runs).toHaveLength(1);
    expect(task.runs[0]).toMatchObject({ decision: 'fail', at: 5101 });
  });

  it('runs no more at once than it may, in the order in which they fell due', () => {
    const loop = new Loop();
    const periodic = new Periodic({ clock: loop, concurrency: 2 });
    const order: number[] = [];
    const settle: (() => void)[] = [];
    for (let i = 0; i < 6; i++) {
      const run = () => {
        order.push(i);
        const answer = new Answer<boolean>();
        settle.push(() => answer.resolve(true));
        return answer.promise;
      };
      periodic.add({ run, passes }, schedule({ initialDelay: i, interval: 1000, timeout: 1000 }));
    }
    loop.runUntil(20);
    expect(order).toEqual([0, 1]);
    expect(periodic.stats).toEqual({ tasks: 6, running: 2, waiting: 4 });
    settle[1]();
    loop.runUntil(21);
    expect(order).toEqual([0, 1, 2]);
    settle[0]();
    settle[2]();
    loop.runUntil(22);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it('a run that could not be made moves neither count, in time and after it', () => {
    const loop = new Loop();
    const periodic = new Periodic({ clock: loop });
    const said = [false, false, 'not run', false] as const;
    let turn = 0;
    const run = (): boolean => {
      const what = said[Math.min(turn++, 3)];
      if (what === 'not run') throw new NotRun('no thread');
      return what;
    };
    const task = periodic.add({ run, passes }, schedule());
    loop.runUntil(250);
    expect([task.failures, task.state]).toEqual([2, 'unknown']);
    expect(task.runs[2].decision).toBe('undecided');
    loop.runUntil(350);
    expect([task.failures, task.state]).toEqual([3, 'down']);

    const late = (signal: AbortSignal) => {
      const answer = new Answer<boolean>();
      signal.addEventListener('abort', () => answer.reject(new NotRun('it waited in vain')));
      return answer.promise;
    };
    const waiting = periodic.add({ run: late, passes }, schedule());
    loop.runUntil(loop.now() + 60);
    expect(waiting.runs.map(({ decision }) => decision)).toEqual(['undecided']);
  });

  it('says nothing of a task that was removed, and gives its place on', () => {
    const loop = new Loop();
    const periodic = new Periodic({ clock: loop, concurrency: 1 });
    const first = hanging(loop);
    const second = hanging(loop);
    const handle = periodic.add(first.work, schedule());
    periodic.add(second.work, schedule());
    loop.runUntil(10);
    expect(second.starts).toEqual([]);
    handle.remove();
    expect(first.signals[0].aborted).toBe(true);
    first.settle[0](true);
    loop.runUntil(20);
    expect(second.starts).toEqual([10]);
    expect(first.runs).toEqual([]);
    expect(periodic.stats.tasks).toBe(1);
  });

  it('ends with close(), with its signal, and before it began', () => {
    const loop = new Loop();
    const ending = new AbortController();
    const periodic = new Periodic({ clock: loop, concurrency: 1, signal: ending.signal });
    const running = hanging(loop);
    const waiting = hanging(loop);
    periodic.add(running.work, schedule());
    periodic.add(waiting.work, schedule());
    loop.runUntil(10);
    ending.abort();
    expect(running.signals[0].aborted).toBe(true);
    periodic.add(waiting.work, schedule());
    loop.runUntil(500);
    expect(waiting.starts).toEqual([]);
    expect(loop.timers).toBe(0);
    expect(periodic.stats).toEqual({ tasks: 0, running: 0, waiting: 0 });
  });

  it('keeps so many runs as history says', () => {
    const loop = new Loop();
    const periodic = new Periodic({ clock: loop });
    const task = periodic.add({ run: () => true, passes }, schedule({ history: 3 }));
    loop.runUntil(1050);
    expect(task.runs.map(({ at }) => at)).toEqual([800, 900, 1000]);
  });

  it('what is said of the options', () => {
    expect(() => resolveSchedule({ interval: 1000, timeout: 1001 })).toThrow(
      'timeout: expected at most the interval, 1000, got 1001',
    );
    expect(resolveSchedule({ interval: 700 }).timeout).toBe(700);
    expect(resolveSchedule({ interval: 1000, timeout: 1000 }).timeout).toBe(1000);
    expect(resolveSchedule({ interval: undefined }).interval).toBe(10_000);
    for (const bad of [
      { initialDelay: -1 },
      { interval: 0 },
      { jitter: 1.1 },
      { rise: 0 },
      { fall: 1.5 },
      { history: 0 },
      { interval: Number.NaN },
    ]) {
      expect(() => resolveSchedule(bad)).toThrow(RangeError);
    }
    expect(() => resolveSchedule({ rise: '2' as never })).toThrow(TypeError);
    expect(() => new Periodic({ concurrency: 0 })).toThrow('concurrency: expected');
  });

  /** What a run does: answers after so long, or hangs for longer than its time. */
  interface Step {
    readonly after: number;
    readonly outcome: 'pass' | 'fail' | 'undecided';
  }

  /** The plain sum of what must come about, with a task alone. */
  function oracle(
    steps: readonly Step[],
    options: ReturnType<typeof resolveSchedule>,
    end: number,
  ) {
    const runs: { at: number; decision: string; state: State }[] = [];
    let [state, passes, failures]: [State, number, number] = ['unknown', 0, 0];
    let start = options.initialDelay;
    let turn = 0;
    const say = (at: number, decision: string) => {
      if (decision === 'pass') [passes, failures] = [passes + 1, 0];
      if (decision === 'fail') [passes, failures] = [0, failures + 1];
      if (decision === 'pass' && (state === 'unknown' || passes >= options.rise)) state = 'up';
      if (decision === 'fail' && failures >= options.fall) state = 'down';
      if (at < end) runs.push({ at, decision, state });
    };
    while (start < end) {
      const { after, outcome } = steps[turn++ % steps.length];
      if (after < options.timeout) {
        say(start + after, outcome);
        start += after + options.interval;
        continue;
      }
      const back = start + after;
      start += options.timeout;
      say(start, 'fail');
      start += options.interval;
      while (back > start && start < end) {
        say(start, 'fail');
        start += options.interval;
      }
    }
    return runs;
  }

  it('does what a plain sum says, for any answers', () => {
    const step = fc.record({
      // Half ms: nothing falls on the instant of something else.
      after: fc.integer({ min: 0, max: 70 }).map((ms) => ms + 0.5),
      outcome: fc.constantFrom('pass', 'fail', 'undecided') as fc.Arbitrary<Step['outcome']>,
    });
    const property = fc.property(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 30 }),
      (steps, rise, fall, initialDelay) => {
        const options = schedule({ interval: 25, timeout: 20, rise, fall, initialDelay });
        const loop = new Loop();
        const periodic = new Periodic({ clock: loop });
        const seen: { at: number; decision: string; state: State }[] = [];
        let turn = 0;
        const run = () => {
          const { after, outcome } = steps[turn++ % steps.length];
          const answer = new Answer<boolean>();
          loop.setTimeout(() => {
            if (outcome === 'undecided') answer.reject(new NotRun('so'));
            else answer.resolve(outcome === 'pass');
          }, after);
          return answer.promise;
        };
        const onRun = ({ at, decision }: Run<boolean>, { state }: PeriodicTask<boolean>) =>
          seen.push({ at, decision, state });
        periodic.add({ run, passes, onRun }, options);
        loop.runUntil(400);
        expect(seen).toEqual(oracle(steps, options, 400));
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});
