/** Nodes of hosts, whose switches fail for a while; now and then a node of another host dies. */
import type { Fault } from '../faults.js';
import type { DrawWorld } from './draw-world.js';

export const groups: DrawWorld = ({ random, beats }) => {
  const hosts = 2 + random.below(12);
  const size = random.pick([6, 10, 30]);
  const nodes = hosts * size;
  const base = random.pick([500, 1000, 1000, 2000]);
  const every = 60_000 + 40 * base;
  const duration = Math.max(Math.min((beats / nodes) * base, 400 * base), 30 * base + every);
  const faults: Fault[] = [];
  for (let at = 30 * base; at + every <= duration; at += every) {
    const cut = 1 + random.below(hosts - 1);
    const first = random.below(hosts);
    const isCut = (host: number) => (host - first + hosts) % hosts < cut;
    const of = Array.from({ length: nodes }, (_, node) => node);
    const behind = of.filter((node) => isCut(node % hosts));
    const others = of.filter((node) => !isCut(node % hosts));
    const silent = Math.min(random.between(3, 12) * base, 22_000);
    const spread = random.pick([0, 0, random.next() * base]);
    faults.push({ at, fault: 'staggered', nodes: behind, duration: silent, spread });
    if (random.next() < 0.6) {
      const deadline = at + random.next() * silent;
      faults.push({ at: deadline, fault: 'crash', nodes: random.pick(others) });
    }
  }
  const names = Array.from({ length: nodes }, (_, node) => `host-${node % hosts}`);
  return { nodes, interval: base, groups: names, duration, faults };
};
