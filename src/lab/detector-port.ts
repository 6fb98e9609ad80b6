/**
 * What the simulation uses of a detector, those parts included that not every version has: they
 * are looked for when it runs, so that one simulation serves all of them.
 */
import { FailureDetector } from '../core/failure-detector.js';
import type { FailureDetectorOptions } from '../core/options.js';
import type { HeartbeatOutcome } from '../core/outcomes.js';

/** The guards, by the names of their options. */
export const GUARDS = ['stallGuard', 'massSilence', 'flapDamping'] as const;
export type Guard = (typeof GUARDS)[number];

/** Whether a guard is on if nothing is said of it. */
const ON_BY_DEFAULT = false;

/** Options of the detectors in a simulation; time and timers are the world's. */
export type SimulatedOptions = Omit<FailureDetectorOptions, 'clock' | 'timers' | 'signal' | Guard> &
  Partial<Record<Guard, unknown>>;

/** Makes the detector of an observer; the options hold the world's clock. */
export type MakeDetector = (options: FailureDetectorOptions) => FailureDetector<number>;

/** A link that the detector is told of when it goes down. */
export interface KnownLink {
  down(): void;
  up(): void;
}

/** What a heartbeat says of itself. */
export interface SimulatedEvidence {
  incarnation: number;
  sequence: number;
  link?: KnownLink;
}

interface Port {
  heartbeat(id: number, at: number, evidence: SimulatedEvidence): HeartbeatOutcome;
  on(event: string, listener: (payload: never) => void): void;
  link?(): KnownLink;
  snapshot?(): unknown;
}

/** A detector with all that it may or may not have. */
export const portOf = (detector: FailureDetector<number>): Port => detector as unknown as Port;

export function guardsOf(options: SimulatedOptions): Readonly<Record<Guard, boolean>> {
  const on = (guard: Guard) => {
    const value = options[guard];
    return value === undefined ? ON_BY_DEFAULT : value !== false;
  };
  return {
    stallGuard: on('stallGuard'),
    massSilence: on('massSilence'),
    flapDamping: on('flapDamping'),
  };
}

/** A copy made from a snapshot, if this version has snapshots. It has no timers. */
export function copyOf(
  detector: FailureDetector<number>,
  options: SimulatedOptions,
): FailureDetector<number> | undefined {
  const { restore } = FailureDetector as unknown as {
    restore?: (snapshot: unknown, options: unknown) => FailureDetector<number>;
  };
  const snapshot = portOf(detector).snapshot?.();
  if (snapshot === undefined || restore === undefined) return undefined;
  const plain: unknown = JSON.parse(JSON.stringify(snapshot));
  const clock = () => detector.now();
  return restore.call(FailureDetector, plain, { ...options, clock, timers: false });
}
