/** The detectors of a simulation: their options, and who makes them. */
import { FailureDetector } from '../../core/detector.js';
import { type FailureDetectorOptions, resolveSettings } from '../../core/settings.js';

/** The guards, by the names of their options. */
export const GUARDS = ['stallGuard', 'massSilence', 'flapDamping'] as const;
export type Guard = (typeof GUARDS)[number];

/** Options of the detectors in a simulation; time and timers are the world's. */
export type SimulatedOptions = Omit<FailureDetectorOptions, 'clock' | 'timers' | 'signal'>;

/** Makes the detector of an observer; the options hold the world's clock. */
export type MakeDetector = (options: FailureDetectorOptions) => FailureDetector<number>;

/** Which guards are on. */
export function guardsOf(options: FailureDetectorOptions): Readonly<Record<Guard, boolean>> {
  const { stallGuard, massSilence, flapDamping } = resolveSettings(options);
  return {
    stallGuard: stallGuard !== undefined,
    massSilence: massSilence !== undefined,
    flapDamping: flapDamping !== undefined,
  };
}

/** A copy made from a snapshot. It has no timers, and hence no guard against stalls. */
export function copyOf(
  detector: FailureDetector<number>,
  options: SimulatedOptions,
): FailureDetector<number> {
  const plain = JSON.parse(JSON.stringify(detector.snapshot()));
  const clock = () => detector.now();
  return FailureDetector.restore(plain, { ...options, clock, timers: false, stallGuard: false });
}
