/** The supervisor by a fake clock, with a child that does what the test says. */
import { describe, expect, it } from 'vitest';
import type { Ending, Supervised } from '../../src/cli/run/child.js';
import { type Supervision, Supervisor } from '../../src/cli/run/supervisor.js';
import { AsyncClock, settle } from '../support/async-clock.js';

class FakeChild implements Supervised {
  ending: Ending | undefined;
  state: Supervised['state'] = 'runs';
  readonly stops: (NodeJS.Signals | undefined)[] = [];
  /** Processes that it has started and that live. */
  orphans = 0;
  #resolve: (ending: Ending) => void = () => {};
  readonly ended = new Promise<Ending>((resolve) => {
    this.#resolve = resolve;
  });

  constructor(readonly pid: number) {}

  end(ending: Partial<Ending>): void {
    this.ending ??= { code: null, signal: null, ...ending };
    this.state = 'ended';
    this.#resolve(this.ending);
  }

  async stop(_: number, signal: NodeJS.Signals | undefined): Promise<Ending> {
    this.stops.push(signal);
    this.orphans = 0;
    this.end({ signal: signal ?? 'SIGKILL' });
    return await this.ended;
  }
}

const DEFAULTS = {
  ...{ interval: 1000, pause: 5000, delay: 1000, startTimeout: 60_000, grace: 10 },
} as const;

function world(options: Partial<Supervision> = {}, probe?: () => boolean) {
  const clock = new AsyncClock();
  const children: FakeChild[] = [];
  const startedAt: number[] = [];
  const said: string[] = [];
  let ups = '';
  const supervisor = new Supervisor({
    id: 'x',
    options: { ...DEFAULTS, restart: 'on-failure', ...options },
    spawn: () => {
      // One at a time, and nothing of it left.
      for (const { ending, orphans } of children)
        expect({ ending, orphans }).not.toMatchObject({ ending: undefined });
      for (const { orphans } of children) expect(orphans).toBe(0);
      startedAt.push(clock.now());
      children.push(new FakeChild(children.length + 1));
      return children[children.length - 1];
    },
    beatsForItself: false,
    probe: probe && { ask: async () => probe(), close: () => {} },
    log: (line) => said.push(line),
    host: clock,
    random: () => 0.5,
  });
  supervisor.onChange(() => {
    const up = supervisor.isUp ? 'U' : 'd';
    if (!ups.endsWith(up)) ups += up;
  });
  const last = () => children[children.length - 1];
  return { clock, children, startedAt, said, supervisor, last, ups: () => ups };
}

