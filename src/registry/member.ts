/** One incarnation of an instance: all that the registry knows of it. */
import { classify, type Reading } from './classify.js';
import {
  type InstanceStatus,
  type InstanceView,
  KEPT,
  type Registered,
  SHOWN,
  SIGNALS,
  type SignalName,
  type SignalState,
} from './instance.js';
import { isDown, WEIGHTS } from './population.js';
import { Signal } from './signal.js';
import type { ChangeKind } from './views.js';

/** One entry of an instance's history. */
export interface PastChange {
  readonly revision: number;
  /** Wall clock, ms since 1970. */
  readonly at: number;
  readonly kind: ChangeKind;
  readonly generation: number;
  readonly status: InstanceStatus;
  readonly draining: boolean;
  readonly routable: boolean;
  readonly reason?: string;
}

/** What of a record says how its signals stood, beside the fields of `KEPT`. */
interface Restored {
  readonly polled: boolean;
  readonly heard: readonly SignalName[];
  readonly missing: readonly SignalName[];
}

const REMEMBERED = 10;

const stateOf = (reading: Reading): SignalState => (reading === 'critical' ? 'late' : reading);

export class Member {
  readonly about: Registered;
  readonly id: string;
  readonly generation: number;
  readonly registeredAt: number;
  /** A lease without traffic, such as a lock: in no route, no population and no panic. */
  readonly isLeaseOnly: boolean;
  readonly signals: Readonly<Record<SignalName, Signal>> = {
    service: new Signal(),
    process: new Signal(),
  };
  changedAt: number;
  status: InstanceStatus = 'starting';
  states: InstanceView['signals'] = { process: 'unused', service: 'unused' };
  ready: boolean;
  /** Asked to go by itself, for this incarnation; and by an operator, for its id: see drains.ts. */
  nodeDrains = false;
  operatorDrains = false;
  /** Until when it is out because clients said that it fails. */
  ejectedUntil: number | undefined;
  /** How often in a row, and when it was back last. */
  ejections = 0;
  readmittedAt = -Infinity;
  /** A check is configured for it that has to pass before it is routed to; and has not yet. */
  isChecked = false;
  awaitsCheck = false;
  /** Its polls fail while its neighbours' are answered. */
  failsAlone = false;
  /** The figure by which it stands out. */
  outlier: string | undefined;
  figures: Readonly<Record<string, number>> | undefined;
  /** Since when it is routable; −Infinity for always. */
  routableSince = -Infinity;
  /** When it was first heard in this incarnation. */
  heardAt = Infinity;
  /** It has been down for long: no panic begins for it. */
  longDown = false;
  /** Since when it is certain that it is down: it is no part of the population any more. */
  confirmedAt: number | undefined;
  /** When it registered, in ms of the registry's clock. */
  grantedAt: number;
  /** When its lease was granted or given anew, and what was paused by then. */
  armedAt: number;
  armedPaused: number;
  /** Of a lease without traffic, which no detector hears: the last number, and whether it is proved. */
  sequence = -1;
  verified = false;
  /** What its secret is in bytes, once it was asked for: beats are proved by it. */
  key: Buffer | undefined;
  history: PastChange[] = [];
  /** This incarnation is over, or another has taken its place. */
  over = false;
  /** Of the registry, at which it last changed. */
  revision = 0;
  view!: InstanceView;

  constructor(about: Registered, generation: number, wall: number, now: number, paused: number) {
    this.about = about;
    this.id = about.id;
    this.isLeaseOnly = about.service === '';
    this.ready = about.ready;
    this.generation = generation;
    this.registeredAt = wall;
    this.changedAt = wall;
    this.grantedAt = now;
    this.armedAt = now;
    this.armedPaused = paused;
  }

  /** Whether it counts: see population.ts. */
  get counts(): boolean {
    return (
      !this.isLeaseOnly &&
      !this.draining &&
      this.ready &&
      this.status !== 'starting' &&
      !this.awaitsCheck &&
      this.confirmedAt === undefined
    );
  }

  /** It counts, and is missing. */
  get down(): boolean {
    return this.counts && isDown(this.status);
  }

  get isHeard(): boolean {
    return this.status !== 'starting' && !isDown(this.status);
  }

  get isLate(): boolean {
    return this.status === 'overloaded' || this.status === 'critical';
  }

  get draining(): boolean {
    return this.nodeDrains || this.operatorDrains;
  }

  get routable(): boolean {
    return this.excluded === undefined;
  }

  /** Why it is not routable. */
  get excluded(): string | undefined {
    if (this.isLeaseOnly) return 'no-service';
    if (this.draining) return 'draining';
    if (WEIGHTS[this.status] === undefined) return this.status;
    if (this.failsAlone) return this.status;
    if (this.ejectedUntil !== undefined) return 'reported';
    return this.outlier === undefined ? undefined : 'outlier';
  }

  /** The signal by which its lease runs: the service's own word if it ever gave one. */
  get leaseSignal(): SignalName {
    return this.signals.service.heard || !this.signals.process.heard ? 'service' : 'process';
  }

  /** The status that follows from its signals, and from what it says of itself. */
  decide(
    ready = this.ready,
    awaitsCheck = this.awaitsCheck,
  ): {
    readonly status: InstanceStatus;
    readonly states: InstanceView['signals'];
  } {
    const process = this.signals.process.reading;
    const heard = this.signals.service.reading;
    const service = !ready && heard !== 'missing' ? 'not-ready' : heard;
    // Who was never there is not dead, however many polls have failed: it may still be starting.
    const isHeard = this.signals.process.heard || this.signals.service.heard;
    const status = isHeard ? classify(process, service, this.status) : 'starting';
    return {
      status: awaitsCheck && WEIGHTS[status] !== undefined ? 'starting' : status,
      states: { process: stateOf(process), service: stateOf(service) },
    };
  }

  /** Makes the view of it after a change. */
  show(revision: number, kind: ChangeKind, wall: number, reason: string | undefined): void {
    this.revision = revision;
    const view: Record<string, unknown> = {};
    for (const [key, as] of SHOWN) {
      const value =
        key in this.about ? this.about[key as keyof Registered] : this[as as keyof this];
      if (value !== '') view[key] = value;
    }
    this.view = Object.freeze(view) as unknown as InstanceView;
    const { generation, status, draining, routable } = this.view;
    const standing = { generation, status, draining, routable };
    const past = { revision, at: wall, kind, ...standing, ...(reason && { reason }) };
    if (this.history.push(past) > REMEMBERED) this.history.shift();
  }

  /** Stands as a record says that it stood; how far a signal was between two levels is not known. */
  restore(record: Restored, now: number): void {
    for (const [key, , { as }] of KEPT) {
      Object.assign(this, { [as]: record[key as keyof Restored] });
    }
    if (this.status !== 'starting') this.heardAt = now;
    for (const name of SIGNALS) {
      const signal = this.signals[name];
      signal.beaten = record.heard.includes(name);
      signal.polled = name === 'process' && record.polled;
      if (signal.heard && !this.isLeaseOnly)
        signal.held = record.missing.includes(name) ? 'missing' : 'ok';
    }
    this.states = this.decide().states;
  }
}
