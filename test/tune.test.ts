import { describe, expect, it } from 'vitest';
import { replay, type Trace, type TuneGoal, tune } from '../src/lab/lab.js';
import { bootstrapInterval, rateInterval, rateUpTo } from '../src/lab/tune/confidence.js';
import { seeded } from './support/random.js';
import { syntheticTrace } from './support/synthetic-trace.js';

const draws = (count: number, draw: () => number) => Array.from({ length: count }, draw);

/** Networks of which the truth is known. */
const NETWORKS: Record<string, (random: () => number) => () => number> = {
  'exponential jitter': (random) => () => 90 - 10 * Math.log(1 - random()),
  'Pareto jitter, some lost': (random) => () =>
    (random() < 0.01 ? 200 : 95) + 5 * (1 - random()) ** -0.4,
};

describe('tune', () => {
  it.each(Object.entries(NETWORKS))(
    'keeps what it promises in 95 % of runs: %s',
    async (_, network) => {
      const goals: TuneGoal[] = [{ maxMistakesPerHour: 300 }, { maxMistakesPerHour: 60 }];
      let promises = 0;
      let broken = 0;
      for (let run = 0; run < 16; run++) {
        const goal = goals[run % goals.length];
        const wish = goal.maxMistakesPerHour as number;
        // Long enough to show it, and hardly more.
        const trace = syntheticTrace(draws(run % 2 ? 6500 : 4000, network(seeded(run))));
        const { chosen } = await tune(trace, goal, { models: ['exponential', 'calibrated'] });
        if (chosen === undefined) continue;
        promises++;
        const truth = syntheticTrace(draws(40_000, network(seeded(1000 + run))));
        const { mistakesPerHour, hours } = await replay(truth, chosen.options);
        // The truth is measured too: two standard deviations for that.
        broken += +(mistakesPerHour > wish + 2 * Math.sqrt(wish / hours));
      }
      expect(promises).toBeGreaterThan(10);
      expect(broken).toBe(0);
    },
    120_000,
  );

  it('says what nothing in two hours is worth, and refuses what a trace cannot show', async () => {
    const random = seeded(1);
    const twoHours = draws(16_000, () => 995 + 10 * random()); // each half 2 h and the warm-up
    const trace = syntheticTrace(twoHours);
    const met = await tune(trace, { maxMistakesPerHour: 2 }, { models: ['normal'] });
    expect(met.refusal).toBeUndefined();
    expect(met.chosen?.kept).toBe(true);
    expect(met.chosen?.second.score.mistakes).toBe(0);
    expect(met.chosen?.second.mistakesPerHour.high).toBeCloseTo(3 / met.hours[1], 1);
    const refused = await tune(trace, { maxMistakesPerHour: 1 / 24 }, { models: ['normal'] });
    expect(refused.chosen).toBeUndefined();
    expect(refused.refusal).toMatch(/too short .*"at most 1\.5 an hour".* at least 144 hours/);
    expect(refused.unproven).toEqual({
      model: 'calibrated',
      maxMistakesPerHour: 0.041666,
      heartbeatInterval: 1000,
    });
    expect(refused.models[0]).toMatchObject({ model: 'normal', kept: false });
  }, 60_000);

  it('promises nothing that the second half does not bear out', async () => {
    const random = seeded(2);
    const calm = draws(4000, () => 98 + 4 * random());
    const wild = draws(4000, () => (random() < 0.02 ? 2000 : 98 + 4 * random()));
    const goal = { maxMistakesPerHour: 100 };
    const { chosen, refusal, models } = await tune(syntheticTrace([...calm, ...wild]), goal, {
      models: ['normal'],
    });
    expect(chosen).toBeUndefined();
    expect(refusal).toMatch(/No setting .* on the second: .* mistakes an hour/);
    expect(models[0].first.mistakesPerHour).toBe(0);
    expect(models[0].second.mistakesPerHour.low).toBeGreaterThan(100);
  });

  it('finds what detects in time, and the fastest that keeps a rate', async () => {
    const random = seeded(3);
    const trace = syntheticTrace(draws(6000, () => 90 - 10 * Math.log(1 - random())));
    const models = ['normal', 'exponential', 'calibrated'] as const;
    const within = await tune(trace, { detectWithin: 250 }, { models });
    expect(within.chosen?.second.slowDetectionTime.high).toBeLessThanOrEqual(250);
    const both = await tune(trace, { detectWithin: 250, maxMistakesPerHour: 3000 }, { models });
    expect(both.chosen?.second.slowDetectionTime.high).toBeLessThanOrEqual(250);
    expect(both.chosen?.second.mistakesPerHour.high).toBeLessThanOrEqual(3000);
    const fast = both.chosen?.second.detectionTime.observed as number;
    expect(fast).toBeLessThan(within.chosen?.second.detectionTime.observed as number);
    // Without a rate: what makes the fewest mistakes, not what is fastest.
    const rates = within.models
      .filter(({ kept }) => kept)
      .map((m) => m.second.mistakesPerHour.high);
    expect(within.chosen?.second.mistakesPerHour.high).toBe(Math.min(...rates));
    const never = await tune(trace, { detectWithin: 50 }, { models: ['normal'] });
    expect(never).toMatchObject({ chosen: undefined, unproven: undefined, models: [] });
    expect(never.refusal).toBe(
      'No setting that was tried keeps detection within 50 ms on this trace.',
    );
    // What a replay of the whole agrees with.
    const options = both.chosen?.options ?? {};
    const score = await replay(trace, options);
    expect(score.mistakesPerHour).toBeLessThan(3000);
    expect(score.detectionTime.mean / fast).toBeCloseTo(1, 1);
    for (const { curve } of both.models) {
      for (let i = 1; i < curve.length; i++) {
        expect(curve[i].detectionTime).toBeGreaterThanOrEqual(curve[i - 1].detectionTime);
        expect(curve[i].mistakesPerHour).toBeLessThan(curve[i - 1].mistakesPerHour);
      }
    }
  });

  it('finds the same again, tells how far it is, and ends when it is told to', async () => {
    const random = seeded(4);
    const trace = syntheticTrace(draws(3000, () => 90 + 20 * random()));
    const goal = { maxMistakesPerHour: 200 };
    const seen: number[] = [];
    const models = ['exponential'] as const;
    const report = await tune(trace, goal, {
      models,
      onProgress: (done, all) => seen.push(done / all),
    });
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(await tune(trace, goal, { models })).toEqual(report);
    await expect(tune(trace, goal, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    const controller = new AbortController();
    const running = tune(trace, goal, { signal: controller.signal });
    setTimeout(() => controller.abort(), 30);
    await expect(running).rejects.toThrow(/abort/i);
  });

  it('takes the rows of a trace in any order', async () => {
    const random = seeded(5);
    const trace = syntheticTrace(draws(3000, () => 90 + 20 * random()));
    const [{ seq, recvMs, ...session }] = trace.sessions;
    const backwards = { ...session, seq: seq.slice().reverse(), recvMs: recvMs.slice().reverse() };
    const goal = { maxMistakesPerHour: 200 };
    const models = ['exponential'] as const;
    expect(await tune({ ...trace, sessions: [backwards] }, goal, { models })).toEqual(
      await tune(trace, goal, { models }),
    );
  });

  it('names what is wrong with a goal or a trace', async () => {
    const trace = syntheticTrace([100, 100, 100, 100, 100, 100]);
    const wrong = (goal: unknown) => tune(trace, goal as TuneGoal);
    await expect(wrong({})).rejects.toThrow('goal: expected maxMistakesPerHour, detectWithin or');
    await expect(wrong({ maxMistakes: 1 })).rejects.toThrow('goal: unknown option "maxMistakes"');
    await expect(wrong({ detectWithin: 0 })).rejects.toThrow('goal.detectWithin: expected');
    const few = syntheticTrace([]) as Trace;
    await expect(tune(few, { detectWithin: 1 })).rejects.toThrow('trace: expected heartbeats that');
    const odd = tune({} as Trace, { detectWithin: 1 });
    await expect(odd).rejects.toThrow('trace: expected a trace, as readTrace returns');
    const none = tune(trace, { detectWithin: 1 }, { models: [] });
    await expect(none).rejects.toThrow('models: expected an array of names');
    await expect(tune(syntheticTrace([0, 0, 0, 0, 0, 0]), { detectWithin: 1 })).rejects.toThrow(
      'trace: expected numbers and times that tell an interval',
    );
  });
});

describe('confidence', () => {
  it('agrees with the exact limits of a Poisson rate', () => {
    // Garwood's one-sided limits at 95 %, from the χ² distribution.
    const upper = { 0: 2.996, 1: 4.744, 2: 6.296, 5: 10.513, 10: 16.962, 100: 118.08 };
    for (const [n, limit] of Object.entries(upper)) {
      expect(rateUpTo(Number(n), 1) / limit).toBeCloseTo(1, 2);
    }
    const { low, high } = rateInterval([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 10, 1);
    expect(low / 5.425).toBeCloseTo(1, 2);
    expect(high / 16.962).toBeCloseTo(1, 2);
  });

  it('is less where mistakes cluster', () => {
    const even = rateInterval([5, 5, 5, 5], 20, 1);
    const clustered = rateInterval([20, 0, 0, 0], 20, 1);
    expect(clustered.high).toBeGreaterThan(2 * even.high);
    expect(clustered.low).toBeLessThan(even.low / 2);
  });

  it('covers the mean of what depends on what was before', () => {
    let covered = 0;
    for (let run = 0; run < 100; run++) {
      const random = seeded(run);
      let state = 0;
      const blocks = Array.from({ length: 20 }, () =>
        Float64Array.from({ length: 200 }, () => {
          state = 0.9 * state + random() - 0.5;
          return state;
        }),
      );
      const mean = (all: Float64Array) => all.reduce((a, b) => a + b, 0) / all.length;
      const { low, high } = bootstrapInterval(blocks, mean);
      covered += +(low <= 0 && high >= 0);
    }
    expect(covered).toBeGreaterThan(75); // 90 expected, by two limits of 95 %
  });
});
