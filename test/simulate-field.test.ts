/** Worlds after reports from the field: what befalls them, and which detectors break an invariant in them. */
import { describe, expect, it } from 'vitest';
import {
  FailureDetector,
  type FailureDetectorOptions,
  type HeartbeatInfo,
  type Timers,
} from '../src/index.js';
import {
  type Fault,
  type FieldKind,
  type MakeDetector,
  randomScenario,
  type SimulateOptions,
  simulate,
} from '../src/lab/lab.js';

const bare = { stallGuard: false, massSilence: false, flapDamping: false } as const;

/** What becomes of a world in which all invariants hold, as `suspect 3`. */
function story(options: SimulateOptions): string[] {
  const { violations, events } = simulate(options);
  expect(violations).toEqual([]);
  return events.map(({ event, node }) => `${event} ${node}`);
}

function broken(options: SimulateOptions, make: MakeDetector): string[] {
  const { violations } = simulate({ ...options, make });
  return [...new Set(violations.map(({ invariant }) => invariant))];
}

/** A detector that hears something else than heartbeats say. */
const hearing =
  (alter: (info: HeartbeatInfo) => HeartbeatInfo): MakeDetector =>
  (options) => {
    const detector = new FailureDetector<number>(options);
    const heartbeat = detector.heartbeat.bind(detector);
    detector.heartbeat = (id, at, info) => heartbeat(id, at, info && alter(info));
    return detector;
  };

describe('nodes that announce their next heartbeat', () => {
  const world: SimulateOptions = {
    nodes: 3,
    duration: 120_000,
    detector: bare,
    faults: [
      { at: 30_000, fault: 'nap', nodes: 'all', duration: 40_000 },
      { at: 35_000, fault: 'crash', nodes: 1 },
      { at: 100_000, fault: 'nap', nodes: 2, duration: 8000, wakesAfter: 12_000 },
    ],
  };

  it('are not suspected before that, but are if they do not come then', () => {
    expect(story(world)).toEqual(['suspect 1', 'suspect 2', 'available 2']);
  });

  it('break an invariant where it is not heard, or outlasts a heartbeat', () => {
    expect(
      broken(
        world,
        hearing(({ next: _, ...info }) => info),
      ),
    ).toContain('naps');
    const forever = hearing((info) => ({ ...info, next: 40_000 }));
    expect(broken(world, forever)).toContain('tolerance');
  });
});

describe('nodes that leave on purpose', () => {
  const world: SimulateOptions = {
    nodes: 3,
    duration: 120_000,
    detector: bare,
    faults: [
      { at: 29_000, fault: 'partition', nodes: 1, duration: 5000, queued: true },
      { at: 30_000, fault: 'leave', nodes: [0, 1] },
      { at: 60_000, fault: 'restart', nodes: 0 },
    ],
  };

  it('are told once, and come back by a later incarnation', () => {
    const told = ['left 0', 'suspect 1', 'available 1', 'left 1', 'available 0'];
    expect(story(world).sort()).toEqual(told.sort());
  });

  it('break an invariant where it is not told, or a straggler brings them back', () => {
    const silent: MakeDetector = (options) => {
      const detector = new FailureDetector<number>(options);
      detector.leave = (id) => detector.forget(id);
      return detector;
    };
    expect(broken(world, silent)).toContain('farewells');
    const late = { ...world, network: { duplicate: 1, jitter: 3000 } };
    expect(story(late)).toContain('left 0');
    const forgetful: MakeDetector = (options) => {
      const detector = new FailureDetector<number>(options);
      const heartbeat = detector.heartbeat.bind(detector);
      detector.heartbeat = (id, at, info) => {
        const outcome = heartbeat(id, at, info);
        const { incarnation = 0 } = info ?? {};
        if (outcome !== 'stale-incarnation') return outcome;
        return heartbeat(id, at, { ...info, incarnation: incarnation + 1 });
      };
      return detector;
    };
    expect(broken(late, forgetful)).toContain('farewells');
  });
});

describe('pauses that acceptablePause tolerates', () => {
  const acceptablePause = 60_000;
  const world: SimulateOptions = {
    nodes: 2,
    duration: 400_000,
    detector: { ...bare, acceptablePause },
    faults: [
      { at: 100_000, fault: 'freeze', nodes: 'all', duration: 50_000 },
      { at: 250_000, fault: 'freeze', nodes: 0, duration: 70_000 },
    ],
  };

  it("are nobody's death, and longer ones are", () => {
    expect(story(world)).toEqual(['suspect 0', 'available 0']);
  });

  it('break an invariant where they are learnt', () => {
    const learn = 'always';
    const learning: MakeDetector = (options) => new FailureDetector<number>({ ...options, learn });
    expect(broken(world, learning)).toContain('pauses');
  });
});

