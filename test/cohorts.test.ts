/** Peers of a cohort learn from each other what lateness is, and others do not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CohortSnapshot,
  FailureDetector,
  type FailureDetectorOptions,
  type FailureDetectorSnapshot,
  type Peer,
  PhiAccrualDetector,
} from '../src/index.js';
import { CohortOracle, LadderOracle } from './support/ladder-oracle.js';
import { seeded } from './support/random.js';

const LEVELS = [1, 2, 3, 4];
const BASE = {
  model: 'calibrated',
  heartbeatInterval: 100,
  timers: false,
  massSilence: false,
} as const;

const cohortOf = (pool: CohortOracle): CohortSnapshot => ({
  levels: pool.levels.map(({ phi }) => phi),
  quantiles: pool.levels.map(({ q }) => q),
  heartbeats: pool.n,
  hits: 0,
  credit: pool.credit,
});

function detectorOf(options: FailureDetectorOptions = {}, taught?: CohortOracle) {
  let now = 0;
  const cohorts = taught && [cohortOf(taught)];
  const snapshot: FailureDetectorSnapshot = { version: 1, peers: [], cohorts };
  const detector = FailureDetector.restore(snapshot, {
    ...BASE,
    clock: () => now,
    ...options,
  });
  /** What a peer that begins now would be given, at φ = 1 … 4, in ms; it is forgotten again. */
  const given = (own = {}) => {
    const peer = detector.watch('probe', own);
    const silences = LEVELS.map((phi) => Math.round((peer.suspectAt(phi) - now) * 1e4) / 1e4);
    detector.forget('probe');
    return silences;
  };
  return {
    detector,
    given,
    set: (at: number) => {
      now = at;
    },
    /** One peer at a time: comes, beats at intervals that `next` gives, and is forgotten. */
    live: (id: string, beats: number, next: () => number, own?: object) => {
      const peer = detector.watch(id, own);
      for (let i = 0; i < beats; i++) peer.heartbeat((now += next()));
      detector.forget(id);
    },
  };
}

/** Heavier than what a peer is expected to be at the start, and lighter. */
const heavy = (r: () => number) => () => 90 + 10 * (1 - r()) ** -0.7;
const light = (r: () => number) => () => 99 + 2 * r();

/** The share of heartbeats of short lives that exceed φ = k, over 10^−k, for k = 1, 2, 3. */
function shares(own: object, lives: number, beats: number, next: () => number): number[] {
  const { detector } = detectorOf();
  const beyond = [0, 0, 0];
  let counted = 0;
  let at = 0;
  for (let i = 0; i < lives; i++) {
    const peer = detector.watch(`p${i}`, own);
    for (let beat = 0; beat < beats; beat++) {
      at += next();
      const phi = peer.phi(at);
      // Beats of the first three lives, of which nothing could be known, are not counted.
      if (beat > 0 && i > 3) {
        counted++;
        for (let k = 0; k < 3; k++) beyond[k] += +(phi > k + 1);
      }
      peer.heartbeat(at);
    }
    detector.forget(`p${i}`);
  }
  return beyond.map((count, k) => count / counted / 10 ** -(k + 1));
}

