/** What the registry shows of itself: plain JSON, the same in the class and over HTTP. */
import type { Stall } from '../core/events.js';
import type { InstanceView, SignalName } from './instance.js';

/**
 * What changed: its `status`; its `signals` without that; `draining`; `routing`, which is `routable`
 * by a client's report or as an outlier; or that it came or went.
 */
export type ChangeKind =
  | 'registered'
  | 'status'
  | 'signals'
  | 'routing'
  | 'draining'
  | 'deregistered'
  | 'removed';

/** One change of one instance; `instance` is its view after it, or its last one. */
export interface Change {
  readonly revision: number;
  readonly kind: ChangeKind;
  readonly instance: InstanceView;
  /** Why: `'silence'`, `'ttl'`, `'operator'`, what a client reported, … */
  readonly reason?: string;
}

export type WatchEvent =
  | {
      readonly type: 'snapshot';
      readonly revision: number;
      readonly instances: readonly InstanceView[];
    }
  | ({ readonly type: 'change' } & Change);

export interface Target {
  readonly id: string;
  readonly address: string;
  /** 0 to 1: less while overloaded, and after a return. */
  readonly weight: number;
  /** While the weight rises after a return, to `full`: so long ago that was, and so long it takes. */
  readonly rising?: { readonly full: number; readonly since: number; readonly over: number };
}

export interface Route {
  /** `'learning'`: the registry started without knowledge; the list is not complete yet. */
  readonly mode: 'normal' | 'panic' | 'empty' | 'learning';
  readonly targets: readonly Target[];
  readonly excluded: readonly { readonly id: string; readonly reason: string }[];
}

/** How a service stands: see population.ts for who counts. */
export interface ServiceSummary {
  readonly name: string;
  readonly n: number;
  readonly available: number;
}

/** What is counted since the start. */
export interface RegistryStats {
  /** That counted. */
  readonly heartbeats: number;
  /** Results of polls that counted, by result. */
  readonly polls: {
    readonly answered: number;
    readonly failed: number;
    readonly unreached: number;
  };
  readonly watchers: number;
  readonly services: number;
}

/** Many instances that are silent at once, by one signal. Counts as of the last event. */
export interface MassSilence {
  readonly signal: SignalName;
  /** The group that is silent as a whole; undefined for many of all instances. */
  readonly group?: string;
  /** In ms of the registry's clock. */
  readonly since: number;
  readonly overdue: number;
  readonly watched: number;
}

export type FreezeReason = 'observer' | 'everybody-down' | 'too-many-down' | 'too-few-heartbeats';

/** Nobody is removed from this service, or from any if there is none. */
export interface Freeze {
  readonly service?: string;
  /** In ms of the registry's clock. */
  readonly since: number;
  readonly reason: FreezeReason;
  /** It has lasted for longer than option `removal.notice`. */
  readonly overdue: boolean;
}

/** What one comparison found. */
export interface Comparison {
  readonly service: string;
  readonly figure: string;
  readonly median: number;
  readonly mad: number;
  /** All that stand out, the worst first. */
  readonly standOut: readonly string[];
  /** Those of them that get no traffic: at most a tenth of the service. */
  readonly out: readonly string[];
}

/** `Registry.protection`: plain JSON. Instants in ms of the registry's clock, durations in ms. */
export interface Protection {
  /** Times in which this process could not run, since the start. */
  readonly stall: {
    readonly count: number;
    readonly total: number;
    readonly last: Stall | undefined;
  };
  /** Of either signal; the counts are those of the last one that began or ended. */
  readonly massSilence: {
    readonly active: boolean;
    readonly overdue: number;
    readonly watched: number;
    /** Each that is active: of all instances, or of a group. */
    readonly silent: readonly MassSilence[];
  };
  /** Services whose routing does not believe what we think of them. */
  readonly panic: readonly {
    readonly service: string;
    readonly available: number;
    readonly n: number;
  }[];
  readonly removal: {
    /** Anything is: the registry, or a service. */
    readonly frozen: boolean;
    /** Of the oldest freeze. */
    readonly since: number | undefined;
    readonly reason: string | undefined;
    /** Instances whose lease has run out. */
    readonly candidates: number;
    /** One has lasted for longer than `removal.notice`, 15 minutes by default. */
    readonly overdue15min: boolean;
    readonly freezes: readonly Freeze[];
  };
  readonly outliers: readonly Comparison[];
  /** It does not know everybody yet: see option `warmUp`. */
  readonly learning: boolean;
  readonly links: {
    readonly down: number;
    /** Restored instances that were not heard since, and may not have been. */
    readonly waiting: number;
  };
}