describe('the supervisor', () => {
  it.each([{ code: 1 }, { signal: 'SIGKILL' as const }, { code: 143 }])(
    'takes a child that ended by itself (%j) out of the route in that instant, and restarts it after the delay',
    async (ending) => {
      const { clock, supervisor, startedAt, last, said } = world();
      await supervisor.start();
      await clock.pass(10_000);
      expect(supervisor.isUp).toBe(true);
      last().end(ending);
      await settle();
      expect(supervisor.isUp).toBe(false);
      await clock.pass(999);
      expect(startedAt).toEqual([0]);
      await clock.pass(1);
      expect(startedAt).toEqual([0, 11_000]);
      await clock.pass(0);
      expect(supervisor.isUp).toBe(true);
      expect(said).toContain('x: restart 1 (exit 1)');
      await supervisor.close();
    },
  );

  it('has nobody routed to a child before its probe was answered, at each of its starts', async () => {
    let answers = false;
    const { clock, supervisor, last, ups } = world({}, () => answers);
    await supervisor.start();
    await clock.pass(30_000);
    expect(ups()).toBe('d');
    answers = true;
    await clock.pass(1000);
    expect(ups()).toBe('dU');
    last().end({ code: 1 });
    answers = false;
    await clock.pass(30_000);
    expect(ups()).toBe('dUd');
    answers = true;
    await clock.pass(1000);
    expect(ups()).toBe('dUdU');
    await supervisor.close();
  });

  it('restarts a child that has not served within the time for its start, also one that never will', async () => {
    let answers = false;
    const { clock, supervisor, startedAt, children, said } = world({}, () => answers);
    await supervisor.start();
    await clock.pass(59_999);
    expect(children[0].stops).toEqual([]);
    // The delays before its restarts, 1 and 2 s, and a random part of 0.5 s.
    await clock.pass(64_001);
    expect(startedAt).toEqual([0, 61_500, 124_000]);
    expect(children[0].stops).toEqual(['SIGTERM']);
    expect(said).toContain('x: has not served within 60000 ms of its start');
    expect(said).toContain('x: restart 2 (start-timeout 2)');
    await clock.pass(59_000);
    answers = true;
    await clock.pass(600_000);
    expect(children).toHaveLength(3);
    await supervisor.close();
  });

  it('does not restart a child that serves late, but before its restart', async () => {
    let answers = false;
    const { clock, supervisor, children, said } = world({ delay: 20_000 }, () => answers);
    await supervisor.start();
    await clock.pass(65_000);
    answers = true;
    await clock.pass(600_000);
    expect(supervisor.isUp).toBe(true);
    expect(children).toHaveLength(1);
    expect(said.filter((line) => /restart/.test(line))).toEqual([]);
    await supervisor.close();
  });

  it.each([
    ['has no probe, and is not Node', {}, false],
    ['is given as long as it needs', { startTimeout: 0 }, true],
    ['is not to be restarted', { restart: 'never' }, true],
  ] as const)('lets a child take its time that %s', async (_, options, probed) => {
    const { clock, supervisor, children } = world(options, probed ? () => false : undefined);
    await supervisor.start();
    await clock.pass(600_000);
    expect(children).toHaveLength(1);
    expect(children[0].stops).toEqual([]);
    await supervisor.close();
    expect(clock.timers).toBe(0);
  });

  it('gives the time for its start anew to a child that ended before it served', async () => {
    const { clock, supervisor, startedAt, last } = world({}, () => false);
    await supervisor.start();
    await clock.pass(50_000);
    last().end({ code: 1 });
    await clock.pass(60_000);
    expect(startedAt).toEqual([0, 51_000]);
    await supervisor.stop('SIGTERM');
    await clock.pass(600_000);
    expect(startedAt).toHaveLength(2);
    await supervisor.close();
    expect(clock.timers).toBe(0);
  });

  it('ends what a child has left before it starts another', async () => {
    const { clock, supervisor, children, last } = world();
    await supervisor.start();
    last().orphans = 2;
    last().end({ code: 1 });
    await clock.pass(1000);
    expect(children).toHaveLength(2);
    expect(children[0].stops).toEqual(['SIGTERM']);
    await supervisor.close();
  });

  it('counts restarts by what caused them', async () => {
    let answers = true;
    const { clock, supervisor, children, last, said } = world({}, () => answers);
    await supervisor.start();
    await clock.pass(20_000);
    last().end({ code: 1 });
    await clock.pass(20_000);
    // A server that is stopped answers nobody.
    last().state = 'stopped';
    answers = false;
    await clock.pass(60_000);
    expect(children).toHaveLength(3);
    answers = true;
    await clock.pass(20_000);
    answers = false;
    await clock.pass(60_000);
    expect(said).toContain('x: restart 3 (exit 1, frozen 1, probe-failing 1)');
    await supervisor.stop('SIGTERM');
    expect(said.at(-1)).toBe('x: restarted 3 times (exit 1, frozen 1, probe-failing 1)');
    await supervisor.close();
  });

  it('does not restart a child that recovers while its restart waits', async () => {
    let answers = true;
    const { clock, supervisor, children } = world({ delay: 20_000 }, () => answers);
    await supervisor.start();
    await clock.pass(20_000);
    answers = false;
    await clock.pass(15_000);
    expect(supervisor.isUp).toBe(false);
    answers = true;
    await clock.pass(200_000);
    expect(supervisor.isUp).toBe(true);
    expect(children).toHaveLength(1);
    await supervisor.close();
  });

  it.each([
    ['in all', { most: 2, within: Infinity }],
    ['within a while', { most: 2, within: 60_000 }],
  ])('gives up after as many restarts as it may make %s', async (_, maxRestarts) => {
    const { clock, supervisor, children, last } = world({ maxRestarts });
    await supervisor.start();
    let code: number | undefined;
    void supervisor.finished.then((with_) => {
      code = with_;
    });
    for (let i = 0; i < 3; i++) {
      expect(code).toBe(undefined);
      last().end({ code: 1 });
      await clock.pass(10_000);
    }
    expect(code).toBe(121);
    expect(children).toHaveLength(3);
    await supervisor.close();
  });

  it('forgets restarts that are longer ago than the limit tells', async () => {
    const { clock, supervisor, children, last } = world({
      maxRestarts: { most: 2, within: 60_000 },
    });
    await supervisor.start();
    for (let i = 0; i < 6; i++) {
      last().end({ code: 1 });
      await clock.pass(100_000);
    }
    expect(children).toHaveLength(7);
    await supervisor.close();
  });

  it('ends a child that hangs when no restart is left', async () => {
    const { clock, supervisor, last } = world({ maxRestarts: { most: 0, within: Infinity } });
    await supervisor.start();
    await clock.pass(20_000);
    last().state = 'stopped';
    await clock.pass(60_000);
    expect(last().stops).toEqual(['SIGTERM']);
    expect(await supervisor.finished).toBe(121);
    await supervisor.close();
  });

  it.each([
    ['never', { restart: 'never' }, { code: 3 }, 3],
    ['on failure, after success', {}, { code: 0 }, 0],
    [
      'what could not be started',
      {},
      { error: Object.assign(new Error('x'), { code: 'ENOENT' }) },
      127,
    ],
  ] as const)(
    'ends with its child where that is not restarted: %s',
    async (_, options, ending, code) => {
      const { supervisor, last } = world(options);
      await supervisor.start();
      last().end(ending);
      expect(await supervisor.finished).toBe(code);
      await supervisor.close();
    },
  );

  it('restarts nothing once it was told to end, not even what ends just then', async () => {
    const { clock, supervisor, children, last } = world({ restart: 'always' });
    await supervisor.start();
    await clock.pass(5000);
    supervisor.retire();
    expect(supervisor.isUp).toBe(false);
    last().end({ code: 5 });
    await clock.pass(100_000);
    expect(await supervisor.finished).toBe(5);
    expect(children).toHaveLength(1);
    await supervisor.close();
  });

  it('ends while a restart waits', async () => {
    const { clock, supervisor, children, last } = world();
    await supervisor.start();
    last().end({ code: 3 });
    await clock.pass(500);
    await supervisor.stop('SIGTERM');
    expect(await supervisor.finished).toBe(3);
    await clock.pass(100_000);
    expect(children).toHaveLength(1);
    await supervisor.close();
  });
});
