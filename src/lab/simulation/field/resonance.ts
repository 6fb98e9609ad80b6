/** Observers that stall again and again, in step with the heartbeats or nearly so. */
import type { Fault } from '../faults.js';
import type { DrawWorld } from './draw-world.js';

export const resonance: DrawWorld = ({ random, beats }) => {
  const nodes = random.pick([1, 3, 10, 30]);
  const interval = random.pick([50, 100, 100, 200, 1000]);
  const inStep = interval * Math.max(Math.ceil(200 / interval), 1 + random.below(4));
  const period = random.next() < 0.7 ? inStep : inStep * random.between(0.9, 1.1);
  const stalled = Math.max(period * random.between(0.5, 0.8), 120);
  const duration = Math.max(Math.min((beats / nodes) * interval, 120_000), 30_000 + 50 * interval);
  const faults: Fault[] = [];
  const end = Math.min(duration - 10_000, 40_000) + 20 * interval;
  for (let at = 30 * interval; at < end; at += period) {
    faults.push({ at, fault: 'stall', duration: stalled });
  }
  const jitter = random.pick([0, 0.01, 0.02]);
  const detector = random.next() < 0.5 ? { heartbeatInterval: interval } : {};
  return { nodes, interval, duration, jitter, faults, detector };
};
