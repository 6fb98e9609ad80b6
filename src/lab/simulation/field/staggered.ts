/** All or some are cut off at once, and return one after another; now and then one never does. */
import type { Fault } from '../faults.js';
import type { DrawWorld } from './draw-world.js';

export const staggered: DrawWorld = ({ random, beats }) => {
  const nodes = random.pick([5, 10, 30, 100, 300]);
  const observers = 1 + random.below(2);
  const base = random.pick([500, 1000, 1000, 2000]);
  const mixed = random.next() < 0.3;
  const interval = Array.from({ length: nodes }, () =>
    mixed ? Math.round(base * random.between(0.5, 3)) : base,
  );
  const duration = Math.max(Math.min((beats / (nodes * observers)) * base, 400 * base), 100 * base);
  const faults: Fault[] = [];
  for (let at = 30 * base; at < duration - 60_000; at += 60_000 + 40 * base) {
    const silent = random.between(3, 12) * base;
    const back = random.pick<Partial<Fault>>([
      {},
      { spread: random.between(0.5, 25) * 1000 },
      { backOff: random.pick([4000, 8000]) },
    ]);
    faults.push({ at, fault: 'staggered', nodes: 'all', duration: silent, ...back } as Fault);
    if (random.next() < 0.3) {
      faults.push({ at: at + random.next() * silent, fault: 'crash', nodes: random.below(nodes) });
    }
  }
  return { nodes, observers, interval: mixed ? interval : base, duration, faults };
};
