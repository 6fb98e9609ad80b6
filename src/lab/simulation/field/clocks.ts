/** The clocks that observers go by are set back and forward; some nodes die then. */
import type { Fault } from '../faults.js';
import type { DrawWorld } from './draw-world.js';

export const clocks: DrawWorld = ({ random, beats }) => {
  const nodes = random.pick([1, 3, 10, 30]);
  const observers = 1 + random.below(2);
  const interval = random.pick([200, 1000, 1000, 5000]);
  const most = (beats / (nodes * observers)) * interval;
  const duration = Math.max(Math.min(most, 600 * interval), 300 * interval);
  const faults: Fault[] = [];
  for (let at = 30 * interval; at < duration; at += random.between(30, 60) * interval + 60_000) {
    const far = random.pick([50, 5000, 60_000, 3_600_000, 86_400_000]) * random.between(1, 2);
    const by = random.next() < 0.7 ? -far : far;
    faults.push({ at, fault: 'observer-clock', observers: random.below(observers), by });
    const fault = random.pick(['crash', 'restart', undefined] as const);
    const shortly = at + random.between(-2, 10) * interval;
    if (fault) faults.push({ at: shortly, fault, nodes: random.below(nodes) });
  }
  const detector = random.next() < 0.7 ? { heartbeatInterval: interval } : {};
  return { nodes, observers, interval, duration, faults, detector };
};
