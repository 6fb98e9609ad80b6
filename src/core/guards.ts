/** The guards against false alarms of our own making: their options and validation. */
import { checkKeys, checkNumber, type Numbers } from './validate.js';

/** How the process's own stalls are told from silence. All in ms. */
export interface StallGuardOptions {
  /**
   * How late the process may be before it is a stall. Default 100. Lower takes shorter stalls out
   * of every silence; as low as timers jitter it would do so all the time.
   */
  slack?: number;
  /**
   * How much more than it ran the process may have stalled until its stalls count as silence all
   * the same. Default 30,000. Raising it keeps a loaded process from false alarms for longer, and
   * delays what it finds by as much at most.
   */
  maxHold?: number;
  /**
   * How long, after a stall, heartbeats that wait to be read may delay verdicts. Default 500. They
   * come as soon as a round of the event loop has brought no heartbeat.
   */
  drain?: number;
}

export type ResolvedStallGuard = Required<StallGuardOptions>;

/** When verdicts are held because too many peers are silent at once. */
export interface MassSilenceOptions {
  /**
   * Share of the peers that may be overdue when a verdict falls due. Default 0.3. Lower holds more
   * verdicts, of real failures too; 1 holds none. Above 0, at most 1.
   */
  fraction?: number;
  /** Fewer peers are no mass. Default 5. */
  minPeers?: number;
  /** Fewer overdue peers are no mass. Default 3. */
  minOverdue?: number;
  /** The longest that a verdict is held, in ms. Default 30,000. */
  maxHold?: number;
}

export type ResolvedMassSilence = Required<MassSilenceOptions>;

/** How a peer earns its return that is suspected again and again. */
export interface FlapDampingOptions {
  /**
   * From its third suspicion on a peer needs twice as many beats in time each time, up to this.
   * Default 16. Higher keeps a flapping peer out for longer. An integer from 1 to 1,000,000.
   */
  maxBeats?: number;
  /** So long after its last return, in ms, earlier ones are forgotten. Default 300,000. */
  calm?: number;
}

export type ResolvedFlapDamping = Required<FlapDampingOptions>;

interface GuardNumber extends Numbers {
  readonly value: number;
}

export const STALL_GUARD = {
  slack: { value: 100, least: 1, most: 1e15, unit: 'ms' },
  maxHold: { value: 30_000, least: 0, most: 1e15, unit: 'ms' },
  drain: { value: 500, least: 0, most: 1e15, unit: 'ms' },
} as const;
export const MASS_SILENCE = {
  fraction: { value: 0.3, least: Number.MIN_VALUE, most: 1 },
  minPeers: { value: 5, least: 1, most: Infinity },
  minOverdue: { value: 3, least: 1, most: Infinity },
  maxHold: { value: 30_000, least: 0, most: 1e15, unit: 'ms' },
} as const;
export const FLAP_DAMPING = {
  maxBeats: { value: 16, least: 1, most: 1e6, integer: true },
  calm: { value: 300_000, least: 0, most: 1e15, unit: 'ms' },
} as const;

/** The settings of a guard; undefined when it is off. */
export function checkGuard<Names extends string>(
  guard: string,
  given: unknown,
  numbers: Readonly<Record<Names, GuardNumber>>,
): Record<Names, number> | undefined {
  if (given === false) return undefined;
  const names = Object.keys(numbers) as Names[];
  const settings = checkKeys<Partial<Record<Names, number>>>(
    guard,
    given === true ? {} : (given as Partial<Record<Names, number>>),
    names,
  );
  return Object.fromEntries(
    names.map((name) => {
      const value = settings[name] ?? numbers[name].value;
      return [name, checkNumber(`${guard}.${name}`, value, numbers[name])];
    }),
  ) as Record<Names, number>;
}
