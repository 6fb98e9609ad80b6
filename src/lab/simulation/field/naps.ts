/** Nodes that announce when they beat next, and sleep until then, longer, or not as long. */
import type { Fault } from '../faults.js';
import type { DrawWorld } from './draw-world.js';

export const naps: DrawWorld = ({ random, beats }) => {
  const nodes = random.pick([1, 3, 10, 30]);
  const observers = 1 + random.below(2);
  const interval = random.pick([200, 1000, 1000, 5000]);
  const most = (beats / (nodes * observers)) * interval;
  const duration = Math.max(Math.min(most, 600 * interval), 200 * interval);
  const faults: Fault[] = [];
  for (let at = 30 * interval; at < duration; ) {
    const together = random.next() < 0.2;
    const nap = interval * random.pick([0.5, 3, 20, 60]) * random.between(0.7, 1.5);
    const wakesAfter = random.pick([nap, nap, nap, nap * random.next(), nap + 20 * interval]);
    const who = together ? 'all' : random.below(nodes);
    faults.push({ at, fault: 'nap', nodes: who, duration: nap, wakesAfter });
    for (let more = random.pick([0, 0, 0, 12]); more > 0; more--) {
      at += wakesAfter + 0.1 * interval; // as who sleeps all night does between its heartbeats
      faults.push({ at, fault: 'nap', nodes: who, duration: nap, wakesAfter });
    }
    const during = at + random.next() * nap;
    const fault = random.pick(['crash', 'restart', undefined, undefined, undefined] as const);
    if (fault) faults.push({ at: during, fault, nodes: random.below(nodes) });
    if (random.next() < 0.3) faults.push({ at: at + nap, fault: 'restart', nodes: 'all' });
    at += nap + random.between(5, 40) * interval;
  }
  const model = random.pick(['logistic', 'exponential', 'calibrated', 'normal', 'normal'] as const);
  const limit = random.next() < 0.3 ? { maxSilence: random.pick([3, 30]) * interval } : {};
  return {
    nodes,
    observers,
    interval,
    duration,
    faults,
    detector: { heartbeatInterval: interval, model, ...limit },
  };
};
