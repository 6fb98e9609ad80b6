/** Deep checks: answers from what is known, on a clock of its own. */
import { describe, expect, it } from 'vitest';
import { aboutOthers, type CheckAnswer, isAboutOthers, NotRun } from '../../src/health/check.js';
import { type DeepStateEvent, Producer, type ProducerOptions } from '../../src/health/deep.js';
import { Loop } from '../support/loop.js';
import { run } from './support.js';

const every = { interval: 100, timeout: 50, jitter: 0 };

function setup(options: ProducerOptions = {}) {
  const loop = new Loop();
  const producer = new Producer({ clock: loop, random: () => 0, ...options });
  let answer: () => CheckAnswer = () => true;
  const asked: number[] = [];
  const check = () => {
    asked.push(loop.now());
    return answer();
  };
  const says = (next: () => CheckAnswer) => {
    answer = next;
  };
  return { loop, producer, check, asked, says };
}

describe('a deep check', () => {
  it('answers at once from the last settled state, and asks nobody when it is asked', () => {
    const { loop, producer, check, asked } = setup();
    const deep = producer.deepCheck(check, every);
    expect(deep()).toEqual({ ok: false, reason: 'not checked yet' });
    loop.runUntil(250);
    const before = asked.length;
    for (let i = 0; i < 1000; i++) expect(deep().ok).toBe(true);
    expect(asked.length).toBe(before);
    expect(asked).toEqual([0, 100, 200]);
    expect(deep()).toEqual({ ok: true, figures: { age: 50, failures: 0 } });
  });

  it('goes down at the third failure in a row and up at the second pass', () => {
    const { loop, producer, check, says } = setup();
    const deep = producer.deepCheck(check, every);
    const states: DeepStateEvent[] = [];
    producer.on('state', (event) => states.push(event));
    loop.runUntil(50);
    says(() => ({ ok: false, reason: 'no', figures: { lag: 7 } }));
    loop.runUntil(250); // two failures
    expect(deep()).toMatchObject({ ok: true, figures: { failures: 2 } });
    loop.runUntil(350);
    expect(deep()).toEqual({ ok: false, reason: 'no', figures: { lag: 7, age: 50, failures: 3 } });
    says(() => ({ ok: true, degraded: true, reason: 'slow' }));
    loop.runUntil(450);
    expect(deep()).toMatchObject({ ok: false, reason: 'no' });
    loop.runUntil(550);
    expect(deep()).toMatchObject({ ok: true, degraded: true, reason: 'slow' });
    expect(states.map(({ from, to, at, reason }) => [from, to, at, reason])).toEqual([
      ['unknown', 'up', 0, undefined],
      ['up', 'down', 300, 'no'],
      ['down', 'up', 500, 'slow'],
    ]);
    expect(states.every((event) => event.check === deep)).toBe(true);
  });

  it('stays as it is while fail and pass alternate', () => {
    const { loop, producer, check, says } = setup();
    const deep = producer.deepCheck(check, every);
    let turn = 0;
    says(() => turn++ % 2 === 0);
    const states: string[] = [];
    producer.on('state', ({ to }) => states.push(to));
    loop.runUntil(5000);
    expect(turn).toBe(50);
    expect(states).toEqual(['up']);
    expect(deep().ok).toBe(true);
  });

  it('says why it fails before it was ever up', () => {
    const { loop, producer, check, says } = setup();
    const deep = producer.deepCheck(check, every);
    says(() => {
      throw Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' });
    });
    loop.runUntil(50);
    expect(deep.state).toBe('unknown');
    expect(deep()).toMatchObject({ ok: false, reason: 'ECONNREFUSED: connect refused' });
  });

  it('has a readable reason for whatever is answered or thrown', () => {
    const { loop, producer } = setup();
    const throws = (error: unknown) => () => {
      throw error;
    };
    for (const [check, reason] of [
      [() => false, 'failed'],
      [() => 'disk on fire', 'disk on fire'],
      [() => 7 as never, 'it answered neither true, false, a reason nor a result'],
      [() => null as never, 'it answered neither true, false, a reason nor a result'],
      [throws(undefined), 'rejected without a reason'],
      [throws(null), 'threw null'],
      [throws('text'), 'threw text'],
      [throws({}), 'threw an object without a message'],
      [throws(Object.assign(new Error(''), { code: 'EPIPE' })), 'EPIPE'],
      [throws(new AggregateError([new Error('a'), new Error('b'), new Error('a')])), 'a; b'],
    ] as const) {
      const deep = producer.deepCheck(check, every);
      loop.runUntil(loop.now() + 10);
      expect(deep().reason).toBe(reason);
    }
  });

  it('is harmed by no answer that throws when it is read, nor are those beside it', async () => {
    const mean = (name: string, of: object = { ok: true, reason: 'r' }) =>
      Object.defineProperty(of, name, {
        get: () => {
          throw new Error('mean');
        },
      });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const untrue = Object.assign(Promise.resolve(true), {
      // biome-ignore lint/suspicious/noThenProperty: what is tested
      then: () => {
        throw new Error('mean');
      },
    });
    const answers = ['ok', 'reason', 'degraded', 'figures'].map((name) => mean(name));
    const thrown = [mean('message'), mean('code'), mean('name', new Error('x')), proxy];
    const checks: (() => unknown)[] = [
      ...answers.flatMap((each) => [() => each, async () => each]),
      ...thrown.flatMap((each) => [
        () => {
          throw each;
        },
        () => Promise.reject(each),
      ]),
      () => untrue,
    ];
    const { loop, producer } = setup({ concurrency: 100 });
    const deep = checks.map((each) => producer.deepCheck(each as never, { ...every, fall: 1 }));
    const beside = producer.deepCheck(() => true, every);
    await run(loop, 500, 10);
    for (const each of deep) {
      expect(each.state).toBe('down');
      expect(each().reason).toMatch(/mean|cannot be read|^x$/);
      expect(each.runs.length).toBe(5);
    }
    expect(beside.runs.length).toBe(5);
  });

  it('what several depend on is asked once an interval for all of them', () => {
    const { loop, producer, check, asked } = setup();
    const dependents = [1, 2, 3, 4, 5].map(() => producer.deepCheck(check, every));
    expect(new Set(dependents).size).toBe(1);
    loop.runUntil(1050);
    for (const deep of dependents) expect(deep().ok).toBe(true);
    expect(asked).toHaveLength(11);
    expect(() => producer.deepCheck(check, { ...every, interval: 200 })).toThrow(RangeError);
    dependents[0].close();
    loop.runUntil(2000);
    expect(asked).toHaveLength(11);
    producer.deepCheck(check, { ...every, interval: 200 }); // as a new one
    loop.runUntil(2010);
    expect(asked).toHaveLength(12);
  });

  it('does not run in the start-up grace', () => {
    const { loop, producer, check, asked } = setup({ grace: 1000 });
    const deep = producer.deepCheck(check, every);
    loop.runUntil(600);
    producer.deepCheck(() => check(), { ...every, initialDelay: 300 }); // ends before the grace
    producer.deepCheck(() => check(), { ...every, initialDelay: 700 }); // ends after it
    loop.runUntil(999);
    expect(asked).toEqual([]);
    expect(deep()).toMatchObject({ ok: false, reason: 'not checked yet' });
    loop.runUntil(1001);
    expect(asked).toEqual([1000, 1000]);
    loop.runUntil(1301);
    expect(asked.filter((at) => at >= 1300)).toHaveLength(3);
    expect(deep().ok).toBe(true);
  });

  it('changes nothing where a run could not be made, and shows it', () => {
    const { loop, producer, check, says } = setup();
    const deep = producer.deepCheck(check, every);
    loop.runUntil(50);
    says(() => {
      throw new NotRun('no thread for it');
    });
    loop.runUntil(1050);
    expect(deep()).toMatchObject({ ok: true, figures: { failures: 0 } });
    const { at, ...run } = deep.runs.at(-1)!;
    expect(run).toMatchObject({ ok: false, undecided: true, reason: 'no thread for it' });
    expect(at).toBe(1000);
  });

  it('is marked as the check is, so that livez refuses it', () => {
    const { producer } = setup();
    const own = producer.deepCheck(() => true);
    const others = producer.deepCheck(aboutOthers(() => true));
    expect([isAboutOthers(own), isAboutOthers(others)]).toEqual([false, true]);
  });

  it('gives each run to a sink, and no listener stops another', () => {
    const { loop, producer, check } = setup();
    const deep = producer.deepCheck(check, { ...every, history: 2 });
    const kept: number[] = [];
    const errors: unknown[] = [];
    producer.on('run', () => {
      throw new Error('a sink that is broken');
    });
    producer.on('run', (run) => kept.push(run.at));
    producer.on('error', ({ error }) => errors.push(error));
    loop.runUntil(350);
    expect(kept).toEqual([0, 100, 200, 300]);
    expect(deep.runs.map(({ at }) => at)).toEqual([200, 300]);
    expect(errors).toHaveLength(4);
    producer.close();
    loop.runUntil(1000);
    expect(kept).toHaveLength(4);
    expect(loop.timers).toBe(0);
  });

  it('refuses what it does not know', () => {
    const { producer } = setup();
    expect(() => producer.deepCheck('x' as never)).toThrow('check: expected a function');
    expect(() => producer.deepCheck(() => true, { intervall: 1 } as never)).toThrow(
      'unknown option "intervall"',
    );
    expect(() => producer.deepCheck(() => true, { interval: 10, timeout: 11 })).toThrow('timeout');
    expect(() => new Producer({ grace: -1 })).toThrow('grace: expected');
    expect(() => new Producer({ cap: 1 } as never)).toThrow('unknown option "cap"');
  });
});