describe('cohort', () => {
  it.each([
    ['heavy', heavy],
    ['light', light],
  ])('makes φ of short lives mean what it says: %s tails', (_, draw) => {
    const alone = shares({}, 400, 100, draw(seeded(1)));
    const together = shares({ cohort: 'a' }, 400, 100, draw(seeded(1)));
    for (const share of together) {
      expect(share).toBeGreaterThan(0.5);
      expect(share).toBeLessThan(2);
    }
    expect(alone.some((share) => share < 0.5 || share > 2)).toBe(true);
  });

  it('agrees with a plain statement of it, whoever beats and whoever comes', () => {
    const step = fc.record({
      peer: fc.nat(4),
      beats: fc.integer({ min: 1, max: 60 }),
      jitter: fc.constantFrom(0, 0.02, 0.5),
      scale: fc.constantFrom(1, 1, 1, 3, 400),
      anew: fc.boolean(),
    });
    const options = fc.constantFrom(
      {},
      { threshold: 3.3 },
      { threshold: 7 },
      { maxMistakesPerHour: 100 },
      { maxMistakesPerHour: 30_000 },
    );
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 30 }),
        options,
        fc.boolean(),
        fc.integer(),
        (steps, { threshold, maxMistakesPerHour: wish }: FailureDetectorOptions, taught, seed) => {
          const random = seeded(seed);
          const own = { threshold, maxMistakesPerHour: wish, cohort: 'c', maxSilence: Infinity };
          const pool = new CohortOracle(100, threshold, wish);
          // Soon so much is learnt that only every 16th of a peer counts.
          if (taught) pool.n = 99_990;
          const { detector } = detectorOf(own, pool);
          const slots: (string | undefined)[] = [];
          const peers = new Map<number, { peer: Peer; oracle: LadderOracle; at: number }>();
          for (const { peer: number, beats, jitter, scale, anew } of steps) {
            const id = `p${number}`;
            if (anew && detector.forget(id)) {
              peers.delete(number);
              slots[slots.indexOf(id)] = undefined;
            }
            let each = peers.get(number);
            if (each === undefined) {
              const free = slots.indexOf(undefined);
              slots[free < 0 ? slots.length : free] = id;
              const oracle = new LadderOracle(100, threshold, wish, pool);
              each = { peer: detector.watch(id), oracle, at: 0 };
              each.peer.heartbeat(0);
              peers.set(number, each);
            }
            for (let i = 0; i < beats; i++) {
              const before = each.at;
              each.at += 100 * (1 + jitter * random()) * (random() < 0.1 ? scale : 1);
              each.peer.heartbeat(each.at);
              each.oracle.learn(each.at - before, slots.indexOf(id));
            }
            const { peer, oracle, at } = each;
            expect(peer.sampleCount).toBe(oracle.n);
            expect((peer.mean as number) / oracle.m).toBeCloseTo(1, 6);
            for (const share of [0.9, 1.001, 1.02, 1.3, 2, 4, 20]) {
              const phi = oracle.phi(share * oracle.m);
              const found = peer.phi(at + share * oracle.m);
              expect(Math.abs(found - phi)).toBeLessThan(1e-4 * (1 + phi));
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('lets a new peer start from it, and says how much it knows', () => {
    const { detector, live, given } = detectorOf();
    const guess = given();
    live('a', 33, heavy(seeded(2)), { cohort: 'c' }); // 32 intervals, of which the first 3 are not told
    expect(given({ cohort: 'c' })).toEqual(guess);
    live('b', 5, heavy(seeded(3)), { cohort: 'c' });
    expect(given({ cohort: 'c' })).not.toEqual(guess);
    expect(detector.watch('p', { cohort: 'c' }).sampleCount).toBe(30);
    live('d', 2000, heavy(seeded(4)), { cohort: 'c' });
    const peer = detector.watch('q', { cohort: 'c' });
    const supportedPhi = Math.log10(1000 / 3);
    expect(peer.explain()).toMatchObject({ sampleCount: 1000, supportedPhi, mean: 100 });
    // Another interval is another cohort, of which nothing is known.
    detector.watch('q', { heartbeatInterval: 250 });
    expect(peer.explain()).toMatchObject({ sampleCount: 0, supportedPhi: 0, mean: 250 });
  });

  it('does not keep a peer from its own cadence', () => {
    const { detector, live } = detectorOf({ heartbeatInterval: 1000 });
    const draw = heavy(seeded(5));
    live('a', 3000, () => 10 * draw(), { cohort: 'c' });
    const peers = [detector.watch('alone'), detector.watch('taught', { cohort: 'c' })];
    expect(peers[1].sampleCount).toBe(1000);
    for (const peer of peers) for (let i = 0; i <= 40; i++) peer.heartbeat(1e9 + 130 * i);
    expect(peers[1].mean).toBeCloseTo(peers[0].mean as number, 9);
  });

  it('is of no effect on others: another cohort, other options, none', () => {
    const { live, given } = detectorOf();
    const guess = given();
    live('a', 3000, light(seeded(6)), { cohort: 'light' });
    const taught = given({ cohort: 'light' });
    live('b', 3000, heavy(seeded(7)), { cohort: 'heavy' });
    live('c', 3000, heavy(seeded(8)), { cohort: 'light', recoverAfter: 2 });
    live('d', 3000, heavy(seeded(9)));
    expect(given({ cohort: 'light' })).toEqual(taught);
    expect(given({ cohort: 'heavy' })[2]).toBeGreaterThan(taught[2] + 50);
    expect(given()).toEqual(guess);
    expect(given({ cohort: 'light', recoverAfter: 3 })).toEqual(guess);
  });

  it.each([
    [500, 250],
    [1, 20_000],
  ])('takes an outage of all %i peers for one event', (peers, beats) => {
    const { detector, given } = detectorOf({ cohort: 'c', maxSilence: Infinity });
    const random = seeded(10);
    const feed = (from: number, to: number, later: number) => {
      for (let beat = from; beat < to; beat++) {
        const at = 100 * beat + later;
        for (let i = 0; i < peers; i++) detector.heartbeat(`p${i}`, at + 20 * random());
      }
    };
    feed(0, beats, 0);
    const before = given();
    feed(beats, beats + 1, 60_000);
    expect(given()[0]).toBeGreaterThan(before[0]);
    expect(Math.max(...given())).toBeLessThan(200);
    feed(beats + 1, 2 * beats, 60_000);
    expect(Math.max(...given())).toBeLessThan(160);
  });

  it('is remembered without peers, but not more than 256 of them', () => {
    const { live, given, detector } = detectorOf();
    const guess = given();
    const name = (i: number) => ({ cohort: `c${i}` });
    for (let i = 0; i < 300; i++) live(`p${i}`, 60, heavy(seeded(i)), name(i));
    expect(detector.snapshot().cohorts).toHaveLength(256);
    const known = Array.from({ length: 300 }, (_, i) => i).filter((i) => {
      const { sampleCount } = detector.watch('probe', name(i));
      detector.forget('probe');
      return sampleCount > 0;
    });
    expect(known).toEqual(Array.from({ length: 256 }, (_, i) => i + 44));
    expect(given(name(0))).toEqual(guess);
  });

  it('may be given, changed and taken away while a peer lives', () => {
    const { detector, live } = detectorOf();
    live('a', 3000, heavy(seeded(11)), { cohort: 'c' });
    const heartbeats = () => detector.snapshot().cohorts?.map((each) => each.heartbeats);
    const [taught] = heartbeats() as number[];
    const peer = detector.watch('p');
    expect(peer.sampleCount).toBe(0);
    // Nothing was learnt yet: what the cohort knows is better than a guess.
    detector.watch('p', { cohort: 'c' });
    expect(peer.sampleCount).toBe(1000);
    detector.watch('p', { cohort: '' });
    expect(peer.sampleCount).toBe(0);
    for (let i = 0; i <= 50; i++) peer.heartbeat(1e9 + 100 * i);
    const before = peer.suspectAt(3);
    // What it has learnt stays, and from now on others learn of it.
    detector.watch('p', { cohort: 'c' });
    expect([peer.sampleCount, peer.suspectAt(3)]).toEqual([50, before]);
    for (let i = 51; i <= 60; i++) peer.heartbeat(1e9 + 100 * i);
    expect(heartbeats()).toEqual([taught + 10]);
    detector.watch('p', { cohort: 'd' });
    for (let i = 61; i <= 65; i++) peer.heartbeat(1e9 + 100 * i);
    expect(heartbeats()).toEqual([5, taught + 10]);
    // Another model has no cohort, and the way back does not find it again.
    detector.watch('p', { model: 'normal' });
    detector.watch('p', { model: 'calibrated' });
    expect(peer.sampleCount).toBe(0);
    expect(detector.snapshot().peers[0].options).toBeUndefined();
  });

  describe('in a snapshot', () => {
    it('goes on where it stood, with its peers and for new ones', () => {
      const options = fc.constantFrom({}, { cohort: 'c' });
      fc.assert(
        fc.property(options, fc.integer(), fc.integer({ min: 1, max: 400 }), (own, seed, beats) => {
          const { detector, live, set } = detectorOf(own);
          const next = heavy(seeded(seed));
          live('gone', beats, next, { cohort: 'd', levels: { low: 1 }, maxSilence: Infinity });
          let at = 1e9;
          const beat = (peers: Peer[]) => {
            at += next();
            for (const peer of peers) peer.heartbeat(at);
          };
          const peers = ['a', 'b'].map((id) => detector.watch(id, { cohort: 'c' }));
          for (let i = 0; i < beats; i++) beat(peers);
          set(at);
          const snapshot = JSON.parse(JSON.stringify(detector.snapshot()));
          const again = FailureDetector.restore<string>(snapshot, {
            ...BASE,
            ...own,
            clock: () => at,
          });
          expect(JSON.parse(JSON.stringify(again.snapshot()))).toEqual(snapshot);
          const restored = ['a', 'b'].map((id) => again.peer(id) as Peer);
          for (let i = 0; i < 40; i++) beat([...peers, ...restored]);
          const [known, same] = [detector, again].map((each) =>
            ['c', 'd'].flatMap((name) => {
              const peer = each.watch(name, { cohort: name });
              return [peer.sampleCount, peer.suspectAt(3) - each.now()];
            }),
          );
          known.forEach((value, i) => {
            expect(same[i]).toBeCloseTo(value, 6);
          });
        }),
        { numRuns: 50 },
      );
    });

    it('is of the options that its peers have, and of no use to another model', () => {
      const { detector, live } = detectorOf({ cohort: 'c' });
      live('a', 500, heavy(seeded(12)));
      live('b', 500, heavy(seeded(13)), { cohort: 'd', threshold: 3 });
      const peer = detector.watch('p', { cohort: 'e' });
      for (let i = 0; i < 50; i++) peer.heartbeat(1e9 + 100 * i);
      const snapshot = JSON.parse(JSON.stringify(detector.snapshot()));
      const own = snapshot.cohorts.map(({ options }: CohortSnapshot) => options);
      expect(own).toEqual([
        { model: 'calibrated', cohort: 'e' },
        undefined,
        { threshold: 3, model: 'calibrated', cohort: 'd' },
      ]);
      const clock = () => detector.now();
      const normal = FailureDetector.restore<string>(snapshot, {
        ...BASE,
        model: 'normal',
        clock,
      });
      expect(normal.explain('p')).toMatchObject({ model: 'calibrated', sampleCount: 49 });
      expect(normal.snapshot().cohorts).toHaveLength(2);
      // Other levels: what was learnt, read at those.
      const other = FailureDetector.restore<string>(snapshot, {
        ...BASE,
        cohort: 'c',
        threshold: 3.7,
        clock,
      });
      const [before, after] = [detector, other].map((each) => each.watch('new').suspectAt(3.7));
      expect(after).toBeCloseTo(before, 6);
      expect(detector.snapshotPeers().next().value).not.toHaveProperty('cohorts');
    });

    const whole = cohortOf(new CohortOracle(100));
    it.each<[string, unknown, string]>([
      ['no array', {}, 'snapshot.cohorts: expected an array, got an object'],
      ['a number', [5], 'snapshot.cohorts[0]: expected an object, got 5'],
      [
        'one level',
        [{ ...whole, levels: [1] }],
        'snapshot.cohorts[0].levels: expected an array of 9 numbers, got an array',
      ],
      ['an extra', [{ ...whole, extra: 1 }], 'snapshot.cohorts[0]: unknown option "extra"; known'],
      [
        'less than nothing',
        [whole, { ...whole, heartbeats: -1 }],
        'snapshot.cohorts[1].heartbeats: expected a number from 0 to 1e+300, got -1',
      ],
      [
        'a wrong credit',
        [{ ...whole, credit: [-1, 0, 0, 0, 0, 0, 0, 0, 0] }],
        'snapshot.cohorts[0].credit[0]: expected a number from 0 to 504, got -1',
      ],
      [
        'no credit',
        [{ ...whole, credit: 4 }],
        'snapshot.cohorts[0].credit: expected an array of 9',
      ],
      ['no options', [{ ...whole, options: 3 }], 'snapshot.cohorts[0].options: expected an object'],
      ['no name', [{ ...whole, options: { cohort: 3 } }], 'cohort: expected a string, got 3'],
    ])('is refused where it is none: %s', (_, cohorts, message) => {
      const snapshot = { version: 1, peers: [], cohorts } as unknown as FailureDetectorSnapshot;
      const options = { ...BASE, cohort: 'c' };
      const errors: string[] = [];
      const onError = (error: Error) => errors.push(error.message);
      FailureDetector.restore(snapshot, options, { onError });
      expect(errors).toEqual([expect.stringContaining(message)]);
    });
  });

  it('is for the calibrated model, and for detectors of many', () => {
    const make = (options: object) => () => new FailureDetector({ timers: false, ...options });
    expect(make({ cohort: 'a' })).toThrow(
      new RangeError(`cohort: expected model 'calibrated', got "normal"`),
    );
    expect(make({ cohort: 'a', model: 'logistic' })).toThrow(RangeError);
    expect(make({ cohort: 3, model: 'calibrated' })).toThrow(
      new TypeError('cohort: expected a string, got 3'),
    );
    expect(make({ cohort: 'x'.repeat(201), model: 'calibrated' })).toThrow(
      new RangeError('cohort: expected at most 200 characters, got 201'),
    );
    expect(make({ cohort: 'a', maxMistakesPerHour: 1 })).not.toThrow();
    expect(make({ cohort: '' })).not.toThrow();
    const one = { model: 'calibrated', cohort: 'a' } as object;
    expect(() => new PhiAccrualDetector(one)).toThrow(/unknown option "cohort"/);
  });
});
