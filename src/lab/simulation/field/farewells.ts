/** Nodes leave on purpose, and some come back; what they have sent arrives late, twice, or never. */
import type { Fault } from '../faults.js';
import type { DrawWorld } from './draw-world.js';

export const farewells: DrawWorld = ({ random, beats }) => {
  const nodes = random.pick([1, 3, 10, 30]);
  const observers = 1 + random.below(2);
  const interval = random.pick([200, 1000, 1000, 5000]);
  const most = (beats / (nodes * observers)) * interval;
  const duration = Math.max(Math.min(most, 600 * interval), 200 * interval);
  const faults: Fault[] = [];
  for (let at = 10 * interval; at < duration; at += random.between(0.1, 30) * interval) {
    const node = random.below(nodes);
    faults.push({ at, fault: 'leave', nodes: node });
    const held = random.between(0.1, 10) * interval;
    const before = Math.max(at - random.between(0, 3) * interval, 0);
    if (random.next() < 0.3) {
      faults.push({ at: before, fault: 'partition', nodes: node, duration: held, queued: true });
    }
    const away = random.pick([0.01, 1, 5, 70]) * interval * random.between(0.5, 1.5);
    if (random.next() < 0.8) faults.push({ at: at + away, fault: 'restart', nodes: node });
  }
  const worst = random.pick([0, 0.1, 0.3]);
  const network = { loss: random.pick([0, 0.1]), duplicate: worst, reorder: worst };
  const detector = random.next() < 0.7 ? { heartbeatInterval: interval } : {};
  return { nodes, observers, interval, duration, network, faults, detector };
};
