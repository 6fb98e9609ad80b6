/** A heartbeat of an instance, a poll of it, and what became of them. */
import type { SignalName } from './instance.js';

/** A way by which heartbeats of both signals come: `Registry.link`. */
export interface RegistryLink {
  /** Heartbeats cannot arrive: silence and leases of who was heard by it last stand still. */
  down(): void;
  /** They can again; what stood still goes on one `heartbeatInterval` of the registry later. */
  up(): void;
}

/** A heartbeat, as `Registry.heartbeat` takes it. */
export interface Beat {
  /** Of the incarnation that beats: an older one is refused. */
  readonly generation: number;
  /** Of the heartbeat within that incarnation and signal, an integer from 0: tells duplicates and loss. */
  readonly sequence?: number;
  /** Default `'service'`: the main loop. `'process'` says no more than that the process runs. */
  readonly signal?: SignalName;
  /** False takes its traffic away until a heartbeat says true. Default: as before. */
  readonly ready?: boolean;
  /** Figures to compare it with others of its service by: option `outliers`. Replaces the last ones. */
  readonly figures?: Readonly<Record<string, number>>;
  /** When it came, in ms of the registry's clock; default now. */
  readonly at?: number;
  /** The way it came by, as `Registry.link` gave it. */
  readonly link?: RegistryLink;
  /**
   * Whether its sender has shown that it holds the lease. Default true. False, of what anybody may
   * have sent: it counts, until one comes that is verified; from then on it is `'unverified'`.
   */
  readonly verified?: boolean;
}

/**
 * What became of a heartbeat: only `'accepted'` ones count. `'unknown'`: register again.
 * `'stale-generation'`: somebody else has taken over. `'no-generation'`: it names none.
 * `'unverified'`: the holder of the lease signs its heartbeats, and this one is not signed.
 */
export type BeatOutcome =
  | 'accepted'
  | 'duplicate'
  | 'out-of-order'
  | 'invalid-time'
  | 'in-the-future'
  | 'unknown'
  | 'stale-generation'
  | 'no-generation'
  | 'unverified';

/** The result of a poll, as `Registry.probe` takes it. */
export interface ProbeResult {
  /** `'unreached'`: it did not get as far as the target, so it is no word about that. */
  readonly outcome: 'answered' | 'failed' | 'unreached';
  /** When it came, in ms of the registry's clock; default now. */
  readonly at?: number;
  /** At which polls come, in ms; default the instance's `heartbeatInterval`. */
  readonly interval?: number;
  readonly error?: string;
}

/** What became of a poll's result; `'no-result'`: it names no outcome. */
export type ProbeOutcome = BeatOutcome | 'no-result';

/** Heartbeats and poll results that were not accepted, by reason. */
export type RegistryDrops = Record<Exclude<ProbeOutcome, 'accepted'>, number>;

/** Of reasons that others give, so many characters are kept. */
export const LONGEST_REASON = 200;

/** A generation, as somebody outside says it: an integer from 1. */
export const isGeneration = (n: unknown): n is number =>
  Number.isSafeInteger(n) && (n as number) > 0;
