/** Asks a detector about a node and compares the answers with each other. */
import type { FailureDetector } from '../../core/detector.js';
import type { ResolvedOptions } from '../../core/options.js';
import type { Peer } from '../../core/peer.js';
import { copyOf, type SimulatedOptions } from './detector-port.js';

/** Relative error of φ at its own deadline. */
const PRECISION = 1e-6;
/** Of instants, in ms. */
const ROUNDING = 1e-3;

/** What is wrong with what a detector says of a peer, if anything is. */
export function inspect(
  peer: Peer<number>,
  options: ResolvedOptions,
  suspect: boolean,
  now: number,
): string | undefined {
  const phi = peer.phi(now);
  if (!(phi >= 0 && phi < Infinity)) return `φ is ${phi}`;
  const later = peer.phi(now + 1000);
  if (!(later >= phi && later < Infinity)) return `φ is ${phi}, and ${later} a second later`;
  const { mean, stdDev, sampleCount } = peer;
  if (!(mean !== undefined && mean > 0 && mean < Infinity)) return `the mean is ${mean}`;
  if (options.model === 'calibrated') {
    if (stdDev !== undefined) return `σ is ${stdDev}`;
  } else {
    if (!(stdDev !== undefined && stdDev >= 0 && stdDev < Infinity)) return `σ is ${stdDev}`;
    if (!(sampleCount > 0 && sampleCount <= options.windowSize)) return `${sampleCount} samples`;
  }
  const due = peer.suspectAt();
  if (options.maxSilence === undefined && options.model !== 'calibrated' && due > now) {
    const then = peer.phi(due);
    const error = Math.abs(then - options.threshold);
    if (!(error <= PRECISION * options.threshold)) return `φ is ${then} at its deadline`;
  }
  if ((peer.status === 'suspect') !== suspect) return `status ${peer.status} was not said`;
  return undefined;
}

/** What tells a detector from its copy by snapshot, if anything does. */
export function compareCopy(
  detector: FailureDetector<number>,
  options: SimulatedOptions,
  now: number,
): { node: number; message: string } | undefined {
  const copy = copyOf(detector, options);
  try {
    for (const node of detector.peers()) {
      const here = detector.peer(node);
      const there = copy.peer(node);
      for (const at of [now, now + 777]) {
        const phi = here?.phi(at) ?? 0;
        const restored = there?.phi(at) ?? 0;
        if (Math.abs(phi - restored) > PRECISION * Math.max(phi, 1)) {
          return { node, message: `φ ${phi}, restored ${restored}` };
        }
      }
      const due = here?.suspectAt() ?? Infinity;
      const restored = there?.suspectAt() ?? Infinity;
      if (due !== restored && !(Math.abs(due - restored) < ROUNDING)) {
        return { node, message: `due at ${due}, restored ${restored}` };
      }
      if (here?.status !== there?.status) {
        return { node, message: `${here?.status}, restored ${there?.status}` };
      }
    }
  } finally {
    copy.close();
  }
  return undefined;
}
