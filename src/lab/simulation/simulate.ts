/** A world from its seed: run to its end, checked all the way. */
import type { Violation } from './invariants.js';
import type { SimulationEvent } from './observer.js';
import type { Accuracy, Detection } from './quality.js';
import { resolveWorld, type SimulateOptions } from './simulate-options.js';
import { World } from './world.js';

export interface Simulation {
  readonly seed: number;
  /** All that the detectors said, in order. */
  readonly events: readonly SimulationEvent[];
  /** Heartbeats that were sent to observers, and that observers read. */
  readonly sent: number;
  readonly beats: number;
  /** Invariants that were broken; see `INVARIANTS`. */
  readonly violations: readonly Violation[];
  /** The death that went unnoticed for longest, in ms; undefined if none was to be noticed. */
  readonly worstDetectionDelay: number | undefined;
  /** That death: whose, when, and how long it might have taken. */
  readonly worstDetection: Detection | undefined;
  readonly accuracy: Accuracy;
  /** One line of code that runs the same again. */
  readonly replay: string;
}

/**
 * Runs a world of nodes, links and observers, whose detectors are real ones, and checks in it what
 * must always hold. Time is simulated: an hour takes some milliseconds.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came
 */
export function simulate(options?: SimulateOptions): Simulation {
  const given = resolveWorld(options);
  const world = new World(given);
  world.run();
  const { observers, nodes, events, violations, sent } = world;
  const qualities = observers.map(({ checker }) => checker.quality);
  const sum = (of: (quality: (typeof qualities)[number]) => number) =>
    qualities.reduce((total, quality) => total + of(quality), 0);
  const ran = nodes.ranUntil(given.duration) * observers.length;
  const mistaken = sum((quality) => quality.mistakenUntil(given.duration));
  const worst = qualities
    .map((quality) => quality.worst)
    .reduce((a, b) => ((b?.delay ?? -1) > (a?.delay ?? -1) ? b : a), undefined);
  return {
    seed: given.seed,
    events,
    sent,
    beats: observers.reduce((total, { beats }) => total + beats, 0),
    violations,
    worstDetectionDelay: worst?.delay,
    worstDetection: worst,
    accuracy: {
      suspicions: sum((quality) => quality.suspicions),
      mistakes: sum((quality) => quality.mistakes),
      excused: sum((quality) => quality.excused),
      availability: ran > 0 ? 1 - mistaken / ran : 1,
    },
    replay: `simulate(${JSON.stringify(options ?? {})})`,
  };
}