describe('intervals that alternate, with a budget of mistakes', () => {
  const at = [200_000, 1_200_000, 1_400_000, 2_400_000];
  const world: SimulateOptions = {
    nodes: 2,
    duration: 3_000_000,
    detector: { ...bare, maxMistakesPerHour: 1 / 24 },
    faults: at.map((each, i): Fault => {
      return { at: each, fault: 'cadence', nodes: 'all', interval: i % 2 === 0 ? 10_000 : 1000 };
    }),
  };

  it('cost three mistakes at most each time', () => {
    const suspicions = story(world).filter((event) => event === 'suspect 1');
    expect(suspicions.length).toBeGreaterThan(0);
    expect(suspicions.length).toBeLessThanOrEqual(5);
  });

  it('break an invariant of a detector that never learns the longer one', () => {
    const never: MakeDetector = ({ maxMistakesPerHour: _, ...options }) =>
      new FailureDetector<number>({ ...options, learn: 'while-available' });
    expect(broken(world, never)).toContain('budget');
  });
});

describe('levels by silence', () => {
  const levels = (silence: number) => ({ ...bare, levels: { slow: 1, page: { silence } } });
  const world: SimulateOptions = {
    nodes: 2,
    duration: 120_000,
    detector: levels(10_000),
    faults: [
      { at: 30_000, fault: 'freeze', nodes: 0, duration: 30_000 },
      { at: 40_000, fault: 'nap', nodes: 1, duration: 20_000 },
    ],
  };
  const at = (silence: number) => (options: FailureDetectorOptions) =>
    new FailureDetector<number>({ ...options, ...levels(silence) });

  it('are crossed after as long a silence, and fall with the next heartbeat', () => {
    expect(story(world).slice(0, 3)).toEqual(['level 0', 'suspect 0', 'level 0']);
  });

  it.each([8000, 20_000])('break an invariant where it is %i ms instead', (silence) => {
    expect(broken(world, at(silence))).toContain('levels');
  });
});

describe('nodes that are heard by several links', () => {
  const world: SimulateOptions = {
    nodes: 3,
    links: 2,
    network: { jitter: 0 },
    duration: 200_000,
    detector: bare,
    faults: [
      { at: 60_500, fault: 'link-down', link: 0 },
      { at: 60_600, fault: 'crash', nodes: 0 },
      { at: 100_000, fault: 'outage', duration: 20_000, known: true },
      { at: 160_000, fault: 'crash', nodes: 1 },
    ],
  };

  it('are suspected when they die while one link is down, and not while all are', () => {
    expect(story(world)).toEqual(['suspect 0', 'suspect 1']);
    expect(() =>
      simulate({ ...world, links: 1, faults: [{ at: 0, fault: 'link-down', link: 1 }] }),
    ).toThrow(/^faults\[0\].link: expected/);
  });

  it('break an invariant where a link that is down hides the dead', () => {
    let first: HeartbeatInfo['link'];
    const alone = hearing((info) => {
      first ??= info.link;
      return { ...info, link: first };
    });
    expect(broken(world, alone)).toContain('links');
  });
});

describe('a clock of an observer that is set', () => {
  const world: SimulateOptions = {
    nodes: 3,
    duration: 120_000,
    faults: [
      { at: 30_000, fault: 'observer-clock', by: -3_600_000 },
      { at: 60_000, fault: 'observer-clock', by: 3_600_000 },
      { at: 90_000, fault: 'observer-clock', by: -86_400_000 },
      { at: 90_100, fault: 'crash', nodes: 0 },
    ],
  };

  it('makes nobody suspect but the dead', () => {
    const told = story(world).filter((event) => /clock-step|suspect/.test(event));
    expect(told).toEqual(['clock-step undefined', 'clock-step undefined', 'suspect 0']);
  });

  it('breaks an invariant of a detector that goes on by the time of before', () => {
    const frozen: MakeDetector = (options) => {
      const clock = options.clock as Required<Timers> & { now(): number };
      let latest = 0;
      const now = () => {
        latest = Math.max(latest, clock.now());
        return latest;
      };
      const { setTimeout, clearTimeout, setImmediate } = clock;
      return new FailureDetector<number>({
        ...options,
        clock: {
          now,
          setTimeout: setTimeout.bind(clock),
          clearTimeout: clearTimeout.bind(clock),
          setImmediate: setImmediate.bind(clock),
        },
      });
    };
    expect(broken(world, frozen)).toContain('clock');
  });
});

describe('field worlds by chance', () => {
  const kinds: FieldKind[] = [
    'alternating',
    'clocks',
    'farewells',
    'naps',
    'pauses',
    'redundant',
    'stamps',
  ];

  it.each(kinds)('keep all invariants: %s', { timeout: 60_000 }, (field) => {
    for (let seed = 0; seed < 8; seed++) {
      const { violations } = simulate(randomScenario(seed, { field, beats: 4000 }));
      expect({ seed, violations: violations.slice(0, 3) }).toEqual({ seed, violations: [] });
    }
  });

  it('have levels by silence in some of them', () => {
    const worlds = Array.from({ length: 20 }, (_, seed) => randomScenario(seed, { field: true }));
    const silences = worlds.filter(({ detector }) => detector?.levels?.page !== undefined);
    expect(silences.length).toBeGreaterThan(3);
    expect(silences.length).toBeLessThan(17);
  });
});
