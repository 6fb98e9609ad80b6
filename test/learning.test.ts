/** What `learn: 'guarded'` learns, and what it does not: each case somebody's outage. */
import { describe, expect, it } from 'vitest';
import { type DetectorOptions, PhiAccrualDetector } from '../src/index.js';
import { seeded } from './support/random.js';

class Run {
  now = 0;
  mistakes = 0;
  readonly detector: PhiAccrualDetector;

  constructor(options: DetectorOptions = {}) {
    this.detector = new PhiAccrualDetector(options);
    this.detector.heartbeat(0);
  }

  beat(interval: number, times = 1): this {
    for (let i = 0; i < times; i++) {
      this.now += interval;
      if (!this.detector.isAvailable(this.now)) this.mistakes++;
      this.detector.heartbeat(this.now);
    }
    return this;
  }

  /** How long the next death would go unseen. */
  get detectionTime(): number {
    return this.detector.suspectAt() - this.now;
  }
}

describe("learn: 'guarded'", () => {
  it.each([60_000, 300_000])('is not blinded by an outage of %i ms', (outage) => {
    const run = new Run().beat(1000, 500);
    const before = run.detectionTime;
    run.beat(outage).beat(1000);
    expect(run.detectionTime).toBeLessThanOrEqual(1.1 * before);
    run.beat(1000, 100);
    expect(run.detectionTime).toBeLessThanOrEqual(1.1 * before);
  });

  it('learns a lasting slower cadence within 10 beats', () => {
    const run = new Run().beat(1000, 1000);
    run.beat(10_000, 10);
    expect(run.mistakes).toBeLessThanOrEqual(10);
    run.mistakes = 0;
    run.beat(10_000, 5000);
    expect(run.mistakes).toBe(0);
    expect(run.detector.mean).toBeCloseTo(10_000, 0);
  });

  it('learns a slower cadence after an outage as well', () => {
    const run = new Run().beat(1000, 1000).beat(120_000).beat(4000, 9);
    run.mistakes = 0;
    run.beat(4000, 1000);
    expect(run.mistakes).toBe(0);
  });

  it('learns a lasting faster cadence within 10 old periods', () => {
    const run = new Run().beat(10_000, 1000);
    run.beat(500, 200);
    expect(run.detectionTime).toBeLessThan(2 * 500 * 2.5);
    expect(run.detector.mean).toBeCloseTo(500, 0);
  });

  it('learns the cadence of a peer whose guess was far off, either way', () => {
    expect(new Run({ heartbeatInterval: 1000 }).beat(20, 300).detectionTime).toBeLessThan(120);
    const slow = new Run({ heartbeatInterval: 1000 }).beat(30_000, 20);
    slow.mistakes = 0;
    expect(slow.beat(30_000, 100).mistakes).toBe(0);
  });

  it.each([1, 1000])('does not suspect a healthy peer after %i duplicates 0.05 ms apart', (n) => {
    const run = new Run().beat(1000, 50).beat(0.05, n);
    run.beat(1000, 50);
    expect(run.mistakes).toBe(0);
    expect(run.detector.mean).toBeCloseTo(1000, 0);
  });

  it('does not suspect a healthy peer after a burst of duplicates at its start', () => {
    const run = new Run().beat(0.05, 1000).beat(1000, 50);
    expect(run.mistakes).toBe(0);
  });

  it('does not learn a queue of beats that an outage has held back', () => {
    const run = new Run().beat(100, 1000);
    const before = run.detectionTime;
    run.beat(34_000).beat(0.2, 340).beat(100, 3);
    expect(run.detectionTime).toBeLessThanOrEqual(1.1 * before);
  });

  it.each([
    [300, 0.05],
    [5000, 0.01],
    [50, 20],
  ])('learns a slower cadence in spite of %i beats %d ms apart', (count, gap) => {
    const run = new Run().beat(1000, 100).beat(10_000, 2).beat(gap, count);
    run.mistakes = 0;
    run.beat(10_000, 100);
    expect(run.mistakes).toBe(0);
    expect(run.detector.mean).toBeGreaterThan(9000);
    expect(run.detectionTime).toBeLessThan(25_000);
  });

  it('learns whatever does not agree by its time, not by its number', () => {
    const random = seeded(5);
    for (let round = 0; round < 500; round++) {
      const run = new Run().beat(1000, 20);
      const burst = 0.01 + 10 * random();
      for (let i = 0; i < 30; i++) {
        run.beat(4000 + 4000 * random(), 2).beat(burst, Math.ceil(50 * random()));
      }
      expect(run.detector.mean).toBeGreaterThan(3000);
      expect(run.detector.mean).toBeLessThan(9000);
    }
  });

  it('learns a cadence that takes more beats than a batch counts', () => {
    const run = new Run({ windowSize: 50 }).beat(60_000, 100).beat(20, 20_000);
    expect(run.detector.mean).toBeCloseTo(20, 0);
    expect(run.detectionTime).toBeLessThan(80);
  });

  it('learns intervals of any length without ceasing to be a number', () => {
    const run = new Run().beat(1000, 20);
    for (let i = 0; i < 12; i++) run.beat(i % 2 ? 1e-9 : 5e15);
    expect(run.detector.mean).toBeGreaterThan(1e14);
    expect(run.detector.stdDev).toBeLessThan(1e16);
  });

  it('never starves: on any input the window moves within ten candidates that span five means', () => {
    const random = seeded(11);
    for (let round = 0; round < 200; round++) {
      const run = new Run({ windowSize: 20 }).beat(1000, 30);
      const scale = 10 ** (1 + 3 * random());
      // Intervals that never agree: far too long, far too short, far too long …
      for (let i = 0; i < 11; i++) run.beat(i % 2 ? 0.01 : scale * 1000 * (1 + random()));
      expect(run.detector.mean).toBeGreaterThan(2000);
    }
    const flood = new Run().beat(1000, 30).beat(1e-4, 1_100_000);
    expect(flood.detector.mean).toBeLessThan(500);
  });
});

