/** Clocks of nodes are wrong by far: what they send is stamped with times that nobody can have. */
import type { Fault } from '../faults.js';
import type { DrawWorld } from './draw-world.js';

export const stamps: DrawWorld = ({ random, beats }) => {
  const nodes = random.pick([1, 3, 10, 30]);
  const observers = 1 + random.below(2);
  const interval = random.pick([200, 1000, 1000, 5000]);
  const most = (beats / (nodes * observers)) * interval;
  const duration = Math.max(Math.min(most, 600 * interval), 150 * interval);
  const faults: Fault[] = [];
  for (let at = 30 * interval; at < duration; at += random.between(20, 60) * interval) {
    const node = random.below(nodes);
    const wrong = random.between(1, 30) * interval;
    const ahead = random.pick([3_600_000, 86_400_000, 1e11]) * random.between(1, 2);
    faults.push({ at, fault: 'stamps-ahead', nodes: node, ahead, duration: wrong });
    const during = at + random.next() * wrong;
    const fault = random.pick(['crash', 'restart', undefined, undefined] as const);
    if (fault) faults.push({ at: during, fault, nodes: node });
  }
  return { nodes, observers, interval, duration, faults };
};
