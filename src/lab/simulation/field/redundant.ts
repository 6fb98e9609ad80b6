/** Nodes are heard by several links, some of which go down for a while or for good; some nodes die then. */
import type { Fault } from '../faults.js';
import type { DrawWorld } from './draw-world.js';

export const redundant: DrawWorld = ({ random, beats }) => {
  const nodes = random.pick([1, 3, 10, 30]);
  const links = random.pick([2, 2, 3]);
  const interval = random.pick([200, 1000, 1000, 5000]);
  const most = (beats / (nodes * links)) * interval;
  const duration = Math.max(Math.min(most, 600 * interval), 200 * interval);
  const faults: Fault[] = [];
  for (let at = 30 * interval; at < duration; at += random.between(15, 60) * interval) {
    const link = random.below(links);
    const down = random.pick([3, 30, 300]) * interval * random.between(0.5, 1.5);
    faults.push({ at, fault: 'link-down', link, duration: down });
    const shortly = at + random.between(-1, 10) * interval;
    if (random.next() < 0.2) {
      const all = random.between(2, 20) * interval;
      faults.push({ at: shortly, fault: 'outage', duration: all, known: true });
    }
    const fault = random.pick(['crash', 'restart', undefined] as const);
    const later = at + random.between(-2, 30) * interval;
    if (fault) faults.push({ at: later, fault, nodes: random.below(nodes) });
  }
  if (random.next() < 0.5) {
    const at = random.between(0.3, 0.9) * duration;
    const dead = random.below(nodes);
    faults.push({ at, fault: 'link-down', link: random.below(links) });
    faults.push({ at: at + random.next() * interval, fault: 'crash', nodes: dead });
  }
  const network = { delay: 1, jitter: random.pick([1, 20, 0.1 * interval]) };
  const detector = random.next() < 0.7 ? { heartbeatInterval: interval } : {};
  return { nodes, links, interval, duration, network, faults, detector };
};
