/** Nodes beat fast by day and slowly by night, and are watched by a budget of mistakes. */
import type { Fault } from '../faults.js';
import type { DrawWorld } from './draw-world.js';

export const alternating: DrawWorld = ({ random, beats }) => {
  const nodes = random.pick([1, 1, 3, 10]);
  const day = random.pick([200, 1000, 10_000]);
  const night = Math.round(day * random.pick([1.5, 2, 3, 5, 10, 30]) * random.between(0.9, 1.1));
  const phase = random.between(60, 150);
  const phases = Math.min(beats / nodes / phase, 16);
  const faults: Fault[] = [];
  let slow = false;
  let at = 0;
  for (let n = 0; n < phases; n++) {
    at += phase * (slow ? night : day);
    slow = !slow;
    faults.push({ at, fault: 'cadence', nodes: 'all', interval: slow ? night : day });
  }
  const crash: Fault = { at: at - 5 * (slow ? day : night), fault: 'crash', nodes: 0 };
  const last = faults[faults.length - 1];
  if (random.next() < 0.5 && crash.at < last.at) faults.splice(-1, 0, crash);
  const jitter = random.pick([0, 0.01, 0.02]);
  const detector = { heartbeatInterval: day, maxMistakesPerHour: random.pick([1 / 24, 1 / 168]) };
  return { nodes, interval: day, duration: at + 30 * night, jitter, faults, detector };
};