describe("learn: 'while-available' and 'always'", () => {
  it('never learn, or learn at once, what ends a suspicion', () => {
    const akka = new Run({ learn: 'while-available' }).beat(1000, 500).beat(10_000, 100);
    expect(akka.detector.mean).toBeCloseTo(1000, 0);
    expect(akka.mistakes).toBe(100);
    const always = new Run({ learn: 'always', windowSize: 100 }).beat(1000, 500).beat(60_000);
    expect(always.detector.mean).toBeCloseTo(1590, 0);
  });
});

describe('what acceptablePause tolerates', () => {
  const models = ['normal', 'logistic', 'exponential', 'calibrated'] as const;

  it.each(models.flatMap((model) => [60, 200, 1200].map((known) => [model, known] as const)))(
    'is not learnt as an interval: %s, after %i heartbeats',
    (model, known) => {
      const pause = 600_000;
      const options = { model, acceptablePause: pause, maxSilence: Infinity } as const;
      const run = new Run(options).beat(1000, known);
      const plain = new Run({ model, maxSilence: Infinity }).beat(1000, known);
      // With the exponential model the pause is part of the mean that silences are multiples of.
      const added = run.detectionTime - plain.detectionTime;
      const before = run.detectionTime - added;
      run.beat(pause).beat(1000, 10);
      expect(run.mistakes).toBe(0);
      expect(run.detectionTime - added).toBeLessThanOrEqual(1.1 * before);
    },
  );

  it.each(models)('does not ratchet the detection time up: %s, with pauses that grow', (model) => {
    const options = { model, acceptablePause: 60_000, maxSilence: Infinity } as const;
    const run = new Run(options).beat(1000, 500);
    const before = run.detectionTime;
    for (let pause = 2000; pause < 60_000; pause *= 1.2) run.beat(pause).beat(1000, 20);
    expect(run.mistakes).toBe(0);
    expect(run.detectionTime).toBeLessThanOrEqual(before + 0.1 * (before - 60_000) + 500);
  });

  it.each(models)('is learnt where it goes on: %s, a lasting slower interval', (model) => {
    const options = { model, acceptablePause: 60_000, maxSilence: Infinity } as const;
    const run = new Run(options).beat(1000, 500).beat(20_000, 30);
    expect(run.mistakes).toBe(0);
    expect(run.detector.mean).toBeGreaterThan(18_000);
  });

  it("is learnt under 'while-available', as Akka does", () => {
    const run = new Run({ learn: 'while-available', acceptablePause: 60_000 }).beat(1000, 60);
    expect(run.beat(50_000).detector.mean).toBeGreaterThan(1500);
  });
});

describe('an interval that changes, with a budget of mistakes', () => {
  const budget = { maxMistakesPerHour: 1 / 24, heartbeatInterval: 10_000 } as const;

  it.each([1.3, 1.6, 2, 3, 5, 10, 30, 100])(
    'costs at most three mistakes: %f times as long',
    (factor) => {
      const draw = seeded(7);
      const run = new Run(budget);
      const jittered = (interval: number, times: number) => {
        for (let i = 0; i < times; i++) run.beat(interval * (1 + 0.02 * (draw() - 0.5)));
      };
      jittered(10_000, 3000);
      run.mistakes = 0;
      jittered(10_000 * factor, 200);
      expect(run.mistakes).toBeLessThanOrEqual(3);
    },
  );

  it('costs at most three mistakes in the first night, and one in each night after it', () => {
    const draw = seeded(8);
    const run = new Run(budget);
    const nights: number[] = [];
    for (let day = 0; day < 20; day++) {
      for (let i = 0; i < 5760; i++) run.beat(10_000 * (1 + 0.02 * (draw() - 0.5)));
      const before = run.mistakes;
      for (let i = 0; i < 96; i++) run.beat(300_000 * (1 + 0.02 * (draw() - 0.5)));
      nights.push(run.mistakes - before);
    }
    expect(nights[0]).toBeLessThanOrEqual(3);
    for (const night of nights.slice(1)) expect(night).toBeLessThanOrEqual(1);
    // The budget over the whole: one a day, and twice that is what a factor of two allows.
    expect(run.mistakes).toBeLessThanOrEqual(40);
  });

  it('detects a death of the morning soon, though the nights are slow', () => {
    const run = new Run(budget).beat(10_000, 3000);
    const day = run.detectionTime;
    run.beat(300_000, 96).beat(10_000, 4);
    expect(run.detectionTime).toBeLessThanOrEqual(3 * day);
  });
});
