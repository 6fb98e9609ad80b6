/** Nodes sleep now and then for as long as `acceptablePause` tolerates, or longer; some never wake. */
import type { Fault } from '../faults.js';
import type { DrawWorld } from './draw-world.js';

export const pauses: DrawWorld = ({ random, beats }) => {
  const nodes = random.pick([1, 3, 10]);
  const interval = random.pick([200, 1000, 1000, 5000]);
  const acceptablePause = interval * random.pick([5, 20, 100, 600]) * random.between(0.7, 1.5);
  const most = (beats / nodes) * interval;
  const known = random.pick([40, 100, 300]);
  const duration = Math.max(Math.min(most, 5000 * interval), 2 * known * interval);
  const faults: Fault[] = [];
  const longest = random.pick([0.98, 1.5]);
  for (let at = known * interval; at < duration; ) {
    const node = random.pick<number | 'all'>([random.below(nodes), 'all']);
    const asleep = Math.max(acceptablePause * longest * random.next(), interval);
    faults.push({ at, fault: 'freeze', nodes: node, duration: asleep, burst: random.pick([0, 1]) });
    if (random.next() < 0.1) {
      faults.push({ at: at + random.next() * asleep, fault: 'crash', nodes: random.below(nodes) });
    }
    at += asleep + random.between(25, 60) * interval;
  }
  const model = random.pick(['logistic', 'exponential', 'calibrated', 'normal', 'normal'] as const);
  return {
    nodes,
    interval,
    duration,
    faults,
    detector: { heartbeatInterval: interval, acceptablePause, model },
  };
};
